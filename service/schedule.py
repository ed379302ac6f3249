"""What a network does by itself while `commonweal serve --schedule` runs; `commonweal jobs`, by cron, does the same.

Every job may be run again at any time, by several at once: it does what is left to do.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from matcher.errors import CommonwealError
from service import confirming, digests, introductions, memberships, rounds
from service.rounds import StaleError
from service.store import rounds as stored_rounds
from service.wiring import Commonweal

log = logging.getLogger(__name__)

ROUND_AT = time(6, tzinfo=UTC)
"""From when on, on a Monday, the week's round is proposed."""


def propose(commonweal: Commonweal) -> bool:
    """Proposes the week's round where none is, and releases it where no coordinator is to look at it first."""
    now = commonweal.now()
    week = stored_rounds.week_of(now.date())
    if now < datetime.combine(stored_rounds.monday(week), ROUND_AT):
        return False
    with commonweal.database.read() as connection:
        is_released = stored_rounds.weeks(connection).get(week)
    if is_released or (is_released is not None and commonweal.settings.review):
        return False
    proposed = rounds.proposed(commonweal, week) or rounds.run(commonweal, week)
    if not commonweal.settings.review:
        try:
            rounds.release(commonweal, week, proposed.revision)
        except StaleError:  # something was decided or edited since it was proposed
            rounds.release(commonweal, week, rounds.run(commonweal, week).revision)
    return True


def promise_digests(commonweal: Commonweal) -> int:
    """Promises the digests of the week's round once it is released. The postman delivers them."""
    week = stored_rounds.week_of(commonweal.now().date())
    with commonweal.database.read() as connection:
        is_released = stored_rounds.weeks(connection).get(week)
    return digests.promise_all(commonweal, week).new if is_released else 0


@dataclass(frozen=True, slots=True)
class Job:
    """Something that is done every so many minutes, and at once when the schedule starts."""

    name: str
    minutes: int
    work: Callable[[Commonweal], object]


JOBS = (
    Job("round", 10, propose),
    Job("digests", 10, promise_digests),
    Job("reminders", 60, introductions.remind),
    Job("expiry", 60, introductions.expire),
    Job("unheard", 60, introductions.take_up),
    Job("questions", 60, introductions.follow_up),
    Job("memberships", 60, memberships.tidy),
    Job("confirmations", 60, confirming.tidy),
)


class Schedule:
    """Runs the jobs in the background, one at a time."""

    def __init__(self, commonweal: Commonweal, jobs: tuple[Job, ...] = JOBS) -> None:
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        begin = datetime.now(UTC)
        for number, job in enumerate(jobs):
            self._scheduler.add_job(
                run,
                "interval",
                (commonweal, job),
                id=job.name,
                minutes=job.minutes,
                next_run_time=begin + timedelta(milliseconds=number),  # in this order
            )

    def __enter__(self) -> "Schedule":
        self._scheduler.start()
        return self

    def __exit__(self, *_: object) -> None:
        """No job begins any more; one that runs is whole or nothing wherever it ends."""
        self._scheduler.shutdown(wait=False)


def run(commonweal: Commonweal, job: Job) -> str:
    """One job. Whatever it stumbles over is logged and returned, in words; it is tried again in its turn."""
    try:
        done = job.work(commonweal)
    except CommonwealError as error:
        log.warning("%s: %s", job.name, error)
        return str(error)
    except Exception as error:
        log.exception("%s stumbled", job.name)
        return f"it stumbled: {type(error).__name__}"
    log.log(logging.INFO if done else logging.DEBUG, "%s: %s", job.name, done)
    return ""
