"""Delivering promised mails: claim one, compose it from the store as it is now, send it, mark it. Each at most once.

A mail whose sender dies in between stays as being sent: whether it went nobody knows, so a person decides.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from datetime import timedelta
from email.headerregistry import Address

from service import faults, stationery
from service.composing import Desk, NothingToSayError
from service.post import ClosedError, Line, PutOffError, RefusedError, UnsureError
from service.promised import compose
from service.stationery import UnaddressableError
from service.store import events, mails, people
from service.store.database import DatabaseError
from service.store.mails import Kind, Promised, State
from service.wiring import Commonweal

log = logging.getLogger(__name__)

WAITS = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 60, 240, 720, 1440, 1440))
"""How long a mail that was put off waits, time after time: some three days in all, then it has failed."""
LOSSES = 3
"""Mails in a row over which the connection may be lost before a run ends."""
BY = "post"
"""Who gave up on an address, where a mail server said that nobody is there."""


@dataclass
class Run:
    """What became of the mails that were due, and where the run ended before its time, why."""

    sent: int = 0
    dropped: int = 0
    postponed: int = 0
    failed: int = 0
    unsure: int = 0
    stopped: str = ""
    losses: int = 0  # in a row, of the connection

    @property
    def tried(self) -> int:
        return self.sent + self.dropped + self.postponed + self.failed + self.unsure

    def as_dict(self) -> dict[str, int | str]:
        return {name: value for name, value in asdict(self).items() if name != "losses"}


def deliver(
    commonweal: Commonweal,
    *,
    limit: int | None = None,
    dry_run: bool = False,
    kinds: Collection[Kind] = (),
    stopped: Callable[[], bool] = lambda: False,
) -> Run:
    """Sends what is due, of these kinds or of all, `limit` mails at most. A dry run composes, and changes nothing.

    Others may deliver at the same time. Raises UnaddressableError where COMMONWEAL_MAIL_FROM is no address.
    """
    desk, sender, run = Desk(commonweal), stationery.sender(commonweal.settings.mail_from), Run()
    if dry_run:
        return _rehearsed(desk, sender, kinds, limit, run)
    try:
        with commonweal.post.open() as line:
            while not (run.stopped or stopped() or run.tried == limit) and _is_any_due(commonweal, kinds):
                line.ready()
                promised = _claimed(commonweal, kinds)
                if promised is not None:
                    _deliver(desk, line, promised, sender, run)
    except ClosedError as error:
        run.stopped = str(error)
    if run.stopped:
        log.warning("Mails wait: %s", run.stopped)
    return run


def _is_any_due(commonweal: Commonweal, kinds: Collection[Kind]) -> bool:
    with commonweal.database.read() as connection:
        return mails.is_any_due(connection, commonweal.now(), kinds=kinds)


def _claimed(commonweal: Commonweal, kinds: Collection[Kind]) -> Promised | None:
    with commonweal.database.write() as connection:
        return mails.claim(connection, commonweal.now(), kinds=kinds)


def _deliver(desk: Desk, line: Line, promised: Promised, sender: Address, run: Run) -> None:
    """One claimed mail, until it is marked."""
    faults.point("delivery.claimed")
    try:
        message = compose(desk, promised, sender)
        faults.point("delivery.composed")
        says = line.send(message)
        faults.point("delivery.sent")
    except NothingToSayError as error:
        run.dropped += 1
        _finish(desk, promised, State.DROPPED, str(error))
    except PutOffError as error:
        _put_off(desk, promised, str(error), run)
        run.losses = run.losses + 1 if error.lost else 0
        run.stopped = str(error) if error.ends_run or run.losses == LOSSES else ""
    except (RefusedError, UnaddressableError) as error:
        run.failed += 1
        _finish(desk, promised, State.FAILED, str(error), gives_up=isinstance(error, RefusedError) and error.address)
    except UnsureError as error:
        run.unsure += 1
        _finish(desk, promised, State.UNSURE, str(error))
    except (ClosedError, DatabaseError) as error:  # not this mail's fault: it waits as if nothing had been
        _back(desk, promised, str(error) if isinstance(error, ClosedError) else "")
        raise
    except Exception as error:  # whatever a mail dies of must not keep the others from going
        log.exception("A mail of kind %s cannot be composed", promised.kind)
        run.failed += 1
        _finish(desk, promised, State.FAILED, f"it could not be composed: {type(error).__name__}")
    else:
        run.sent += 1
        run.losses = 0
        _finish(desk, promised, State.SENT, says)


def _finish(desk: Desk, promised: Promised, state: State, says: str, *, gives_up: bool = False) -> None:
    commonweal = desk.commonweal
    now = commonweal.now()
    if state in (State.FAILED, State.UNSURE):
        log.warning("A mail of kind %s is %s: %s", promised.kind, state, says)

    def mark() -> None:
        with commonweal.database.write() as connection:
            if mails.finish(connection, promised.key, state, now, says) and state is State.SENT:
                desk.note_sent(connection, promised)
            if gives_up and people.give_up_on(connection, promised.email, says, now):
                events.record(connection, now, BY, "gave up on an address", f"person {promised.person}: {says}")

    _patiently(mark)


def _put_off(desk: Desk, promised: Promised, says: str, run: Run) -> None:
    if promised.attempts > len(WAITS):
        run.failed += 1
        _finish(desk, promised, State.FAILED, f"after {promised.attempts} attempts: {says}")
        return
    run.postponed += 1
    until = desk.commonweal.now() + WAITS[promised.attempts - 1]

    def mark() -> None:
        with desk.commonweal.database.write() as connection:
            mails.postpone(connection, promised.key, until, says)

    _patiently(mark)


def _back(desk: Desk, promised: Promised, says: str) -> None:
    def mark() -> None:
        with desk.commonweal.database.write() as connection:
            mails.postpone(connection, promised.key, promised.due, says, tried=False)

    _patiently(mark)


def _patiently(mark: Callable[[], None], attempts: int = 5) -> None:
    """What became of a mail is written down even where the database is busy for a while."""
    for left in reversed(range(attempts)):
        try:
            mark()
        except DatabaseError:
            if not left:
                raise
            time.sleep(0.2)
        else:
            return


def _rehearsed(desk: Desk, sender: Address, kinds: Collection[Kind], limit: int | None, run: Run) -> Run:
    with desk.commonweal.database.read() as connection:
        waiting = mails.due(connection, desk.commonweal.now(), kinds=kinds)
    for promised in waiting[:limit]:
        try:
            compose(desk, promised, sender)
        except NothingToSayError:
            run.dropped += 1
        except UnaddressableError:
            run.failed += 1
        else:
            run.sent += 1
    return run


class Postman:
    """Delivers in a thread of its own, every few seconds and when nudged."""

    EVERY = 2.0  # seconds
    LONGEST = 300.0

    def __init__(self, commonweal: Commonweal) -> None:
        self._commonweal = commonweal
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="postman", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends after the mail that is on its way."""
        self._stopped.set()
        self._woken.set()
        self._thread.join(timeout=10)

    def nudge(self) -> None:
        """Something was promised that should not wait."""
        self._woken.set()

    def _work(self) -> None:
        pause = self.EVERY
        while not self._stopped.is_set():
            self._woken.clear()
            if self._round():
                pause = self.EVERY
                self._woken.wait(pause)
            else:  # a server in trouble is left alone for longer and longer, whatever is promised meanwhile
                pause = min(2 * pause, self.LONGEST)
                self._stopped.wait(pause)

    def _round(self) -> bool:
        """Whether the post works."""
        try:
            return not deliver(self._commonweal, stopped=self._stopped.is_set).stopped
        except (DatabaseError, UnaddressableError) as error:
            log.error("Mails wait: %s", error)
        except Exception:
            log.exception("Mails wait: the postman stumbled")
        return False
