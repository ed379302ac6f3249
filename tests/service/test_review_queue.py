"""The queue of an occasion: what it tells of each pairing, what filters leave, and what it costs."""

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from matcher.proposing import Proposal
from matcher.records import Decline, ListingId, OrganisationId, Standing, Strength, Suggestion
from service.review import deciding
from service.review.occasions import find
from service.review.queue import Filters, Queue, Track, counts, queue
from service.store import decisions, members, people, reviews, rounds
from service.store.people import Access
from service.store.reviews import Choice, key_of
from service.wiring import Commonweal

WEEK = "2026-W48"
STRENGTHS = (Strength.STRONG, Strength.GOOD, Strength.POSSIBLE)


@pytest.fixture
def who(commonweal: Commonweal) -> str:
    with commonweal.database.write() as connection:
        person = people.ensure(connection, "ciano@desk.example", "Ciano")
        people.grant(connection, person.id, Access.COORDINATOR)
    return person.id


@pytest.fixture
def propose(commonweal: Commonweal, cast: Mapping[str, Any]) -> Callable[[int], list[str]]:
    """That many pairings, between organisations of every sector and size; returns their keys, best first."""

    def proposed(number: int) -> list[str]:
        sectors, sizes, themes = ("voluntary", "public"), ("small", "medium", "large"), ("health", "housing")
        bodies = [
            replace(
                cast["alba"],
                id=OrganisationId(f"g{one:03}"),
                name=f"Group {one:03}",
                sectors=(sectors[one % 2],),
                size=sizes[one % 3],
                standing=Standing.MEMBER,
            )
            for one in range(number + 1)
        ]
        listings, found = [], []
        for one in range(number):
            need = replace(cast["need"], id=ListingId(f"n{one:03}"), organisation=bodies[one].id)
            need = replace(need, themes=(themes[one % 2],), text=f"{need.text}, group {one:03}")
            offer = replace(cast["offer"], id=ListingId(f"o{one:03}"), organisation=bodies[one + 1].id)
            listings += [need, offer]
            found.append(
                Suggestion(need=need, offer=offer, fit=0.9 - one / 1000, strength=STRENGTHS[one % 3], score=1.0)
            )
        with commonweal.database.write() as connection:
            members.save(
                connection,
                organisations={one.id: one for one in bodies},
                listings={one.id: one for one in listings},
            )
            rounds.propose(connection, WEEK, Proposal(tuple(found)), versions={"ranker": "tests"}, at=commonweal.now())
        return [key_of(WEEK, *one.pair) for one in found]

    return proposed


def keys(found: Queue) -> list[str]:
    return [one.key for one in found.pairings]


def test_filters_count_what_each_value_would_show_the_others_being_as_they_are(
    commonweal: Commonweal, propose: Callable[[int], list[str]], who: str
) -> None:
    every = propose(6)
    deciding.decide(commonweal, WEEK, every[0], who, 0, Choice.HELD)
    deciding.assign(commonweal, WEEK, every[1], who, 0, who)
    found = queue(commonweal, WEEK, Filters(theme="health"))
    assert keys(found) == [every[0], every[2], every[4]]
    assert found.among == {
        "theme": {"health": 3, "housing": 3},
        "sector": {"voluntary": 3, "public": 3},
        "size": {"small": 2, "medium": 2, "large": 2},
        "strength": {"strong": 1, "possible": 1, "good": 1},
        "decision": {"held": 1, "undecided": 2},
        "assigned_to": {},
    }
    assert found.counts == {Choice.HELD: 1, Choice.UNDECIDED: 5}
    both = queue(commonweal, WEEK, Filters(theme="health", strength="good"))
    assert (keys(both), both.among["theme"], both.among["strength"]) == (
        [every[4]],
        {"health": 1, "housing": 1},
        {"strong": 1, "possible": 1, "good": 1},
    )


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        (Filters(), [0, 1, 2, 3]),
        (Filters(theme="housing"), [1, 3]),
        (Filters(sector="public", size="large"), [1, 2]),
        (Filters(place="leeds"), [0, 1, 2, 3]),
        (Filters(place="Atlantis"), []),
        (Filters(strength="possible"), [2]),
        (Filters(decision="rejected"), [3]),
        (Filters(decision="undecided"), [0, 1, 2]),
        (Filters(text="GROUP 002 minibus"), [1, 2]),
        (Filters(text="too far"), [3]),
    ],
    ids=str,
)
def test_a_filter_leaves_what_it_names(
    commonweal: Commonweal, propose: Callable[[int], list[str]], who: str, filters: Filters, left: list[int]
) -> None:
    every = propose(4)
    deciding.decide(commonweal, WEEK, every[3], who, 0, Choice.REJECTED, "Too far")
    assert keys(queue(commonweal, WEEK, filters)) == [every[one] for one in left]


