"""What is promised in the room: noted there, asked for at the next session, and what came of it."""

from collections.abc import Mapping
from datetime import date

from matcher.errors import CommonwealError
from matcher.records import OrganisationId
from service.sessions import convening
from service.store import promises, sessions
from service.store.database import Connection
from service.store.promises import Promise
from service.store.sessions import Session
from service.wiring import Commonweal

LONGEST = 500
Typed = Mapping[str, str]
"""What a form holds: organisation, says, due (empty where no day was agreed)."""


class RefusedError(CommonwealError):
    """It cannot be noted, and why."""


class UnknownPromiseError(CommonwealError):
    """It was made neither here nor at the session before."""


class FirstError(CommonwealError):
    """Somebody said already what came of it."""


def note(commonweal: Commonweal, session: str, by: str, typed: Typed) -> str:
    """Notes a promise of somebody on the list, and returns its id. Raises RefusedError, UnknownSessionError."""
    says, organisation = " ".join(typed.get("says", "").split()), OrganisationId(typed.get("organisation", ""))
    with commonweal.database.write() as connection:
        found = convening.find(connection, session)
        if sessions.attendee(connection, session, organisation) is None:
            raise RefusedError("Choose who promised it among those on the list.")
        if not 1 <= len(says) <= LONGEST:
            raise RefusedError(f"Write what was promised, in at most {LONGEST} characters.")
        due = _due(found, typed.get("due", "").strip())
        return promises.make(connection, session, organisation, says, due, by, commonweal.now())


def settle(commonweal: Commonweal, session: str, promise: str, outcome: str) -> None:
    """Says what came of a promise made here or at the session before. Raises FirstError, UnknownPromiseError."""
    outcome = " ".join(outcome.split())
    if len(outcome) > LONGEST:
        raise RefusedError(f"What came of it has {len(outcome)} characters. Keep it to {LONGEST}.")
    with commonweal.database.write() as connection:
        found = _found(connection, session, promise)
        if not promises.settle(connection, promise, found.session, commonweal.now(), outcome):
            raise FirstError(f"Somebody has reported on this already: “{found.outcome or 'done'}”.")


def reopen(commonweal: Commonweal, session: str, promise: str) -> None:
    """Takes the report back. Raises UnknownPromiseError."""
    with commonweal.database.write() as connection:
        promises.reopen(connection, promise, _found(connection, session, promise).session)


def _found(connection: Connection, session: str, promise: str) -> Promise:
    here = convening.find(connection, session)
    both = [one for one in (here.id, here.follows) if one]
    for one in promises.of(connection, both):
        if one.id == promise:
            return one
    raise UnknownPromiseError("This promise was made neither here nor at the session before.")


def _due(session: Session, typed: str) -> date | None:
    if not typed:
        return None
    try:
        due = date.fromisoformat(typed)
    except ValueError:
        raise RefusedError("Write the day to report back by like 2026-12-17.") from None
    if due < session.day:
        raise RefusedError(f"{due} is before the session: write a day after it.")
    return due
