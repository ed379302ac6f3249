"""Solving a round or a session around what was decided: what it would change, and that no decision is changed by it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from matcher.records import ListingId, OrganisationId, Standing
from service import rounds
from service.review import deciding, occasions, solving
from service.review.occasions import ClosedError, UnknownOccasionError
from service.review.queue import queue
from service.review.solving import KnockOn
from service.store import decisions, members, people, reviews, sessions
from service.store import rounds as stored
from service.store.people import Access
from service.store.reviews import Choice, key_of
from service.store.sessions import Attendance, Attendee, Session, State
from service.wiring import Commonweal

WEEK, SESSION = "2026-W48", "5e551011"
PAIR, OTHER = (ListingId("alba-n1"), ListingId("borea-o1")), (ListingId("alba-n1"), ListingId("delos-o1"))
ALBA, BOREA, DELOS = OrganisationId("alba"), OrganisationId("borea"), OrganisationId("delos")


@pytest.fixture
def by(commonweal: Commonweal, cast: Mapping[str, Any]) -> str:
    """A coordinator, in a network where Delos offers what Borea does, nearly."""
    delos = replace(cast["borea"], id=DELOS, name="Delos", standing=Standing.MEMBER)
    offer = replace(cast["offer"], id=OTHER[1], organisation=DELOS, text=f"{cast['offer'].text}, and on Fridays")
    with commonweal.database.write() as connection:
        members.save(connection, organisations={DELOS: delos}, listings={offer.id: offer})
        person = people.ensure(connection, "ciano@desk.example", "Ciano")
        people.grant(connection, person.id, Access.COORDINATOR)
    return person.id


@pytest.fixture
def plan(commonweal: Commonweal, by: str) -> Callable[..., Session]:
    """Plans a session on a Thursday, for Alba, Borea and Delos."""

    def planned(slots: int = 8) -> Session:
        stamp = {"made_by": by, "made_at": commonweal.now()}
        made = Session(id=SESSION, title="Thursdays", day=date(2026, 12, 3), slots=slots, **stamp)  # type: ignore[arg-type]
        stamp = {"changed_by": by, "changed_at": commonweal.now()}
        with commonweal.database.write() as connection:
            sessions.add(connection, made)
            for one in (ALBA, BOREA, DELOS):
                attendee = Attendee(session=SESSION, organisation=one, state=Attendance.COMING, **stamp)  # type: ignore[arg-type]
                assert sessions.keep_attendee(connection, attendee)
        return made

    return planned


def pairs(commonweal: Commonweal, occasion: str) -> set[tuple[str, str]]:
    with commonweal.database.read() as connection:
        return set(occasions.pairs(connection, occasion))


def told(change: KnockOn) -> dict[str, object]:
    return {
        "new": [one.pair for one in change.new],
        "gone": [one.pair for one in change.gone],
        "served": change.served,
        "left_out": change.left_out,
        "unmet": change.unmet,
    }


NOTHING: dict[str, object] = {"new": [], "gone": [], "served": (), "left_out": (), "unmet": ()}


@pytest.fixture(params=[WEEK, SESSION])
def occasion(request: pytest.FixtureRequest, commonweal: Commonweal, by: str, plan: Callable[..., Session]) -> str:
    """The same two pairings, proposed for a week and planned for a session."""
    if request.param == SESSION:
        plan()
    assert solving.solve(commonweal, request.param) == 1
    assert pairs(commonweal, request.param) == {PAIR, OTHER}
    return str(request.param)


def test_a_knock_on_says_who_would_lose_or_gain_their_only_one_and_stores_nothing(
    commonweal: Commonweal, by: str, occasion: str
) -> None:
    assert told(solving.knock_on(commonweal, occasion, trying=[PAIR])) == NOTHING
    assert told(solving.knock_on(commonweal, occasion, without=[PAIR])) == {
        **NOTHING,
        "gone": [PAIR],
        "left_out": (BOREA,),
    }
    assert pairs(commonweal, occasion) == {PAIR, OTHER}
    deciding.decide(commonweal, occasion, key_of(occasion, *PAIR), by, 0, Choice.HELD)
    solving.solve(commonweal, occasion)
    assert told(solving.knock_on(commonweal, occasion, trying=[PAIR])) == {**NOTHING, "new": [PAIR], "served": (BOREA,)}


def test_a_knock_on_says_why_a_pin_cannot_be_had(commonweal: Commonweal, occasion: str) -> None:
    with commonweal.database.write() as connection:
        decisions.block(connection, ALBA, BOREA, "rivals")
    assert told(solving.knock_on(commonweal, occasion, trying=[PAIR])) == {
        **NOTHING,
        "gone": [PAIR],
        "left_out": (BOREA,),
        "unmet": ("These two organisations are not to be introduced.",),
    }


@pytest.mark.parametrize("occasion", [WEEK, SESSION])
@pytest.mark.parametrize("how", ["approved", "pinned"])
def test_where_there_is_room_for_one_it_is_the_one_that_was_approved_or_pinned(
    commonweal: Commonweal,
    by: str,
    plan: Callable[..., Session],
    make: Callable[..., Commonweal],
    occasion: str,
    how: str,
) -> None:
    tight = make(commonweal.database, needs_cap=1)
    plan(slots=1)
    solving.solve(tight, occasion)
    (best,) = pairs(tight, occasion)
    (worse,) = {PAIR, OTHER} - {best}
    assert told(solving.knock_on(tight, occasion, trying=[worse])) == {  # type: ignore[list-item]
        **NOTHING,
        "new": [worse],
        "gone": [best],
        "served": (OWNERS[worse[1]],),
        "left_out": (OWNERS[best[1]],),
    }
    (instead,) = solving.knock_on(tight, occasion, trying=[worse]).new  # type: ignore[list-item]
    kept = deciding.add(tight, occasion, by, instead, "they asked")
    if how == "approved":
        deciding.unpin(tight, occasion, kept.key, by, 1)
    solving.solve(tight, occasion)
    assert pairs(tight, occasion) == {worse}


OWNERS = {"borea-o1": BOREA, "delos-o1": DELOS}


def test_what_was_kept_out_and_what_was_let_in_stays_so_however_often_it_is_solved(
    commonweal: Commonweal, by: str, occasion: str
) -> None:
    deciding.decide(commonweal, occasion, key_of(occasion, *PAIR), by, 0, Choice.REJECTED, "not this time")
    deciding.pin(commonweal, occasion, key_of(occasion, *OTHER), by, 0, "they asked")
    with commonweal.database.read() as connection:
        before = reviews.of(connection, occasion)
    for revision in (2, 3):
        assert solving.solve(commonweal, occasion) == revision
        assert pairs(commonweal, occasion) == {OTHER}
    with commonweal.database.read() as connection:
        assert reviews.of(connection, occasion) == before
    assert {one.review.pair: one.is_proposed for one in queue(commonweal, occasion).pairings} == {
        PAIR: False,
        OTHER: True,
    }


def test_a_forbidden_pair_comes_neither_here_nor_elsewhere(commonweal: Commonweal, by: str, occasion: str) -> None:
    deciding.forbid(commonweal, occasion, key_of(occasion, *PAIR), by, 0, "rivals")
    assert {one.pair for one in rounds.run(commonweal, "2026-W49").proposal.suggestions} == {OTHER}
    deciding.allow(commonweal, occasion, key_of(occasion, *PAIR), by, 1)
    assert {one.pair for one in rounds.run(commonweal, "2026-W49").proposal.suggestions} == {PAIR, OTHER}
    solving.solve(commonweal, occasion)
    assert pairs(commonweal, occasion) == {OTHER}, "allowed again, it is still rejected for this occasion"


def test_what_is_decided_for_a_session_leaves_the_round_alone_and_the_other_way_round(
    commonweal: Commonweal, by: str, plan: Callable[..., Session]
) -> None:
    plan()
    for one in (WEEK, SESSION):
        solving.solve(commonweal, one)
    deciding.decide(commonweal, SESSION, key_of(SESSION, *PAIR), by, 0, Choice.REJECTED, "they sit together anyway")
    deciding.decide(commonweal, WEEK, key_of(WEEK, *OTHER), by, 0, Choice.HELD)
    for one in (WEEK, SESSION):
        solving.solve(commonweal, one)
    assert (pairs(commonweal, WEEK), pairs(commonweal, SESSION)) == ({PAIR}, {OTHER})


def test_a_release_names_what_is_rejected_and_still_in_the_round_with_the_remedy(
    commonweal: Commonweal, by: str
) -> None:
    solving.solve(commonweal, WEEK)
    deciding.decide(commonweal, WEEK, key_of(WEEK, *PAIR), by, 0, Choice.REJECTED, "too far")
    with pytest.raises(rounds.StaleError) as refused:
        rounds.release(commonweal, WEEK)
    assert str(refused.value) == (
        "the round of 2026-W48 does not hold any more. "
        "Solve it anew, at the desk or with: commonweal round --week 2026-W48. "
        "alba-n1 and borea-o1 (Alba Community Kitchen with Borea Transport): rejected or held, and still in it."
    )
    solving.solve(commonweal, WEEK)
    assert rounds.release(commonweal, WEEK)
    with commonweal.database.read() as connection:
        released = stored.load(connection, WEEK)
    assert released is not None
    assert [one.pair for one in released.suggestions] == [OTHER]


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("released", "This round was released: what was decided stays as it is."),
        ("past", "This session is over: what was decided stays as it is."),
        ("cancelled", "This session was cancelled. Plan it again to decide more."),
    ],
)
def test_what_is_over_is_read_and_decided_no_more(
    commonweal: Commonweal, by: str, plan: Callable[..., Session], how: str, says: str
) -> None:
    occasion = WEEK if how == "released" else SESSION
    session = None if how == "released" else plan()
    solving.solve(commonweal, occasion)
    kept = deciding.decide(commonweal, occasion, key_of(occasion, *PAIR), by, 0, Choice.APPROVED)
    if how == "released":
        assert rounds.release(commonweal, WEEK)
    elif session:
        with commonweal.database.write() as connection:
            over = {"day": commonweal.now().date() - timedelta(days=1)} if how == "past" else {"state": State.CANCELLED}
            assert sessions.change(connection, sessions.after(session, **over))
    act = commonweal, occasion, key_of(occasion, *PAIR), by
    for step in (
        lambda: deciding.decide(*act, 1, Choice.HELD),
        lambda: deciding.undo(*act, 1, 1),
        lambda: deciding.comment(*act, "x"),
        lambda: deciding.in_bulk(commonweal, occasion, {act[2]: 1}, by, Choice.HELD),
        lambda: solving.knock_on(commonweal, occasion),
    ):
        with pytest.raises(ClosedError) as refused:
            step()
        assert str(refused.value) == says
    found = queue(commonweal, occasion)
    assert (found.occasion.closed, [one.review for one in found.pairings if one.review.version]) == (says, [kept])
    with commonweal.database.read() as connection:
        assert occasion not in [one.id for one in occasions.every(connection, commonweal.now().date())]


def test_what_there_is_to_review_is_listed_by_day(commonweal: Commonweal, plan: Callable[..., Session]) -> None:
    plan()
    solving.solve(commonweal, WEEK)
    with commonweal.database.read() as connection:
        found = occasions.every(connection, commonweal.now().date())
        assert [(one.id, one.title, one.revision) for one in found] == [
            (WEEK, "Round of the week of 23 November 2026", 1),
            (SESSION, "Thursdays", 0),
        ]
        with pytest.raises(UnknownOccasionError, match="'2026-W50'"):
            occasions.find(connection, "2026-W50", commonweal.now().date())
