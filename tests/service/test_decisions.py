"""What people decide, in the store: it stands until it is taken back, and the later of two that contradict stands."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from matcher.proposing import Proposal
from matcher.records import Decline, History, Kind, Listing, ListingId, OrganisationId, Strength, Suggestion
from service.store import decisions, rounds
from service.store.database import Database
from service.store.decisions import Decision, What
from service.store.rounds import ReleasedError

WEEK = "2026-W48"
ALBA, BOREA, CIANO = OrganisationId("alba"), OrganisationId("borea"), OrganisationId("ciano")
PAIR = NEED, OFFER = ListingId("alba-n1"), ListingId("borea-o1")
OTHER = ListingId("borea-o2")
AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
TODAY = AT.date()
HOUR = timedelta(hours=1)


def history(database: Database, on: date = TODAY) -> History:
    with database.read() as connection:
        return rounds.history(connection, on, WEEK)


def pinned(database: Database, week: str = WEEK) -> tuple[tuple[str, str], ...]:
    with database.read() as connection:
        return decisions.pinned(connection, week)


def every(database: Database) -> list[Decision]:
    with database.read() as connection:
        return list(decisions.every(connection))


def propose(database: Database, week: str = WEEK, *, release: bool = False) -> None:
    suggestion = Suggestion(
        need=Listing(id=NEED, organisation=ALBA, kind=Kind.NEED, text="A hall"),
        offer=Listing(id=OFFER, organisation=BOREA, kind=Kind.OFFER, text="A hall"),
        fit=0.9,
        strength=Strength.STRONG,
        score=1.0,
    )
    with database.write() as connection:
        rounds.propose(connection, week, Proposal((suggestion,)), versions={}, at=AT)
        if release:
            rounds.release(connection, week, AT)


def test_nothing_is_decided_until_somebody_does(database: Database) -> None:
    assert (every(database), pinned(database), history(database)) == ([], (), History())


def test_declines_and_blocks_are_history_at_once(database: Database) -> None:
    for decline in (Decline("A hall", "A hall", "too far"), Decline("A hall", "A big hall", "too big")):
        with database.write() as connection:
            decisions.decline(connection, *PAIR, decline)
            decisions.block(connection, BOREA, ALBA, "rivals")
            decisions.block(connection, ALBA, BOREA, "rivals still")
            decisions.block(connection, ALBA, CIANO, "")
        assert history(database) == History(
            declined={PAIR: decline}, blocked=frozenset({frozenset({ALBA, BOREA}), frozenset({ALBA, CIANO})})
        )


def test_a_forbid_is_history_at_once_and_twice_is_once(database: Database) -> None:
    for why in ("sold", "sold, says Borea"):
        with database.write() as connection:
            assert decisions.forbid(connection, *PAIR, why, AT) == ()
        assert history(database) == History(forbidden=frozenset({PAIR}))
        assert every(database) == [Decision(what=What.FORBID, about=PAIR, why=why, at=AT)]


@pytest.mark.parametrize(
    ("until", "paused"),
    [
        (None, [True, True, True, True]),
        (date(2026, 12, 24), [True, True, False, False]),
        (date(2026, 12, 25), [True, True, True, False]),
    ],
)
def test_a_pause_lasts_up_to_and_with_its_last_day(database: Database, until: date | None, paused: list[bool]) -> None:
    with database.write() as connection:
        decisions.pause(connection, ALBA, "moving house", AT, until)
    days = date(2026, 11, 23), date(2026, 12, 24), date(2026, 12, 25), date(2027, 12, 24)
    assert [history(database, day) for day in days] == [
        History(paused=frozenset({ALBA} if is_paused else ())) for is_paused in paused
    ]


def test_a_second_pause_takes_the_place_of_the_first(database: Database) -> None:
    with database.write() as connection:
        decisions.pause(connection, ALBA, "moving house", AT, date(2026, 11, 30))
        decisions.pause(connection, ALBA, "no news", AT + HOUR)
        decisions.pause(connection, BOREA, "audit", AT + 2 * HOUR, date(2026, 12, 24))
    assert every(database) == [
        Decision(what=What.PAUSE, about=(BOREA,), why="audit", until=date(2026, 12, 24), at=AT + 2 * HOUR),
        Decision(what=What.PAUSE, about=(ALBA,), why="no news", at=AT + HOUR),
    ]
    assert history(database, date(2026, 12, 24)).paused == {ALBA, BOREA}


def test_pins_are_of_one_week_and_in_the_order_in_which_they_were_decided(database: Database) -> None:
    with database.write() as connection:
        for number, offer in enumerate(("o2", "o9", "o1", "o5")):
            decisions.pin(connection, WEEK, NEED, ListingId(offer), "asked", AT + number * HOUR)
        decisions.pin(connection, "2026-W49", *PAIR, "asked", AT)
        decisions.pin(connection, WEEK, ListingId("alba-n0"), ListingId("o5"), "asked", AT + 3 * HOUR)
    assert pinned(database) == ((NEED, "o2"), (NEED, "o9"), (NEED, "o1"), ("alba-n0", "o5"), (NEED, "o5"))
    assert pinned(database, "2026-W49") == (PAIR,)
    assert pinned(database, "2026-W50") == ()
    assert history(database) == History()


def test_a_pair_pinned_again_keeps_its_place_and_only_its_why_changes(database: Database) -> None:
    with database.write() as connection:
        decisions.pin(connection, WEEK, *PAIR, "asked", AT)
        decisions.pin(connection, WEEK, NEED, OTHER, "asked", AT + HOUR)
        decisions.pin(connection, WEEK, *PAIR, "asked again", AT + 2 * HOUR)
    assert pinned(database) == (PAIR, (NEED, OTHER))
    assert every(database) == [
        Decision(what=What.PIN, about=(NEED, OTHER), why="asked", occasion=WEEK, at=AT + HOUR),
        Decision(what=What.PIN, about=PAIR, why="asked again", occasion=WEEK, at=AT),
    ]
    with database.write() as connection:
        decisions.clear(connection, WEEK, *PAIR)
        decisions.pin(connection, WEEK, *PAIR, "after all", AT + 3 * HOUR)
    assert pinned(database) == ((NEED, OTHER), PAIR)


@pytest.mark.parametrize("week", [WEEK, "2026-W49"])
def test_a_proposed_week_may_be_pinned_and_a_released_one_may_not(database: Database, week: str) -> None:
    propose(database, WEEK, release=True)
    propose(database, "2026-W49")
    with database.write() as connection:
        decisions.forbid(connection, *PAIR, "sold", AT)
    before = every(database)
    if week == WEEK:
        with pytest.raises(ReleasedError, match="the round of 2026-W48 was released"), database.write() as connection:
            decisions.pin(connection, week, *PAIR, "asked", AT)
        assert (every(database), pinned(database)) == (before, ())
    else:
        with database.write() as connection:
            decisions.pin(connection, week, *PAIR, "asked", AT)
        assert pinned(database, week) == (PAIR,)


def test_whoever_pins_while_another_releases_is_either_before_it_or_told(database: Database) -> None:
    def release_or_pin(number: int) -> str:
        with database.write() as connection:
            if number == 3:
                rounds.release(connection, WEEK, AT)
                return f"released after {len(decisions.pinned(connection, WEEK))}"
            try:
                decisions.pin(connection, WEEK, NEED, ListingId(f"o{number}"), "asked", AT)
            except ReleasedError:
                return "too late"
            return "pinned"

    propose(database)
    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(release_or_pin, range(6)))
    assert told[3] == f"released after {told.count('pinned')}"
    assert len(pinned(database)) == told.count("pinned")
    assert told.count("pinned") + told.count("too late") == 5


def test_of_a_pin_and_a_forbid_the_later_stands_and_says_so(database: Database) -> None:
    with database.write() as connection:
        assert decisions.pin(connection, WEEK, NEED, OTHER, "asked", AT) is False
        assert decisions.pin(connection, "2026-W50", *PAIR, "asked", AT) is False
        assert decisions.pin(connection, WEEK, *PAIR, "asked", AT) is False
        assert decisions.forbid(connection, *PAIR, "sold", AT + HOUR) == (WEEK, "2026-W50")
    assert every(database) == [
        Decision(what=What.FORBID, about=PAIR, why="sold", at=AT + HOUR),
        Decision(what=What.PIN, about=(NEED, OTHER), why="asked", occasion=WEEK, at=AT),
    ]
    with database.write() as connection:
        assert decisions.pin(connection, WEEK, NEED, OTHER, "asked", AT) is False
        assert decisions.pin(connection, WEEK, *PAIR, "bought another", AT + 2 * HOUR) is True
    assert every(database) == [
        Decision(what=What.PIN, about=PAIR, why="bought another", occasion=WEEK, at=AT + 2 * HOUR),
        Decision(what=What.PIN, about=(NEED, OTHER), why="asked", occasion=WEEK, at=AT),
    ]
    assert history(database) == History()


def test_a_forbid_leaves_the_pin_of_a_released_week_on_record(database: Database) -> None:
    with database.write() as connection:
        decisions.pin(connection, WEEK, *PAIR, "asked", AT)
        decisions.pin(connection, "2026-W49", *PAIR, "asked", AT)
    propose(database, release=True)
    propose(database, "2026-W49")
    with database.write() as connection:
        assert decisions.forbid(connection, *PAIR, "sold", AT) == ("2026-W49",)
    assert (pinned(database), pinned(database, "2026-W49")) == ((PAIR,), ())


def test_clearing_takes_back_what_there_is_of_this_pair_and_week_and_no_more(database: Database) -> None:
    no = Decline("A hall", "A hall", "too far")
    with database.write() as connection:
        decisions.forbid(connection, *PAIR, "sold", AT)
        decisions.forbid(connection, NEED, OTHER, "sold", AT)
        decisions.decline(connection, *PAIR, no)
        decisions.decline(connection, NEED, OTHER, no)
        decisions.pin(connection, WEEK, ListingId("alba-n2"), OFFER, "asked", AT)
        decisions.block(connection, ALBA, BOREA, "rivals")
        assert decisions.clear(connection, WEEK, *PAIR) == (What.FORBID, What.DECLINE)
        assert decisions.clear(connection, WEEK, *PAIR) == ()
        decisions.pin(connection, WEEK, *PAIR, "asked", AT)
        assert decisions.clear(connection, "2026-W49", *PAIR) == ()
        assert decisions.clear(connection, WEEK, *PAIR) == (What.PIN,)
        assert decisions.clear(connection, WEEK, OFFER, NEED) == ()
    assert history(database) == History(
        declined={(NEED, OTHER): no},
        forbidden=frozenset({(NEED, OTHER)}),
        blocked=frozenset({frozenset({ALBA, BOREA})}),
    )
    assert pinned(database) == (("alba-n2", OFFER),)


def test_clearing_leaves_the_pin_of_a_released_week_on_record(database: Database) -> None:
    with database.write() as connection:
        decisions.pin(connection, WEEK, *PAIR, "asked", AT)
        decisions.pin(connection, "2026-W49", *PAIR, "asked", AT)
    propose(database, release=True)
    propose(database, "2026-W49")
    with database.write() as connection:
        assert decisions.clear(connection, WEEK, *PAIR) == ()
        assert decisions.clear(connection, "2026-W49", *PAIR) == (What.PIN,)
        decisions.forbid(connection, *PAIR, "sold", AT)
        decisions.decline(connection, *PAIR, Decline("A hall", "A hall", "too far"))
        assert decisions.clear(connection, WEEK, *PAIR) == (What.FORBID, What.DECLINE)
    assert every(database) == [Decision(what=What.PIN, about=PAIR, why="asked", occasion=WEEK, at=AT)]


def test_a_block_and_a_pause_are_taken_back_once(database: Database) -> None:
    with database.write() as connection:
        decisions.block(connection, ALBA, BOREA, "rivals")
        decisions.block(connection, ALBA, CIANO, "rivals")
        decisions.pause(connection, ALBA, "moving house", AT)
        decisions.pause(connection, BOREA, "moving house", AT)
    with database.write() as connection:
        assert decisions.unblock(connection, BOREA, ALBA) is True
        assert decisions.unblock(connection, BOREA, ALBA) is False
        assert decisions.unblock(connection, BOREA, CIANO) is False
        assert decisions.resume(connection, ALBA) is True
        assert decisions.resume(connection, ALBA) is False
        assert decisions.resume(connection, CIANO) is False
    assert history(database) == History(blocked=frozenset({frozenset({ALBA, CIANO})}), paused=frozenset({BOREA}))


def test_every_decision_is_told_newest_first_and_those_without_a_time_last(database: Database) -> None:
    with database.write() as connection:
        decisions.decline(connection, *PAIR, Decline("A hall", "A hall", "too far"))
        decisions.block(connection, BOREA, ALBA, "rivals")
        decisions.pause(connection, CIANO, "no news", AT, date(2026, 12, 24))
        decisions.forbid(connection, *PAIR, "sold", AT + HOUR)
        decisions.pin(connection, WEEK, NEED, OTHER, "asked", AT)
    assert every(database) == [
        Decision(what=What.FORBID, about=PAIR, why="sold", at=AT + HOUR),
        Decision(what=What.PAUSE, about=(CIANO,), why="no news", until=date(2026, 12, 24), at=AT),
        Decision(what=What.PIN, about=(NEED, OTHER), why="asked", occasion=WEEK, at=AT),
        Decision(what=What.BLOCK, about=(ALBA, BOREA), why="rivals"),
        Decision(what=What.DECLINE, about=PAIR, why="too far"),
    ]


def test_times_are_kept_in_utc_whatever_zone_they_came_in(database: Database) -> None:
    summer = AT.astimezone(timezone(HOUR))
    with database.write() as connection:
        decisions.pin(connection, WEEK, *PAIR, "asked", summer)
        decisions.forbid(connection, NEED, OTHER, "sold", summer)
        decisions.pause(connection, ALBA, "no news", summer)
    assert [str(one.at) for one in every(database)] == ["2026-11-23 09:30:00+00:00"] * 3
