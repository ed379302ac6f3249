"""Two processes that release the same week at once: one of them does, on either database."""

import os
import subprocess
import sys
from collections.abc import Sequence

import pytest

from service.store import rounds
from service.wiring import Commonweal

WEEK = "2026-W48"
RELEASES = ("round", "--week", WEEK, "--release")


def at_once(commonweal: Commonweal, commands: Sequence[Sequence[str]]) -> list[tuple[int, str]]:
    """Exit status and what was said, of processes that all wait at the same gate until every one is ready."""
    gate = "import sys; from service.cli import main; print('ready', flush=True); sys.stdin.readline(); main()"
    environment = {
        **os.environ,
        "COMMONWEAL_HOME": str(commonweal.settings.home),
        "COMMONWEAL_DATABASE": commonweal.database.url.render_as_string(hide_password=False),
        "COMMONWEAL_ENCODER": "hash",
    }
    pipe = subprocess.PIPE
    started = [
        subprocess.Popen(
            [sys.executable, "-c", gate, *command], env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )
        for command in commands
    ]
    for process in started:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[1] for process in started]
    return [(process.returncode, text) for process, text in zip(started, said, strict=True)]


@pytest.mark.parametrize("proposed_before", [True, False])
def test_of_two_processes_that_release_a_week_one_does_and_the_other_is_told(
    commonweal: Commonweal, proposed_before: bool
) -> None:
    if proposed_before:
        ((code, _),) = at_once(commonweal, [RELEASES[:-1]])
        assert code == 0
    ended = sorted(at_once(commonweal, [RELEASES, RELEASES]))
    assert [code for code, _ in ended] == [0, 1]
    assert any(says in ended[1][1] for says in ("somebody else changed or released", "is not run again"))
    with commonweal.database.read() as connection:
        stored = rounds.load(connection, WEEK)
    assert stored is not None and stored.released_at is not None
    assert [one.pair for one in stored.suggestions] == [("alba-n1", "borea-o1")]
