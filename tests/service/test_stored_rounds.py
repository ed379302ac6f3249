"""Rounds in the store: numbered revisions until one is released, once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from matcher.proposing import Proposal
from matcher.records import (
    About,
    History,
    Kind,
    LeftOut,
    Listing,
    ListingId,
    Organisation,
    OrganisationId,
    PassedOver,
    Reason,
    Strength,
    Suggestion,
    Visibility,
    profile,
)
from service.store import rounds
from service.store.database import Database
from service.store.rounds import ReleasedError, Round

WEEK = "2026-W48"
ALBA, BOREA, CIANO = OrganisationId("alba"), OrganisationId("borea"), OrganisationId("ciano")
NEED = Listing(
    id=ListingId("alba-n1"),
    organisation=ALBA,
    kind=Kind.NEED,
    text="A hall, große Küche",
    resource="space",
    themes=("housing",),
    places=("Leeds", "York"),
    remote=True,
    capacity=2,
    opens=date(2026, 11, 1),
    closes=date(2027, 1, 31),
    evidence="none",
    gain="A cake",
    visibility=Visibility.PARTNERS,
)
OFFER = Listing(id=ListingId("borea-o1"), organisation=BOREA, kind=Kind.OFFER, text="A hall")
REASON = Reason(About.CLAUSES, "“a hall” meets “a hall”.", "a hall", "a hall")


def suggestion(need: str = "alba-n1", offer: str = "borea-o1", fit: float = 0.1 + 0.2) -> Suggestion:
    return Suggestion(
        need=replace(NEED, id=ListingId(need)),
        offer=replace(OFFER, id=ListingId(offer)),
        fit=fit,
        strength=Strength.GOOD,
        score=-1.25,
        reasons=(REASON, Reason(About.PLACE, "Both are in Leeds.")),
        mismatches=(Reason(About.TIMING, "The offer opens later."),),
        cautions=(Reason(About.DUTY, "Speak with the council first."),),
    )


AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
VERSIONS = {"code": "0.1.0", "encoder": "hash/1", "ranker": "3"}


def passed_over(offer: str, owner: OrganisationId, fit: float, strength: Strength) -> PassedOver:
    return PassedOver(
        need=NEED.id,
        offer=ListingId(offer),
        between=(ALBA, owner),
        fit=fit,
        strength=strength,
        propensity=0.25,
        why="It was at its limit.",
    )


def proposal(suggestions: tuple[Suggestion, ...]) -> Proposal:
    """Around these suggestions always the same."""
    return Proposal(
        suggestions,
        left_out={ALBA: LeftOut(False, ("Say how many.", "Wähle a wider area.")), CIANO: LeftOut(True)},
        passed_over=(passed_over("o8", BOREA, 0.75, Strength.GOOD), passed_over("o7", CIANO, 0.5, Strength.POSSIBLE)),
        unmet={(NEED.id, OFFER.id): "Borea was at its limit.", (NEED.id, ListingId("gone")): "It is gone."},
        value=1.25,
        bound=1.5,
    )


def propose(database: Database, *suggestions: Suggestion, week: str = WEEK, at: datetime = AT) -> int:
    with database.write() as connection:
        return rounds.propose(connection, week, proposal(suggestions), versions=VERSIONS, at=at)


def release(database: Database, week: str = WEEK, at: datetime = AT) -> bool:
    with database.write() as connection:
        return rounds.release(connection, week, at)


def load(database: Database, week: str = WEEK) -> Round | None:
    with database.read() as connection:
        return rounds.load(connection, week)


def history(database: Database, week: str) -> History:
    with database.read() as connection:
        return rounds.history(connection, rounds.monday(week), week)


def proposed(*suggestions: Suggestion, **others: Any) -> Round:
    fields: dict[str, Any] = {"revision": 1, "released_at": None, "proposed_at": AT, **others}
    return Round(week=WEEK, versions=VERSIONS, proposal=proposal(suggestions), **fields)


def test_a_round_is_read_as_it_was_proposed(database: Database) -> None:
    chances = {"asking": 0.25, "giving": 0.5, "propensity": 0.125, "pinned": True}
    shown = Suggestion(need=NEED, offer=profile_of_borea(), fit=0.5, strength=Strength.POSSIBLE, score=0.0, **chances)
    assert load(database) is None
    assert propose(database, suggestion(fit=0.9), shown) == 1
    assert load(database) == proposed(suggestion(fit=0.9), shown)


def profile_of_borea() -> Listing:
    return profile(Organisation(id=BOREA, name="Borea", description="Vans", places=("Leeds",)))


def test_proposing_again_makes_the_next_revision_in_place_of_the_one_before(database: Database) -> None:
    assert propose(database, suggestion(), suggestion(offer="borea-o2")) == 1
    assert propose(database, suggestion(offer="borea-o3"), at=AT + timedelta(hours=1)) == 2
    assert load(database) == proposed(suggestion(offer="borea-o3"), revision=2, proposed_at=AT + timedelta(hours=1))
    assert propose(database) == 3
    assert load(database) == proposed(revision=3)


def test_suggestions_come_best_first_and_then_by_id(database: Database) -> None:
    many = [
        suggestion("n2", "o1", 0.5),
        suggestion("n1", "o2", 0.5),
        suggestion("n1", "o1", 0.5),
        suggestion("n9", "o9", 0.9),
    ]
    propose(database, *many)
    found = load(database)
    assert found is not None
    assert [one.pair for one in found.suggestions] == [("n9", "o9"), ("n1", "o1"), ("n1", "o2"), ("n2", "o1")]


def test_a_released_round_is_never_proposed_again(database: Database) -> None:
    propose(database, suggestion())
    assert release(database)
    before = load(database)
    assert before == proposed(suggestion(), released_at=AT)
    with pytest.raises(ReleasedError, match="the round of 2026-W48 was released on 23 November 2026: it is not run"):
        propose(database, suggestion(offer="borea-o2"))
    with pytest.raises(ReleasedError), database.read() as connection:
        rounds.refuse_released(connection, WEEK)
    assert load(database) == before


def test_releasing_nothing_or_twice_says_no(database: Database) -> None:
    assert not release(database)
    propose(database, suggestion())
    assert release(database)
    assert not release(database, at=AT + timedelta(days=1))
    assert load(database) == proposed(suggestion(), released_at=AT)


def test_a_reader_sees_the_state_of_its_beginning_whoever_releases_meanwhile(database: Database) -> None:
    """On PostgreSQL a reader that asked for a lock on the row would fail here: it could not be serialised."""
    propose(database, suggestion())
    with database.read() as connection:
        assert rounds.weeks(connection) == {WEEK: False}
        assert release(database)
        assert rounds.refuse_released(connection, WEEK) == 1
    with pytest.raises(ReleasedError), database.read() as connection:
        rounds.refuse_released(connection, WEEK)


def test_of_eight_who_release_at_once_exactly_one_does(database: Database) -> None:
    propose(database, suggestion())
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(lambda _: release(database), range(8))) == [False] * 7 + [True]


def test_of_eight_who_propose_at_once_each_has_a_revision_of_its_own(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = pool.map(lambda n: propose(database, suggestion(offer=f"o{n}")), range(8))
        assert sorted(numbers) == list(range(1, 9))
    found = load(database)
    assert found is not None
    assert (found.revision, len(found.suggestions)) == (8, 1)


def test_whoever_proposes_while_another_releases_never_takes_the_release_back(database: Database) -> None:
    def one_of_both(number: int) -> bool:
        try:
            return release(database) if number % 2 else bool(propose(database, suggestion(offer=f"o{number}")))
        except ReleasedError:
            return False

    for week in range(5):
        with database.write() as connection:
            connection.execute(text("delete from suggestions"))
            connection.execute(text("delete from passed_over"))
            connection.execute(text("delete from rounds"))
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(one_of_both, range(8)))
        release(database)
        found = load(database)
        assert found is not None, week
        assert found.released_at == AT


def test_times_are_kept_in_utc_whatever_zone_they_came_in(database: Database) -> None:
    summer = timezone(timedelta(hours=1))
    propose(database, suggestion(), at=AT.astimezone(summer))
    release(database, at=AT.astimezone(summer))
    found = load(database)
    assert found is not None
    assert (found.proposed_at.isoformat(), found.released_at) == ("2026-11-23T09:30:00+00:00", AT)
    assert found.released_at is not None
    assert found.released_at.isoformat() == "2026-11-23T09:30:00+00:00"


def test_weeks_come_newest_first_with_their_state(database: Database) -> None:
    for week in ("2026-W53", "2026-W09", "2027-W01", "2026-W48"):
        propose(database, suggestion(), week=week)
    release(database, "2026-W09")
    with database.read() as connection:
        assert list(rounds.weeks(connection).items()) == [
            ("2027-W01", False),
            ("2026-W53", False),
            ("2026-W48", False),
            ("2026-W09", True),
        ]


def test_history_holds_what_was_released_in_other_weeks_around(database: Database) -> None:
    propose(database, suggestion("n1", "o1"), suggestion("n1", "o2"), week="2026-W09")
    propose(database, suggestion("n1", "o1"), suggestion("n2", "o2"), week="2026-W10")
    propose(database, suggestion("n3", "o3"), week="2026-W11")
    assert history(database, "2026-W12") == History()
    release(database, "2026-W09")
    release(database, "2026-W10")
    w09, w10 = date(2026, 2, 23), date(2026, 3, 2)
    of_w09, of_w10 = {("n1", "o1"): w09, ("n1", "o2"): w09}, {("n1", "o1"): w10, ("n2", "o2"): w10}
    assert history(database, "2026-W09") == History(suggested=of_w10)
    assert history(database, "2026-W10") == History(suggested=of_w09)
    assert history(database, "2026-W12") == History(suggested={**of_w09, **of_w10})
    assert history(database, "2026-W08") == History(suggested={**of_w10, **of_w09})  # the nearer of two days
    assert history(database, WEEK) == History()  # longer ago than anything that counts


def test_history_reads_eight_weeks_before_and_behind_and_no_further(database: Database) -> None:
    for week in ("2026-W44", "2026-W45", "2027-W08", "2027-W09"):
        propose(database, suggestion("n1", week), week=week)
        release(database, week)
    assert history(database, "2026-W53") == History(
        suggested={("n1", "2026-W45"): date(2026, 11, 2), ("n1", "2027-W08"): date(2027, 2, 22)}
    )


def test_a_revision_that_was_replaced_is_no_history(database: Database) -> None:
    propose(database, suggestion("n1", "o1"), week="2026-W09")
    propose(database, suggestion("n2", "o2"), week="2026-W09")
    release(database, "2026-W09")
    assert history(database, "2026-W10") == History(suggested={("n2", "o2"): date(2026, 2, 23)})


@given(st.dates())
def test_every_day_lies_in_the_week_that_begins_on_its_monday(day: date) -> None:
    week = rounds.week_of(day)
    monday = rounds.monday(week)
    assert monday.isoweekday() == 1
    assert monday <= day <= monday + timedelta(days=6) if day < date(9999, 12, 27) else monday <= day
    assert rounds.week_of(monday) == week


@given(st.dates(), st.dates())
def test_weeks_sort_as_their_days_do(one: date, other: date) -> None:
    first, second = sorted((one, other))
    assert rounds.week_of(first) <= rounds.week_of(second)


@pytest.mark.parametrize(
    ("day", "week"),
    [
        (date(2026, 12, 31), "2026-W53"),
        (date(2027, 1, 3), "2026-W53"),
        (date(2027, 1, 4), "2027-W01"),
        (date(2024, 12, 30), "2025-W01"),
    ],
)
def test_around_new_year_a_week_belongs_to_the_year_of_its_thursday(day: date, week: str) -> None:
    assert rounds.week_of(day) == week


@pytest.mark.parametrize(
    "week",
    (
        *("", "2026", "2026-W", "2026-W00", "2026-W54", "2025-W53", "2026-48", "2026-W9", "2026-w48", " 2026-W48"),
        *("2026-W048", "2026-W4_8", "٢٠٢٦-W48", "2026-W48-1", "26-W48", "-2026-W48", "2026-W+9", "next", "10000-W01"),
    ),
)
def test_what_is_no_week_is_refused_with_the_form_expected(week: str) -> None:
    with pytest.raises(ValueError, match="is no ISO week; write it like 2026-W48"):
        rounds.monday(week)
