"""Sixteen at once, with four of the connections of a process each: no reply is lost, nothing happens or goes twice."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from matcher.errors import CommonwealError
from matcher.proposing import Proposal
from matcher.records import ListingId, OrganisationId, Strength, Suggestion
from service import introductions
from service.introductions import AnsweredError
from service.settings import Settings
from service.standing import ClosedError
from service.store import decisions, members, people, rounds
from service.store import introductions as stored
from service.store.database import Connection, Database
from service.store.introductions import Answer, State, key_of
from service.wiring import Commonweal

WEEK, MANY, AT_ONCE = "2026-W48", 40, 16
ALBA, BOREA = OrganisationId("alba"), OrganisationId("borea")
YES, NO = Answer.INTERESTED, Answer.NOT_NOW
KEYS = [key_of(WEEK, ListingId(f"n{number}"), ListingId(f"o{number}")) for number in range(MANY)]
Make = Callable[[Database], Commonweal]
Job = Callable[[Commonweal], object]
AtOnce = Callable[[Sequence[Job]], list[object]]


def release(commonweal: Commonweal, need: Any, offer: Any) -> dict[str, str]:
    """Many suggestions between alba and borea; two people act for each."""
    needs = [replace(need, id=ListingId(f"n{number}")) for number in range(MANY)]
    offers = [replace(offer, id=ListingId(f"o{number}")) for number in range(MANY)]
    suggestions = tuple(
        Suggestion(need=one, offer=other, fit=0.75, strength=Strength.GOOD, score=1.0)
        for one, other in zip(needs, offers, strict=True)
    )
    with commonweal.database.write() as connection:
        members.save(connection, listings={one.id: one for one in (*needs, *offers)})
        rounds.propose(connection, WEEK, Proposal(suggestions), versions={}, at=commonweal.now())
        rounds.release(connection, WEEK, commonweal.now())
        who = {}
        for name, side in (("ann", ALBA), ("abel", ALBA), ("bjorn", BOREA), ("bea", BOREA)):
            who[name] = people.ensure(connection, f"{name}@{side}.example", name.title()).id
            people.join(connection, who[name], side, by="import")
    return who


@pytest.fixture
def who(commonweal: Commonweal, cast: Mapping[str, Any]) -> dict[str, str]:
    return release(commonweal, cast["need"], cast["offer"])


@pytest.fixture
def at_once(database: Database, make: Make) -> AtOnce:
    """Runs all jobs, sixteen at a time, in any order; what each returned or was refused with, in theirs."""
    replicas = [make(database) for _ in range(4)]

    def run(jobs: Sequence[Job]) -> list[object]:
        found: list[object] = [None] * len(jobs)

        def do(number: int) -> None:
            try:
                found[number] = jobs[number](replicas[number % 4])
            except CommonwealError as error:
                found[number] = error

        order = list(range(len(jobs)))
        random.Random(len(jobs)).shuffle(order)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(do, order))
        return found

    return run


def replying(side: OrganisationId, key: str, person: str, answer: Answer) -> Job:
    return lambda commonweal: introductions.reply(commonweal, side, key, person, answer)


def counts(commonweal: Commonweal, query: str) -> dict[str, int]:
    with commonweal.database.read() as connection:
        return {row[0]: row[1] for row in connection.execute(text(query))}


def mails(commonweal: Commonweal) -> dict[str, int]:
    return counts(commonweal, "select kind, count(*) from mails group by kind")


def states(commonweal: Commonweal) -> dict[str, int]:
    return counts(commonweal, "select state, count(*) from introductions group by state")


def answers(commonweal: Commonweal) -> dict[str, int]:
    return counts(commonweal, "select answer, count(*) from replies group by answer")


def test_both_sides_at_once_are_introduced_once_each(
    commonweal: Commonweal, who: dict[str, str], at_once: AtOnce
) -> None:
    jobs = [replying(*one, YES) for key in KEYS for one in ((ALBA, key, who["ann"]), (BOREA, key, who["bjorn"]))]
    assert not [one for one in at_once(jobs) if isinstance(one, Exception)]
    assert answers(commonweal) == {"interested": 2 * MANY}
    assert states(commonweal) == {"introduced": MANY}
    asked = 2 * MANY  # of whoever came second, both people
    assert mails(commonweal) == {"asked": asked, "introduction": 2 * MANY, "replied": 2 * MANY}


def test_two_of_one_organisation_at_once_one_counts_and_one_is_told(
    commonweal: Commonweal, who: dict[str, str], at_once: AtOnce
) -> None:
    jobs = [replying(ALBA, key, who[name], answer) for key in KEYS for name, answer in (("ann", YES), ("abel", NO))]
    found = at_once(jobs)
    for first, second in zip(found[::2], found[1::2], strict=True):
        assert sorted(isinstance(one, AnsweredError) for one in (first, second)) == [False, True]
    said = answers(commonweal)
    assert (sum(said.values()), states(commonweal)) == (MANY, {"asked": said["interested"]})
    assert mails(commonweal) == {"asked": 2 * said["interested"], "replied": MANY}


def test_a_yes_and_a_no_of_the_other_side_and_taking_back_at_once_leave_what_one_after_the_other_would(
    commonweal: Commonweal, who: dict[str, str], at_once: AtOnce
) -> None:
    for key in KEYS:
        introductions.reply(commonweal, ALBA, key, who["ann"], YES)
    jobs: list[Job] = []
    for number, key in enumerate(KEYS):
        jobs.append(replying(BOREA, key, who["bjorn"], NO if number % 2 else YES))
        jobs.append(lambda commonweal, key=key: introductions.take_back(commonweal, ALBA, key, who["ann"]))  # type: ignore[misc]
    found = at_once(jobs)
    assert {type(one) for one in found if isinstance(one, Exception)} <= {ClosedError}
    with commonweal.database.read() as connection:
        for key in KEYS:
            begun = stored.load(connection, key)
            assert begun is not None
            said = {side: reply.answer for side, reply in begun.replies.items()}
            assert (begun.state, begun.opened_by, said) in (
                (State.INTRODUCED, ALBA, {ALBA: YES, BOREA: YES}),  # the yes first, taking back refused
                (State.ASKED, BOREA, {BOREA: YES}),  # taken back first, then begun anew by the other side
                (State.DECLINED, ALBA, {ALBA: YES, BOREA: NO}),
                (State.WITHDRAWN, ALBA, {BOREA: NO}),
            )


@pytest.mark.parametrize("job", ["remind", "expire", "follow_up"])
def test_two_replicas_running_a_job_at_once_tell_everybody_once(
    job: str,
    commonweal: Commonweal,
    who: dict[str, str],
    at_once: AtOnce,
) -> None:
    for key in KEYS:
        introductions.reply(commonweal, ALBA, key, who["ann"], YES)
        if job == "follow_up":
            introductions.reply(commonweal, BOREA, key, who["bjorn"], YES)
    begun, kind = commonweal.now(), job.replace("_", "-")
    after = {"remind": 5, "expire": 15, "follow_up": 10}[job]
    later = begun + timedelta(days=after)

    def run(replica: Commonweal) -> object:
        replica.now = lambda: later
        return getattr(introductions, job)(replica)

    assert Counter(at_once([run] * AT_ONCE)) == {MANY: 1, 0: AT_ONCE - 1}
    promised = mails(commonweal)
    told = {"remind": ("reminder", 2), "expire": ("expired", 3), "follow_up": (kind, 2)}[job]
    assert promised[told[0]] == told[1] * MANY


REPLYING = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from service import introductions, requesting
from service.settings import Settings
from service.store.introductions import Answer
from service.wiring import Commonweal
home, what, side, key, person, days = sys.argv[1:]
now = datetime(2026, 11, 23, 12, tzinfo=UTC) + timedelta(days=int(days))
commonweal = Commonweal(Settings(home=Path(home), encoder="hash"), now=lambda: now)
if what == "take-back":
    introductions.take_back(commonweal, side, key, person)
elif what == "request":
    requesting.request(commonweal, side, *key.split(), person)
elif what in ("remind", "expire", "follow_up", "take_up"):
    getattr(introductions, what)(commonweal)
else:
    introductions.reply(commonweal, side, key, person, Answer(what))
"""


