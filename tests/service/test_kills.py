"""SIGKILL at named points and at random moments: the next run finds a whole state and finishes."""

import csv
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from matcher.artefacts import artefact

ORGANISATIONS, WEEK = 40, "2026-W48"
RANDOM_KILLS = int(os.environ.get("COMMONWEAL_SOAK", "8"))
THINGS = ("a minibus", "a warm room", "six laptops", "a choir leader", "help with a lease", "a stall on market day")
STORY = (
    ("import", "organisations.csv", "listings.csv"),
    ("round", "--week", WEEK, "--release"),
    ("digests", "write", "--week", WEEK, "--to", "mails"),
)


LINK = re.compile(r'(?<=href=")[^"]+')  # signed with the home's own secret, for people with ids of their own


@dataclass(frozen=True)
class State:
    """What a finished story leaves."""

    organisations: int
    listings: int
    vectors: int
    released: bool
    suggestions: tuple[tuple[str, str, float], ...]
    digests: dict[str, str]


@pytest.fixture(scope="module")
def sheets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sheets")
    with (folder / "organisations.csv").open("w", newline="") as file:
        write = csv.writer(file)
        write.writerow(["id", "name", "standing", "sectors", "places", "contact_email"])
        for n in range(ORGANISATIONS):
            write.writerow([f"o{n}", f"Organisation {n}", "member", "voluntary", "Kent", f"o{n}@o{n}.example"])
    with (folder / "listings.csv").open("w", newline="") as file:
        write = csv.writer(file)
        write.writerow(["id", "organisation", "kind", "text"])
        for n in range(ORGANISATIONS * 2):
            kind, thing = ("need", "offer")[n % 2], THINGS[n % 7 % len(THINGS)]
            write.writerow([f"l{n}", f"o{n // 2}", kind, f"This is about {thing} for group number {n * n}, weekly."])
    return folder


def start(home: Path, sheets: Path, step: tuple[str, ...], fault: str = "") -> subprocess.Popen[bytes]:
    told = [str(sheets / word) if word.endswith(".csv") else word for word in step]
    told = [str(home / word) if word == "mails" else word for word in told]
    environment = {
        **os.environ,
        "COMMONWEAL_HOME": str(home),
        "COMMONWEAL_ENCODER": "hash",
        "COMMONWEAL_FAULT": fault,
        "COMMONWEAL_RANKER": str(home / "ranker.toml"),
    }
    command = [sys.executable, "-c", "from service.cli import main; main()", *told]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finish(home: Path, sheets: Path) -> None:
    """Runs the story from its beginning; a round that was released before is the one step that may fail."""
    for step in STORY:
        code = start(home, sheets, step).wait()
        assert code == 0 or (step[0] == "round" and seen(home).released)


def rows(home: Path, query: str) -> list[tuple[object, ...]]:
    path = home / "commonweal.db"
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as connection:
        try:
            return list(connection.execute(query))
        except sqlite3.OperationalError as error:
            assert "no such table" in str(error)
            return []


def seen(home: Path) -> State:
    count = lambda table: int(str((rows(home, f"select count(*) from {table}") or [(0,)])[0][0]))  # noqa: E731
    suggested = rows(home, "select need, offer, fit from suggestions order by need, offer")
    mails = sorted((home / "mails").glob("*.html"))
    return State(
        organisations=count("organisations"),
        listings=count("listings"),
        vectors=count("vectors"),
        released=bool(rows(home, "select 1 from rounds where released_at is not null")),
        suggestions=tuple((str(n), str(o), float(str(f))) for n, o, f in suggested),
        digests={mail.name: LINK.sub("…", mail.read_text()) for mail in mails},
    )


def new_home(folder: Path) -> Path:
    """A home whose ranker is generous, so that the hash encoder's likenesses are suggested."""
    folder.mkdir()
    strict = artefact("models", "ranker.toml").read_text()
    (folder / "ranker.toml").write_text(re.sub(r"intercept = \S+", "intercept = 0.5", strict))
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, sheets: Path) -> State:
    """The state that an undisturbed story leaves."""
    home = new_home(tmp_path_factory.mktemp("whole") / "home")
    finish(home, sheets)
    state = seen(home)
    assert (state.organisations, state.listings, state.released) == (ORGANISATIONS, ORGANISATIONS * 2, True)
    assert len(state.suggestions) > ORGANISATIONS
    assert len(state.digests) == ORGANISATIONS
    return state


def assert_whole(home: Path, whole: State) -> None:
    """Right after a kill: every table is as before its transaction or as after it."""
    assert rows(home, "pragma integrity_check") in ([], [("ok",)])
    state = seen(home)
    assert (state.organisations, state.listings) in ((0, 0), (whole.organisations, whole.listings))
    assert state.suggestions in ((), whole.suggestions)
    assert not (state.released and not state.suggestions)
    assert state.digests.items() <= whole.digests.items()


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        (0, "import.planned"),
        (0, "import.before-commit"),
        (0, "import.committed"),
        (0, "vectors.before-commit"),
        (1, "round.computed"),
        (1, "round.before-commit"),
        (1, "round.committed"),
        (1, "release.before-commit"),
        (2, "digests.between-files"),
    ],
)
def test_a_kill_at_a_named_point_leaves_a_whole_state(
    step: int, fault: str, tmp_path: Path, sheets: Path, whole: State
) -> None:
    home = new_home(tmp_path / "home")
    for before in STORY[:step]:
        assert start(home, sheets, before).wait() == 0
    assert start(home, sheets, STORY[step], fault).wait() == -signal.SIGKILL
    assert_whole(home, whole)
    finish(home, sheets)
    assert seen(home) == whole


@pytest.mark.parametrize("seed", range(RANDOM_KILLS))
def test_a_kill_at_a_random_moment_leaves_a_whole_state(seed: int, tmp_path: Path, sheets: Path, whole: State) -> None:
    home = new_home(tmp_path / "home")
    chance = random.Random(seed)
    step = chance.choice((0, 0, 1, 1, 2))
    for before in STORY[:step]:
        assert start(home, sheets, before).wait() == 0
    running = start(home, sheets, STORY[step])
    time.sleep(chance.uniform(0.1, 1.2))
    running.kill()
    running.wait()
    assert_whole(home, whole)
    finish(home, sheets)
    assert seen(home) == whole
