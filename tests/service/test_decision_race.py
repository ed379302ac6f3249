"""Coordinators decide at once, and processes die: of eight about each of forty pairings one is first, the others are
told, and whatever was begun has happened as a whole or not at all."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from matcher.proposing import Proposal
from matcher.records import ListingId, Strength, Suggestion
from service.review import deciding
from service.review.deciding import FirstError
from service.settings import Settings
from service.store import decisions, members, people, reviews, rounds
from service.store.database import Database
from service.store.people import Access
from service.store.reviews import Choice, Review, key_of
from service.wiring import Commonweal

WEEK, PAIRINGS, EACH, AT_ONCE = "2026-W48", 40, 8, 16
Make = Callable[[Database], Commonweal]


def proposed(commonweal: Commonweal, cast: Mapping[str, Any]) -> list[str]:
    needs = [replace(cast["need"], id=ListingId(f"n{number}")) for number in range(PAIRINGS)]
    offers = [replace(cast["offer"], id=ListingId(f"o{number}")) for number in range(PAIRINGS)]
    suggestions = tuple(
        Suggestion(need=one, offer=other, fit=0.75, strength=Strength.GOOD, score=1.0)
        for one, other in zip(needs, offers, strict=True)
    )
    with commonweal.database.write() as connection:
        members.save(connection, listings={one.id: one for one in (*needs, *offers)})
        rounds.propose(connection, WEEK, Proposal(suggestions), versions={}, at=commonweal.now())
    return [key_of(WEEK, *one.pair) for one in suggestions]


def coordinators(commonweal: Commonweal) -> list[str]:
    with commonweal.database.write() as connection:
        found = [people.ensure(connection, f"c{number}@desk.example", f"C{number}").id for number in range(EACH)]
        for one in found:
            people.grant(connection, one, Access.COORDINATOR)
    return found


def test_of_320_decisions_on_40_pairings_each_pairing_is_won_once(
    commonweal: Commonweal, make: Make, cast: Mapping[str, Any]
) -> None:
    keys, who = proposed(commonweal, cast), coordinators(commonweal)
    replicas = [make(commonweal.database) for _ in range(4)]
    jobs = [(key, person) for key in keys for person in who]
    random.Random(1).shuffle(jobs)

    def decide(number: int) -> Review | FirstError:
        key, person = jobs[number]
        choice = Choice.APPROVED if who.index(person) % 2 else Choice.REJECTED
        try:
            return deciding.decide(replicas[number % 4], WEEK, key, person, 0, choice, f"says {person}")
        except FirstError as error:
            return error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(decide, range(len(jobs))))
    won = [one for one in found if isinstance(one, Review)]
    late = [one for one in found if isinstance(one, FirstError)]
    assert Counter(one.key for one in won) == Counter(keys)
    assert len(late) == PAIRINGS * (EACH - 1)
    with commonweal.database.read() as connection:
        stored, steps = reviews.of(connection, WEEK), reviews.steps(connection, keys)
    assert stored == {one.key: one for one in won}
    assert {key: len(done) for key, done in steps.items()} == dict.fromkeys(keys, 1)
    assert all(error.now == stored[error.now.key] and error.step == steps[error.now.key][0] for error in late)


def test_of_whoever_looks_again_and_goes_on_nobody_is_lost_whatever_they_do_while_it_is_solved_anew(
    commonweal: Commonweal, make: Make, cast: Mapping[str, Any]
) -> None:
    """Eight different steps about each pairing, each repeated with the newer version until it is first."""
    keys, who = proposed(commonweal, cast), coordinators(commonweal)
    replicas = [make(commonweal.database) for _ in range(4)]
    act: list[Callable[..., Review]] = [
        lambda *to: deciding.decide(*to, Choice.APPROVED, "good"),
        lambda *to: deciding.decide(*to, Choice.REJECTED, "too far"),
        lambda *to: deciding.decide(*to, Choice.HELD),
        lambda *to: deciding.pin(*to, "they asked"),
        deciding.unpin,
        lambda *to: deciding.reword(*to, "You both asked."),
        lambda *to: deciding.assign(*to, who[0]),
        lambda *to: deciding.allow(*to),
    ]
    jobs = [(key, number) for key in keys for number in range(EACH)]
    random.Random(2).shuffle(jobs)
    late: list[FirstError] = []

    def do(number: int) -> Review:
        (key, person), seen = jobs[number], 0
        replica = replicas[number % 4]
        if number % 40 == 0:
            with replica.database.write() as connection:
                found = rounds.load(connection, WEEK)
                assert found is not None
                rounds.propose(connection, WEEK, found.proposal, versions={}, at=replica.now())
        while True:
            try:
                return act[person](replica, WEEK, key, who[person], seen)
            except FirstError as error:
                late.append(error)
                assert error.now.version > seen
                seen = error.now.version

    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(do, range(len(jobs))))
    assert Counter((one.key, one.version) for one in done) == {(key, n): 1 for key in keys for n in range(1, EACH + 1)}
    assert late
    with commonweal.database.read() as connection:
        stored, steps = reviews.of(connection, WEEK), reviews.steps(connection, keys)
        pinned = set(decisions.pinned(connection, WEEK))
    assert stored == {one.key: one for one in done if one.version == EACH}
    for key in keys:
        assert [one.version for one in steps[key]] == list(range(EACH, 0, -1))
        facts: dict[str, Any] = {}
        for step in reversed(steps[key]):  # each began where the one before it ended
            assert all(facts.get(name, value) == value for name, value in step.before.items() if name in facts)
            facts |= step.after
        assert facts["decision"] == stored[key].decision
        assert facts.get("pinned", False) == (stored[key].pair in pinned)


def test_two_who_decide_about_all_at_once_share_them_out(
    commonweal: Commonweal, make: Make, cast: Mapping[str, Any]
) -> None:
    keys, who = proposed(commonweal, cast), coordinators(commonweal)
    replicas = [make(commonweal.database) for _ in range(AT_ONCE)]

    def half(number: int) -> tuple[list[str], list[str]]:
        mine = random.Random(number).sample(keys, PAIRINGS // 2)
        seen = dict.fromkeys(mine, 0)
        done = deciding.in_bulk(replicas[number], WEEK, seen, who[number % EACH], Choice.HELD)
        return [one.key for one in done.done], [error.now.key for error in done.late]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(half, range(AT_ONCE)))
    won = Counter(key for done, _ in found for key in done)
    assert set(won.values()) == {1}
    assert sum(len(done) + len(late) for done, late in found) == AT_ONCE * PAIRINGS // 2
    with commonweal.database.read() as connection:
        assert {key: one.version for key, one in reviews.of(connection, WEEK).items()} == dict(won)


DECIDING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from service.review import deciding, occasions
from service.settings import Settings
from service.store.reviews import Choice
from service.wiring import Commonweal
home, what, by, key, seen = sys.argv[1:]
commonweal = Commonweal(Settings(home=Path(home), encoder="hash"), now=lambda: datetime(2026, 11, 23, 12, tzinfo=UTC))
with commonweal.database.read() as connection:
    other = occasions.proposal(connection, "2026-W48")[1]
act = commonweal, "2026-W48", key, by, int(seen)
{
    "reject": lambda: deciding.decide(*act, Choice.REJECTED, "too far"),
    "pin": lambda: deciding.pin(*act, "they asked"),
    "forbid": lambda: deciding.forbid(*act, "rivals"),
    "swap": lambda: deciding.swap(*act, other, "theirs has a lift"),
    "undo": lambda: deciding.undo(*act, 1),
    "comment": lambda: deciding.comment(commonweal, "2026-W48", key, by, "Rang them."),
    "bulk": lambda: deciding.in_bulk(
        commonweal, "2026-W48", {one: int(seen) for one in key.split()}, by, Choice.APPROVED
    ),
}[what]()
"""


