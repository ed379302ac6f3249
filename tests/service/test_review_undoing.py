"""Whatever coordinators did about a pairing, taken back step by step it is as it was; on both sides of a swap."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from matcher.proposing import Proposal
from matcher.records import ListingId, Strength, Suggestion
from service.review import deciding
from service.review.deciding import RefusedError
from service.store import decisions, events, members, people, reviews, rounds
from service.store.database import Database
from service.store.decisions import AboutPair
from service.store.people import Access
from service.store.reviews import Choice, Doing, key_of
from service.wiring import Commonweal

WEEK, NEXT = "2026-W48", "2026-W49"
Make = Callable[..., Commonweal]
NUMBERS = count()
STEPS = ("approved", "rejected", "held", "undecided", "pin", "unpin", "forbid", "allow", "reword", "assign", "swap")


class Desk:
    """One pairing, another that could take its place, and what is done about the first."""

    def __init__(self, commonweal: Commonweal, cast: Mapping[str, Any], by: str) -> None:
        number = next(NUMBERS)
        self.commonweal, self.by = commonweal, by
        offers = [replace(cast["offer"], id=ListingId(f"o{number}-{one}")) for one in range(2)]
        need = replace(cast["need"], id=ListingId(f"n{number}"))
        self.first, self.other = (
            Suggestion(need=need, offer=offer, fit=0.75, strength=Strength.GOOD, score=1.0) for offer in offers
        )
        self.key = key_of(WEEK, *self.first.pair)
        with commonweal.database.write() as connection:
            members.save(connection, listings={one.id: one for one in (need, *offers)})
            rounds.propose(connection, WEEK, Proposal((self.first, self.other)), versions={}, at=commonweal.now())
            decisions.pin(connection, NEXT, *self.first.pair, "asked for next week", commonweal.now())

    def version(self, key: str) -> int:
        with self.commonweal.database.read() as connection:
            found = reviews.load(connection, key)
        return found.version if found else 0

    def state(self) -> list[tuple[object, ...]]:
        """All that a step can change of both pairings: what is decided, pinned and forbidden, and why."""
        found = []
        with self.commonweal.database.read() as connection:
            for one in (self.first, self.other):
                review = reviews.load(connection, key_of(WEEK, *one.pair)) or reviews.untouched(WEEK, one, "tests")
                kept = (review.decision, review.why, review.says, review.assigned_to)
                found.append((*kept, decisions.about_pair(connection, *one.pair)))
        return found

    def steps(self) -> tuple[reviews.Step, ...]:
        with self.commonweal.database.read() as connection:
            return reviews.steps(connection, [self.key]).get(self.key, ())

    def do(self, what: str, why: str, of: Suggestion | None = None) -> None:
        key = key_of(WEEK, *(of or self.first).pair)
        act = self.commonweal, WEEK, key, self.by, self.version(key)
        if what in set(Choice):
            deciding.decide(*act, Choice(what), why)
        elif what == "reword":
            deciding.reword(*act, why)
        elif what == "assign":
            deciding.assign(*act, self.by if why == "one" else None)
        elif what == "swap":
            deciding.swap(*act, self.other, why)
        elif what in ("pin", "forbid"):
            getattr(deciding, what)(*act, why)
        else:
            getattr(deciding, what)(*act)

    def undo(self, step: int) -> None:
        deciding.undo(self.commonweal, WEEK, self.key, self.by, self.version(self.key), step)


@pytest.fixture
def desk(sqlite: Database, make: Make, cast: Mapping[str, Any]) -> Callable[[], Desk]:
    with sqlite.write() as connection:
        members.save(connection, organisations={one.id: one for one in (cast["alba"], cast["borea"])})
        person = people.ensure(connection, "ciano@desk.example", "Ciano")
        people.grant(connection, person.id, Access.COORDINATOR)
    commonweal = make(sqlite)
    return lambda: Desk(commonweal, cast, person.id)


Done = st.tuples(st.sampled_from(STEPS), st.sampled_from(("one", "two")))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(todo=st.lists(Done, max_size=8))
@example(todo=[("swap", "one"), ("swap", "one")])
@example(todo=[("swap", "one"), ("swap", "two"), ("reword", "one")])
def test_steps_taken_back_from_the_last_to_the_first_leave_what_was_there(
    desk: Callable[[], Desk], todo: list[tuple[str, str]]
) -> None:
    here = desk()
    was = []
    for what, why in todo:
        before, count_before = here.state(), len(here.steps())
        try:
            here.do(what, why)
        except RefusedError:
            assert (here.state(), len(here.steps())) == (before, count_before)
            continue
        if here.steps()[0].after:
            was.append((here.steps()[0].id, before))
    for step, before in reversed(was):
        here.undo(step)
        assert here.state() == before


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(todo=st.lists(Done, min_size=1, max_size=6), chosen=st.integers(0, 5))
def test_an_undo_and_its_own_undo_leave_what_was_there(
    desk: Callable[[], Desk], todo: list[tuple[str, str]], chosen: int
) -> None:
    here = desk()
    for what, why in todo:
        try:
            here.do(what, why)
        except RefusedError:
            continue
    before, steps = here.state(), here.steps()
    if not steps:
        return
    try:
        here.undo(steps[chosen % len(steps)].id)
    except RefusedError:
        assert here.state() == before
        return
    assert here.steps()[0].what is Doing.UNDO
    here.undo(here.steps()[0].id)
    assert here.state() == before


def test_a_forbid_taken_back_brings_back_the_pins_it_displaced_each_with_its_reason(desk: Callable[[], Desk]) -> None:
    here = desk()
    here.do("pin", "this week too")
    here.do("forbid", "rivals")
    assert here.state()[0][-1] == AboutPair({}, "rivals")
    here.undo(here.steps()[0].id)
    assert here.state()[0][-1] == AboutPair({WEEK: "this week too", NEXT: "asked for next week"}, None)
    with here.commonweal.database.read() as connection:
        said = [one.says for one in events.about(connection, here.first.need.organisation)]
    assert said == ["Allowed a pairing again with borea.", "Forbade a pairing with borea: rivals"]


def test_a_pin_of_a_round_released_meanwhile_stays_away(desk: Callable[[], Desk]) -> None:
    here = desk()
    here.do("forbid", "rivals")
    with here.commonweal.database.write() as connection:
        rounds.propose(connection, NEXT, Proposal(()), versions={}, at=here.commonweal.now())
        assert rounds.release(connection, NEXT, here.commonweal.now())
    here.undo(here.steps()[0].id)
    assert here.state()[0][-1] == AboutPair({}, None)


def test_a_swap_taken_back_and_done_again_is_both_times_on_both_sides(desk: Callable[[], Desk]) -> None:
    here = desk()
    before = here.state()
    here.do("swap", "theirs has a lift")
    swapped = here.state()
    assert [(one[0], sorted(one[-1].pins)) for one in swapped] == [
        (Choice.REJECTED, [NEXT]),
        (Choice.APPROVED, [WEEK]),
    ]
    for state in (before, swapped, before):
        here.undo(here.steps()[0].id)
        assert here.state() == state


def test_a_swap_whose_other_side_was_decided_upon_since_is_not_taken_back(desk: Callable[[], Desk]) -> None:
    here = desk()
    here.do("swap", "theirs has a lift")
    here.do("held", "the lift is broken", of=here.other)
    before = here.state()
    with pytest.raises(RefusedError, match="Ciano changed the same later: on hold"):
        here.undo(here.steps()[0].id)
    assert here.state() == before


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("rejected", "That pairing is rejected by Ciano (“too far”): decide about it itself first."),
        ("held", "That pairing is on hold by Ciano (“too far”): decide about it itself first."),
        ("forbid", "This pair is forbidden, whatever the occasion: allow it first."),
    ],
)
def test_no_swap_lets_in_what_somebody_decided_against(desk: Callable[[], Desk], what: str, says: str) -> None:
    here = desk()
    here.do(what, "too far", of=here.other)
    before = here.state()
    with pytest.raises(RefusedError) as refused:
        here.do("swap", "instead")
    assert str(refused.value) == says
    with pytest.raises(RefusedError) as refused:
        deciding.add(here.commonweal, WEEK, here.by, here.other, "said in the room")
    assert (str(refused.value), here.state()) == (says, before)


def test_what_is_forbidden_is_allowed_before_it_is_approved(desk: Callable[[], Desk]) -> None:
    here = desk()
    here.do("forbid", "rivals")
    with pytest.raises(RefusedError, match="allow it first"):
        here.do("approved", "")
    done = deciding.in_bulk(here.commonweal, WEEK, {here.key: 1, "gone": 0}, here.by, Choice.APPROVED)
    assert (done.done, done.late, sorted(done.refused)) == ((), (), sorted((here.key, "gone")))
    here.do("allow", "")
    here.do("approved", "")
    assert here.state()[0] == (Choice.APPROVED, "", "", None, AboutPair({}, None))
