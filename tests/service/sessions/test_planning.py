"""A session's pairings: for whoever comes, around what is decided, stored whole or not at all."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from matcher.records import ListingId, OrganisationId
from service.review import deciding
from service.review.occasions import ClosedError, UnknownOccasionError
from service.sessions import attending, convening, planning, preparing, timetabling
from service.sessions.preparing import Paired, Prepared, Seated
from service.store import sessions
from service.store.database import Database
from service.store.reviews import Choice, key_of
from service.store.sessions import Attendance, Plan
from service.wiring import Commonweal

ALBA, BOREA, DELOS = map(OrganisationId, ("alba", "borea", "delos"))
PAIR = ListingId("alba-n1"), ListingId("borea-o1")


@pytest.fixture
def attended(commonweal: Commonweal, session: str, by: str) -> str:
    attending.ask(commonweal, session, [ALBA, BOREA, DELOS], by)
    return session


def plan_of(commonweal: Commonweal, session: str) -> Plan | None:
    with commonweal.database.read() as connection:
        return sessions.plan(connection, session)


def test_a_solve_pairs_those_who_come_and_names_who_fits_nobody(commonweal: Commonweal, attended: str) -> None:
    done = planning.solve(commonweal, attended)
    stored = plan_of(commonweal, attended)
    assert stored is not None
    assert (done.revision, stored.revision, stored.solved_at) == (1, 1, commonweal.now())
    assert [one.pair for one in stored.proposal.suggestions] == [PAIR]
    assert stored.proposal.left_out == done.proposal.left_out
    (left_out,) = stored.proposal.left_out.items()
    assert (left_out[0], left_out[1].fitted, bool(left_out[1].helps)) == (DELOS, False, True)


def test_who_cancelled_meets_nobody(commonweal: Commonweal, attended: str, by: str) -> None:
    attending.settle(commonweal, attended, BOREA, by, 1, {"state": "cancelled"})
    planning.solve(commonweal, attended)
    stored = plan_of(commonweal, attended)
    assert stored is not None
    assert (stored.proposal.suggestions, sorted(stored.proposal.left_out)) == ((), ["alba", "delos"])


def test_a_dry_run_says_what_would_change_and_stores_nothing(commonweal: Commonweal, attended: str) -> None:
    done = planning.solve(commonweal, attended, dry_run=True)
    (against,) = done.differences
    assert (done.revision, against.new, against.served) == (0, (PAIR,), (ALBA, BOREA))
    assert plan_of(commonweal, attended) is None


def test_what_is_decided_is_kept_or_left_out_by_the_next_solve_and_never_changed(
    commonweal: Commonweal, attended: str, by: str
) -> None:
    planning.solve(commonweal, attended)
    key = key_of(attended, *PAIR)
    held = deciding.decide(commonweal, attended, key, by, 0, Choice.HELD, "later")
    assert planning.solve(commonweal, attended).proposal.suggestions == ()
    deciding.pin(commonweal, attended, key, by, held.version, "they asked")
    (kept,) = planning.solve(commonweal, attended).proposal.suggestions
    assert (kept.pair, kept.pinned) == (PAIR, True)


def test_a_session_that_is_over_cancelled_or_unknown_is_not_solved(
    commonweal: Commonweal, attended: str, by: str
) -> None:
    convening.cancel(commonweal, attended, 1)
    with pytest.raises(ClosedError, match="This session was cancelled"):
        planning.solve(commonweal, attended)
    over = convening.make(commonweal, by, {"title": "T", "themes": "isolation", "day": "2026-11-22"})
    with pytest.raises(ClosedError, match="This session is over"):
        planning.solve(commonweal, over.id)
    with pytest.raises(UnknownOccasionError):
        planning.solve(commonweal, "5e551011")


def test_eight_who_solve_at_once_make_eight_revisions_of_the_same(
    commonweal: Commonweal, make: Callable[[Database], Commonweal], attended: str
) -> None:
    replicas = [make(commonweal.database) for _ in range(4)]
    for one in replicas:
        one.live.current()
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda number: planning.solve(replicas[number % 4], attended), range(8)))
    assert sorted(one.revision for one in done) == list(range(1, 9))
    stored = plan_of(commonweal, attended)
    assert stored is not None
    assert (stored.revision, [one.pair for one in stored.proposal.suggestions]) == (8, [PAIR])


def prepared(commonweal: Commonweal, session: str) -> Prepared:
    with commonweal.database.read() as connection:
        found = convening.find(connection, session)
    return preparing.prepared(commonweal, found)


def test_how_far_a_session_is_begins_with_who_comes(commonweal: Commonweal, attended: str, by: str) -> None:
    attending.settle(commonweal, attended, ALBA, by, 1, {"state": "coming"})
    found = prepared(commonweal, attended)
    assert (dict(found.present), found.too_many, found.paired, found.seated) == (
        {Attendance.COMING: 1, Attendance.INVITED: 2},
        "",
        None,
        None,
    )


def test_pairings_no_longer_fit_once_somebody_came_or_left(commonweal: Commonweal, attended: str, by: str) -> None:
    planning.solve(commonweal, attended)
    fresh = Paired(1, 1, {Choice.UNDECIDED: 1}, left_out=(DELOS,))
    assert prepared(commonweal, attended).paired == fresh
    assert not fresh.is_stale
    attending.settle(commonweal, attended, ALBA, by, 1, {"state": "coming", "note": "Two people"})
    assert prepared(commonweal, attended).paired == fresh, "whoever was invited and comes changes nothing"
    attending.settle(commonweal, attended, BOREA, by, 1, {"state": "cancelled"})
    attending.ask(commonweal, attended, [OrganisationId("elmo")], by)
    stale = replace(fresh, come=(OrganisationId("elmo"),), gone=(BOREA,))
    assert (prepared(commonweal, attended).paired, stale.is_stale) == (stale, True)


def test_a_timetable_no_longer_fits_for_a_reason(commonweal: Commonweal, attended: str, by: str) -> None:
    planning.solve(commonweal, attended)
    timetabling.solve(commonweal, attended)

    def seated() -> Seated:
        found = prepared(commonweal, attended).seated
        assert found is not None
        return found

    assert seated() == Seated(1, 1, 1)
    attending.settle(commonweal, attended, BOREA, by, 1, {"state": "coming", "arrives": "15:00"})
    assert seated() == Seated(1, 0, 1, ("1 meeting at a time when one of the two is not there.",))
    attending.settle(commonweal, attended, BOREA, by, 2, {"state": "cancelled"})
    assert seated() == Seated(1, 0, 0, ("1 meeting of somebody who does not come.",))
    attending.settle(commonweal, attended, BOREA, by, 3, {"state": "coming"})
    held = deciding.decide(commonweal, attended, key_of(attended, *PAIR), by, 0, Choice.HELD)
    assert seated() == Seated(1, 0, 0, ("1 meeting of two who are not to meet any more.",))
    timetabling.solve(commonweal, attended)
    deciding.decide(commonweal, attended, held.key, by, held.version, Choice.APPROVED)
    assert seated() == Seated(2, 0, 1, ("1 meeting to come without a slot yet.",))
