"""Work shared among processes. What all of them read is laid out once, in files that each one maps into its memory.

Processes are started anew, never forked: numpy, FAISS and a web server's threads do not survive a fork, and Windows and
macOS start them anew anyway.
"""

import mmap
import multiprocessing
import os
import pickle
import shutil
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

from matcher.errors import CommonwealError

Known = TypeVar("Known")
Task = TypeVar("Task")
Result = TypeVar("Result")

AHEAD = 4  # tasks that wait for each worker
SMALL = 1 << 14  # bytes: a smaller array is no file of its own
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

_known: Any = None  # of a worker: what all tasks read


class WorkerLostError(CommonwealError):
    """A worker ended before its work was done."""

    def __init__(self) -> None:
        super().__init__(
            "a worker process was ended from outside, mostly because memory ran out; "
            "set COMMONWEAL_WORKERS=1 to work in one process, which needs the least"
        )


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worked_off(
    work: Callable[[Known, Task], Result], known: Known, tasks: Iterable[Task], *, workers: int
) -> Generator[Result, None, None]:
    """`work(known, task)` for each task, in their order: by so many processes, or by this one where `workers` is 1.

    `work` is a function of a module; `known` and the tasks can be pickled. Raises WorkerLostError.
    """
    if workers == 1:
        yield from (work(known, task) for task in tasks)
        return
    with tempfile.TemporaryDirectory(prefix="commonweal-", ignore_cleanup_errors=True) as folder:
        _write(known, Path(folder))
        start = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, start, initializer=_begin, initargs=(folder,)) as pool:
            waiting: deque[Future[Result]] = deque()
            try:
                for task in tasks:
                    waiting.append(pool.submit(_work, work, task))
                    if len(waiting) > AHEAD * workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            except BrokenProcessPool:
                raise WorkerLostError from None
            finally:
                for one in waiting:
                    one.cancel()


def _work(work: Callable[[Any, Task], Result], task: Task) -> Result:
    return work(_known, task)


def _begin(folder: str) -> None:
    """A worker's start: one thread for arithmetic, as there are workers for all cores; its end is its parent's."""
    global _known
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it too, and ends its workers
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    for name in THREADS:  # read when numpy is imported, which `_read` is the first to do
        os.environ.setdefault(name, "1")
    _known = _read(Path(folder))


def _end_with_parent(folder: str) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _write(known: object, folder: Path) -> None:
    """Its arrays as one file each, the rest pickled: `_read` makes it again without a copy of the arrays."""
    arrays: list[memoryview] = []

    def is_small(buffer: pickle.PickleBuffer) -> bool:
        array = buffer.raw()
        if array.nbytes >= SMALL:
            arrays.append(array)
        return array.nbytes < SMALL

    try:
        (folder / "known").write_bytes(pickle.dumps(known, protocol=5, buffer_callback=is_small))
        for number, array in enumerate(arrays):
            (folder / str(number)).write_bytes(array)
    except OSError as error:
        remedy = "set TMPDIR to a folder with room, or COMMONWEAL_WORKERS=1"
        raise CommonwealError(
            f"what the workers share cannot be written to {folder}: {error.strerror}; {remedy}"
        ) from None


def _read(folder: Path) -> Any:
    count = sum(path.name.isdigit() for path in folder.iterdir())
    return pickle.loads(  # noqa: S301 (written by this process's parent, in a folder of its own)
        (folder / "known").read_bytes(), buffers=[_mapped(folder / str(number)) for number in range(count)]
    )


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