def run(home: Path, *step: str, fault: str = "", days: int = 0) -> int:
    """Takes a step in a process of its own, so many days after noon of the week's Monday."""
    environment = {**os.environ, "COMMONWEAL_FAULT": fault}
    command = [sys.executable, "-c", REPLYING, str(home), *step, str(days)]
    return subprocess.run(command, env=environment, capture_output=True).returncode


@pytest.mark.parametrize("fault", ["reply.added", "reply.before-commit"])
@pytest.mark.parametrize("before", [(), (("interested", "alba", "ann"),)], ids=["first", "second"])
def test_a_reply_that_dies_half_way_has_not_happened_and_can_be_made_again(
    fault: str, before: tuple[tuple[str, str, str], ...], tmp_path: Path, migrated_file: Path, cast: Mapping[str, Any]
) -> None:
    (tmp_path / "commonweal.db").write_bytes(migrated_file.read_bytes())
    commonweal = Commonweal(Settings(home=tmp_path, encoder="hash"))
    with commonweal.database.write() as connection:
        members.save(connection, organisations={one.id: one for one in (cast["alba"], cast["borea"])})
    who, key = release(commonweal, cast["need"], cast["offer"]), KEYS[0]
    for answer, side, name in before:
        assert run(tmp_path, answer, side, key, who[name]) == 0

    def seen() -> tuple[dict[str, int], ...]:
        return answers(commonweal), states(commonweal), mails(commonweal)

    was, again = seen(), ("interested", "borea", key, who["bjorn"])
    assert run(tmp_path, *again, fault=fault) == -signal.SIGKILL
    assert seen() == was
    assert run(tmp_path, *again) == 0
    done = seen()
    assert done[:2] == (({"interested": 2}, {"introduced": 1}) if before else ({"interested": 1}, {"asked": 1}))
    assert run(tmp_path, *again) == 0  # said again, it counts once
    assert seen() == done
    if not before:
        assert (
            run(tmp_path, "take-back", "borea", key, who["bjorn"], fault="take-back.before-commit") == -signal.SIGKILL
        )
        assert seen() == done
    commonweal.database.dispose()


