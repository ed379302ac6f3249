"""The schedule: every job does what is left to do, and another run of it, or another replica, does nothing twice."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from service import rounds as propose_round
from service import schedule
from service.schedule import JOBS, Job, Schedule
from service.store import mails, members, rounds
from service.store.database import Database
from service.store.mails import State
from service.wiring import Commonweal

WEEK = "2026-W48"


def run_all(commonweal: Commonweal) -> None:
    for job in JOBS:
        schedule.run(commonweal, job)


def seen(commonweal: Commonweal) -> tuple[dict[str, bool], list[str]]:
    """The weeks with a round, whether each is released, and to whom what was promised."""
    with commonweal.database.read() as connection:
        promised = mails.every(connection, tuple(State))
        return rounds.weeks(connection), sorted(f"{one.kind} {one.email}" for one in promised)


DIGESTS = ["digest ann@alba.example", "digest bjorn@borea.example"]


def test_where_nobody_reviews_a_week_is_proposed_released_and_promised_once(commonweal: Commonweal) -> None:
    commonweal.settings.review = False
    for _ in range(3):
        run_all(commonweal)
    assert seen(commonweal) == ({WEEK: True}, DIGESTS)
    with commonweal.database.read() as connection:
        found = rounds.load(connection, WEEK)
    assert found is not None
    assert found.revision == 1


def test_where_somebody_reviews_it_waits_for_them(commonweal: Commonweal) -> None:
    run_all(commonweal)
    run_all(commonweal)
    assert seen(commonweal) == ({WEEK: False}, [])
    with commonweal.database.write() as connection:
        rounds.release(connection, WEEK, commonweal.now())
    run_all(commonweal)
    assert seen(commonweal) == ({WEEK: True}, DIGESTS)


def test_where_nobody_reviews_what_was_edited_since_it_was_proposed_is_proposed_again(commonweal: Commonweal) -> None:
    commonweal.settings.review = False
    propose_round.run(commonweal, WEEK)
    with commonweal.database.write() as connection:
        members.edit(connection, "borea-o1", {"text": "A minibus with a driver on Thursday mornings for older people"})
    run_all(commonweal)
    assert seen(commonweal) == ({WEEK: True}, DIGESTS)


@pytest.mark.parametrize(("hour", "proposed"), [(5, {}), (6, {WEEK: False})])
def test_a_week_begins_on_monday_morning(commonweal: Commonweal, hour: int, proposed: dict[str, bool]) -> None:
    commonweal.now = lambda: datetime(2026, 11, 23, hour, tzinfo=UTC)
    run_all(commonweal)
    assert seen(commonweal)[0] == proposed


def test_two_replicas_promise_nothing_twice(commonweal: Commonweal, make: Callable[[Database], Commonweal]) -> None:
    both = [make(commonweal.database), make(commonweal.database)]
    for one in both:
        one.settings.review = False
    threads = [threading.Thread(target=run_all, args=(one,)) for one in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert seen(commonweal) == ({WEEK: True}, DIGESTS)


def test_every_job_is_run_when_it_starts_in_their_order_and_one_at_a_time(commonweal: Commonweal) -> None:
    ran: list[str] = []
    over = threading.Event()

    def job(name: str) -> Job:
        def work(_commonweal: Commonweal) -> int:
            ran.append(name)
            if len(ran) == 3:
                over.set()
            return 0

        return Job(name, 60, work)

    with Schedule(commonweal, (job("a"), job("b"), job("c"))):
        assert over.wait(10)
    assert ran == ["a", "b", "c"]


def test_what_a_job_stumbles_over_is_logged_and_stops_nobody(
    commonweal: Commonweal, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(_commonweal: Commonweal) -> None:
        raise ZeroDivisionError

    def refuse(here: Commonweal) -> None:
        rounds.monday("never")

    with caplog.at_level(logging.WARNING):
        schedule.run(commonweal, Job("one", 1, stumble))
        schedule.run(commonweal, Job("two", 1, refuse))
    assert [record.getMessage() for record in caplog.records] == ["one stumbled", "two stumbled"]


def test_without_a_database_a_job_says_so_and_is_tried_again(
    make: Callable[[Database], Commonweal], sqlite: Database, caplog: pytest.LogCaptureFixture
) -> None:
    commonweal = make(sqlite)
    assert commonweal.database.path is not None
    commonweal.database.path.unlink()
    with caplog.at_level(logging.WARNING):
        schedule.run(commonweal, JOBS[1])
    assert "no database yet" in caplog.text


def test_jobs_are_named_once_and_none_waits_longer_than_an_hour() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    assert max(timedelta(minutes=job.minutes) for job in JOBS) <= timedelta(hours=1)