def test_the_texts_are_those_of_the_newest_solve_and_a_change_since_the_decision_is_marked(
    commonweal: Commonweal, propose: Callable[[int], list[str]], who: str
) -> None:
    (key,) = propose(1)
    deciding.decide(commonweal, WEEK, key, who, 0, Choice.HELD)
    (before,) = queue(commonweal, WEEK).pairings
    assert (before.is_reworded, before.suggestion) == (False, before.review.suggestion)
    edited = replace(before.suggestion, need=replace(before.suggestion.need, text="Two minibuses"), fit=0.5)
    with commonweal.database.write() as connection:
        rounds.propose(connection, WEEK, Proposal((edited,)), versions={"ranker": "next"}, at=commonweal.now())
    (after,) = queue(commonweal, WEEK).pairings
    assert (after.is_reworded, after.suggestion, after.review) == (True, edited, before.review)
    kept = deciding.decide(commonweal, WEEK, key, who, 1, Choice.APPROVED)
    assert (kept.suggestion, kept.ranker) == (edited, "next")
    assert queue(commonweal, WEEK).pairings[0].is_reworded is False


def test_both_sides_are_shown_with_what_they_were_lately_part_of(
    commonweal: Commonweal, propose: Callable[[int], list[str]], cast: Mapping[str, Any]
) -> None:
    last = Suggestion(need=cast["need"], offer=cast["offer"], fit=0.9, strength=Strength.GOOD, score=1.0)
    with commonweal.database.write() as connection:
        rounds.propose(connection, "2026-W46", Proposal((last,)), versions={}, at=commonweal.now())
        rounds.release(connection, "2026-W46", commonweal.now())
        decisions.decline(connection, *last.pair, Decline(last.need.text, last.offer.text, "no"))
        again = replace(last, need=replace(last.need, id=ListingId("alba-n2")))
        members.save(connection, listings={again.need.id: again.need})
        rounds.propose(connection, WEEK, Proposal((again,)), versions={}, at=commonweal.now())
    (found,) = queue(commonweal, WEEK).pairings
    assert found.tracks == (Track(suggested=1, declined=1), Track(suggested=1, declined=1))
    assert (found.asking, found.giving) == (cast["alba"], cast["borea"])


def test_how_far_an_occasion_is_is_told_without_a_look_at_its_pairings(
    commonweal: Commonweal, propose: Callable[[int], list[str]], who: str
) -> None:
    every = propose(4)
    deciding.decide(commonweal, WEEK, every[0], who, 0, Choice.APPROVED)
    deciding.comment(commonweal, WEEK, every[1], who, "ask")
    with commonweal.database.read() as connection:
        found = counts(connection, find(connection, WEEK, commonweal.now().date()))
    assert found == queue(commonweal, WEEK).counts == {Choice.APPROVED: 1, Choice.UNDECIDED: 3}


@contextmanager
def asked(commonweal: Commonweal) -> Any:
    found: list[str] = []
    listen = commonweal.database._engine, "before_cursor_execute", lambda *given: found.append(given[2])
    event.listen(*listen)
    try:
        yield found
    finally:
        event.remove(*listen)


def test_a_hundred_pairings_take_no_more_questions_to_the_store_than_two(
    commonweal: Commonweal, propose: Callable[[int], list[str]], who: str
) -> None:
    numbers = []
    for number in (2, 100):
        every = propose(number)
        deciding.in_bulk(commonweal, WEEK, dict.fromkeys(every, 0), who, Choice.APPROVED)
        queue(commonweal, WEEK)
        with asked(commonweal) as questions:
            assert len(queue(commonweal, WEEK).pairings) >= number
        numbers.append(len(questions))
    assert numbers[0] == numbers[1] < 25


def test_a_review_is_shown_when_neither_is_listed_any_more(
    commonweal: Commonweal, propose: Callable[[int], list[str]], who: str
) -> None:
    (key,) = propose(1)
    deciding.decide(commonweal, WEEK, key, who, 0, Choice.HELD)
    with commonweal.database.write() as connection:
        rounds.propose(connection, WEEK, Proposal(()), versions={}, at=commonweal.now())
        review = reviews.load(connection, key)
    (found,) = queue(commonweal, WEEK).pairings
    assert (found.is_proposed, found.review, found.suggestion) == (False, review, review and review.suggestion)