@pytest.fixture
def alone(tmp_path: Path, migrated_file: Path, cast: Mapping[str, Any]) -> Iterator[Commonweal]:
    """Alba and borea in a home of their own, for processes that die."""
    (tmp_path / "commonweal.db").write_bytes(migrated_file.read_bytes())
    commonweal = Commonweal(Settings(home=tmp_path, encoder="hash"))
    with commonweal.database.write() as connection:
        members.save(connection, organisations={one.id: one for one in (cast["alba"], cast["borea"])})
    yield commonweal
    commonweal.database.dispose()


def whole(commonweal: Commonweal) -> tuple[object, ...]:
    """All that a job may change."""
    with commonweal.database.read() as connection:
        tables = ("replies", "introductions", "mails", "declines")
        return tuple(tuple(map(tuple, connection.execute(text(f"select * from {one} order by 1")))) for one in tables)


@pytest.mark.parametrize(
    ("job", "days", "told"),
    [("remind", 5, "reminder"), ("expire", 15, "expired"), ("follow_up", 10, "follow-up"), ("take_up", 1, "asked")],
)
def test_a_job_that_dies_half_way_has_not_happened_and_is_done_the_next_time(
    job: str, days: int, told: str, tmp_path: Path, alone: Commonweal, cast: Mapping[str, Any]
) -> None:
    who = release(alone, cast["need"], cast["offer"])
    yeses: list[tuple[str, str, str]] = [("interested", "alba", "ann")]
    if job == "follow_up":
        yeses.append(("interested", "borea", "bjorn"))
    if job == "take_up":
        assert run(tmp_path, "not-now", "borea", KEYS[0], who["bjorn"]) == 0
    for answer, side, name in yeses:
        assert run(tmp_path, answer, side, KEYS[0], who[name]) == 0
    if job == "take_up":  # paused while the no was taken back, and again not
        decide(alone, lambda connection: decisions.pause(connection, ALBA, "-", alone.now()))
        assert run(tmp_path, "take-back", "borea", KEYS[0], who["bjorn"]) == 0
        decide(alone, lambda connection: decisions.resume(connection, ALBA))
    was, step = whole(alone), (job, "-", "-", "-")
    assert run(tmp_path, *step, days=days, fault=f"{job.replace('_', '-')}.before-commit") == -signal.SIGKILL
    assert (whole(alone), told in mails(alone)) == (was, False)
    assert run(tmp_path, *step, days=days) == 0
    done = whole(alone)
    assert told in mails(alone)
    assert run(tmp_path, *step, days=days) == 0
    assert whole(alone) == done


def decide(commonweal: Commonweal, what: Callable[[Connection], object]) -> None:
    with commonweal.database.write() as connection:
        what(connection)


def test_a_request_that_dies_half_way_has_not_happened_and_can_be_made_again(
    tmp_path: Path, alone: Commonweal, cast: Mapping[str, Any]
) -> None:
    with alone.database.write() as connection:
        members.save(connection, listings={one.id: one for one in (cast["need"], cast["offer"])})
        ann = people.ensure(connection, "ann@alba.example", "Ann")
        bjorn = people.ensure(connection, "bjorn@borea.example", "Bjorn")
        people.join(connection, ann.id, ALBA, by="import")
        people.join(connection, bjorn.id, BOREA, by="import")
    step = ("request", "alba", "alba-n1 borea-o1", ann.id)
    assert run(tmp_path, *step, fault="request.before-commit") == -signal.SIGKILL
    assert whole(alone) == ((), (), (), ())
    assert run(tmp_path, *step) == 0
    assert (answers(alone), states(alone), mails(alone)) == ({"interested": 1}, {"asked": 1}, {"asked": 1})
