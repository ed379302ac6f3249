import operator
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from matcher.errors import CommonwealError
from matcher.workers import SMALL, WorkerLostError, cores, worked_off

SLEEPERS = """
import operator, time
from matcher.workers import worked_off
print("ready", flush=True)
for _ in worked_off(operator.call, time.sleep, [0.2] * 1000, workers=2): print("done", flush=True)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_answers_come_in_the_order_of_the_tasks(workers: int) -> None:
    known = {"large": np.arange(SMALL), "small": np.arange(3), "text": "a van"}
    tasks = ["text", "large", "small", "large"] * 10
    found = list(worked_off(operator.getitem, known, tasks, workers=workers))
    assert [np.array_equal(one, known[task]) for one, task in zip(found, tasks, strict=True)] == [True] * 40


def test_tasks_are_asked_for_as_they_are_worked_off_not_all_at_once() -> None:
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    answers = worked_off(operator.add, 1, tasks(), workers=2)
    assert [next(answers), next(answers)] == [1, 2]
    assert len(taken) < 30
    answers.close()


def test_a_worker_has_one_thread_for_arithmetic_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    names = ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"]
    assert list(worked_off(operator.call, os.getenv, names, workers=2)) == ["1", "3"]


def test_what_goes_wrong_in_a_worker_goes_wrong_here() -> None:
    with pytest.raises(ZeroDivisionError):
        list(worked_off(operator.floordiv, 1, [1, 0], workers=2))


def test_a_worker_that_was_killed_is_told_of_with_the_remedy() -> None:
    with pytest.raises(WorkerLostError, match="COMMONWEAL_WORKERS=1"):
        list(worked_off(operator.call, signal.raise_signal, [signal.SIGKILL], workers=2))


def test_a_full_disc_is_told_of_with_the_remedy() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    try:
        with pytest.raises(CommonwealError, match=r"cannot be written to .*commonweal-.*set TMPDIR"):
            list(worked_off(operator.getitem, np.arange(1 << 16), [0], workers=2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def sleepers(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process whose two workers are at work; whatever happens, nothing of it is left behind."""
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPERS],
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert [process.stdout.readline(), process.stdout.readline()] == ["ready\n", "done\n"]
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def left_over(folder: Path) -> list[str]:
    """What still lies in the folder, and the processes that still work with it, five seconds later at the latest."""
    for _ in range(50):
        running = [
            entry.name
            for entry in Path("/proc").glob("[0-9]*")
            if f"TMPDIR={folder}".encode() in _read(entry / "environ")
        ]
        if not (left := [path.name for path in folder.iterdir()] + running):
            return []
        time.sleep(0.1)
    return left


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # gone meanwhile
        return b""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
def test_workers_and_their_files_go_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    with sleepers(tmp_path) as process:
        assert [path.name.startswith("commonweal-") for path in tmp_path.iterdir()] == [True]
        process.kill()
        process.communicate(timeout=20)
        assert left_over(tmp_path) == []


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
def test_an_interrupt_is_told_once_and_leaves_nothing(tmp_path: Path) -> None:
    with sleepers(tmp_path) as process:
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=20)
        assert told.count("KeyboardInterrupt\n") == 1
        assert left_over(tmp_path) == []


def test_there_is_a_core_at_least() -> None:
    assert cores() >= 1