@pytest.fixture
def alone(tmp_path: Path, migrated_file: Path, cast: Mapping[str, Any]) -> Iterator[Commonweal]:
    """Alba's need with two offers of Borea's, proposed, in a home of its own, for processes that die."""
    (tmp_path / "commonweal.db").write_bytes(migrated_file.read_bytes())
    commonweal = Commonweal(Settings(home=tmp_path, encoder="hash"))
    offers = [replace(cast["offer"], id=ListingId(f"o{number}")) for number in range(2)]
    suggestions = tuple(
        Suggestion(need=cast["need"], offer=one, fit=0.75, strength=Strength.GOOD, score=1.0) for one in offers
    )
    with commonweal.database.write() as connection:
        members.save(
            connection,
            organisations={one.id: one for one in (cast["alba"], cast["borea"])},
            listings={one.id: one for one in (cast["need"], *offers)},
        )
        rounds.propose(connection, WEEK, Proposal(suggestions), versions={}, at=commonweal.now())
    yield commonweal
    commonweal.database.dispose()


def run(home: Path, *step: str, fault: str = "") -> int:
    environment = {**os.environ, "COMMONWEAL_FAULT": fault}
    command = [sys.executable, "-c", DECIDING, str(home), *step]
    return subprocess.run(command, env=environment, capture_output=True).returncode


def whole(commonweal: Commonweal) -> dict[str, list[tuple[object, ...]]]:
    """All that a step may change."""
    tables = ("reviews", "review_steps", "pins", "forbids", "events")
    with commonweal.database.read() as connection:
        return {
            one: [tuple(row) for row in connection.execute(text(f"select * from {one} order by 1"))] for one in tables
        }


@pytest.mark.parametrize(
    ("what", "left"),
    [
        ("reject", {"reviews": 1, "review_steps": 1, "pins": 0, "forbids": 0, "events": 0}),
        ("pin", {"reviews": 1, "review_steps": 1, "pins": 1, "forbids": 0, "events": 0}),
        ("forbid", {"reviews": 1, "review_steps": 1, "pins": 0, "forbids": 1, "events": 2}),
        ("swap", {"reviews": 2, "review_steps": 2, "pins": 1, "forbids": 0, "events": 0}),
        ("comment", {"reviews": 1, "review_steps": 1, "pins": 0, "forbids": 0, "events": 0}),
        ("bulk", {"reviews": 2, "review_steps": 2, "pins": 0, "forbids": 0, "events": 0}),
        ("undo", {"reviews": 1, "review_steps": 2, "pins": 0, "forbids": 0, "events": 0}),
    ],
)
def test_a_step_that_dies_half_way_has_not_happened_and_can_be_taken_again(
    what: str, left: dict[str, int], tmp_path: Path, alone: Commonweal
) -> None:
    by, seen = coordinators(alone)[0], 0
    with alone.database.read() as connection:
        found = rounds.load(connection, WEEK)
    assert found is not None
    keys = [key_of(WEEK, *one.pair) for one in found.suggestions]
    about = " ".join(keys) if what == "bulk" else keys[0]
    if what == "undo":
        assert run(tmp_path, "pin", by, about, "0") == 0
        seen = 1
    was, step = whole(alone), (what, by, about, str(seen))
    assert run(tmp_path, *step, fault="review.before-commit") == -signal.SIGKILL
    assert whole(alone) == was
    assert run(tmp_path, *step) == 0
    assert {table: len(rows) for table, rows in whole(alone).items()} == left
