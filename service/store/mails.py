"""Mails that were promised: written in the transaction that promises them, composed and sent later, each once."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Select, case, delete, func, select, update

from service.store import schema
from service.store.database import in_utc
from service.store.people import Person


class Kind(StrEnum):
    """What a mail is."""

    SIGN_IN = "sign-in"
    INVITATION = "invitation"
    APPLIED = "applied"  # to who applied
    APPLICATION = "application"  # to coordinators: one waits
    APPROVED = "approved"
    REFUSED = "refused"
    ADDED = "added"  # to a person who may act for an organisation now
    COLLEAGUE = "colleague"  # to the others who act for it
    ENDING = "ending"  # a membership will end, or has
    DIGEST = "digest"
    ASKED = "asked"  # the other side is interested
    REMINDER = "reminder"
    EXPIRED = "expired"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    REPLIED = "replied"  # to the others of an organisation: one of them, or a coordinator, replied
    INTRODUCTION = "introduction"
    FOLLOW_UP = "follow-up"
    SESSION = "session"  # an organisation is invited to one


class State(StrEnum):
    """How far a mail is. `UNSURE`: the server fell silent after all of it was sent; it is not sent again."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNSURE = "unsure"
    DROPPED = "dropped"  # there was nothing to say any more


def promise(
    connection: Connection,
    kind: Kind,
    key: str,
    *,
    to: Person | str,
    about: Mapping[str, str],
    due: datetime,
) -> bool:
    """Promises a mail to a person, or to the address of somebody who is not known yet. False where it was before.

    `key` and who it goes to tell one mail from another of its kind; `about` holds the ids that it is composed from.
    """
    email, person = (to, None) if isinstance(to, str) else (to.email, to.id)
    whole = f"{kind}:{key}:{person or email}"
    if connection.execute(select(schema.mails.c.key).where(schema.mails.c.key == whole)).one_or_none():
        return False
    row = {
        "key": whole,
        "kind": str(kind),
        "email": email,
        "person": person,
        "about": dict(about),
        "state": str(State.WAITING),
        "due_at": due.astimezone(UTC),
        "attempts": 0,
        "says": "",
    }
    connection.execute(schema.mails.insert(), [row])
    return True


def take_back(connection: Connection, kind: Kind, key: str, people: Iterable[str]) -> frozenset[str]:
    """Mails that were promised to these people, and wait still, are not sent. Returns to whom one went, or may have."""
    table = schema.mails
    theirs = table.c.key.in_([f"{kind}:{key}:{person}" for person in people])
    connection.execute(delete(table).where(theirs, table.c.state == str(State.WAITING)))
    gone = table.c.state.in_([str(state) for state in (State.SENDING, State.SENT, State.UNSURE)])
    return frozenset(connection.execute(select(table.c.person).where(theirs, gone)).scalars())


def renew(connection: Connection, kind: Kind, key: str, due: datetime, because: str = "") -> int:
    """Promises again those of such mails that were dropped, or dropped for this reason. Returns how many."""
    table = schema.mails
    dropped = [table.c.key.startswith(f"{kind}:{key}:", autoescape=True), table.c.state == str(State.DROPPED)]
    dropped += [table.c.says == because] if because else []
    again = {"state": str(State.WAITING), "due_at": due.astimezone(UTC), "attempts": 0, "ended_at": None, "says": ""}
    return connection.execute(update(table).where(*dropped).values(again)).rowcount


def is_known(connection: Connection, kind: Kind, key: str) -> bool:
    """Whether such a mail was promised to anybody, whatever became of it."""
    table = schema.mails.c
    known = select(table.key).where(table.key.startswith(f"{kind}:{key}:", autoescape=True))
    return connection.execute(known.limit(1)).one_or_none() is not None


def below(connection: Connection, kind: Kind, key: str) -> tuple["Promised", ...]:
    """Those of a kind whose keys begin with this one, whatever became of them."""
    table = schema.mails
    begins = table.c.key.startswith(f"{kind}:{key}:", autoescape=True)
    return tuple(map(_promised, connection.execute(select(table).where(begins).order_by(table.c.key))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """A mail that was promised, and how far it is. `says` holds a mail server's words, or why it was dropped."""

    key: str
    kind: Kind
    email: str
    person: str | None
    about: Mapping[str, str]
    state: State
    due: datetime
    attempts: int
    claimed_at: datetime | None
    ended_at: datetime | None
    says: str

    def is_stuck(self, at: datetime) -> bool:
        """Whether it was begun so long ago that whoever began it must have died over it: it may have gone or not."""
        return self.state is State.SENDING and self.claimed_at is not None and at - self.claimed_at > STUCK


STUCK = timedelta(minutes=15)
"""Longer than any mail server is waited for."""


def due(connection: Connection, at: datetime, *, kinds: Collection[Kind] = ()) -> tuple[Promised, ...]:
    """What is to go by now, of these kinds or of all: links to sign in with first, digests last."""
    return tuple(map(_promised, connection.execute(_due(at, kinds))))


def is_any_due(connection: Connection, at: datetime, *, kinds: Collection[Kind] = ()) -> bool:
    return connection.execute(_due(at, kinds).limit(1)).one_or_none() is not None


def claim(connection: Connection, at: datetime, *, kinds: Collection[Kind] = ()) -> Promised | None:
    """Takes the next mail that is due, for whoever asks and nobody else; None where there is none.

    Until `finish` or `postpone` it is being sent, and stays so where its sender dies.
    """
    table = schema.mails
    for row in connection.execute(_due(at, kinds).limit(1)):
        swapped = update(table).where(table.c.key == row.key, table.c.state == str(State.WAITING))
        values = {"state": str(State.SENDING), "claimed_at": at.astimezone(UTC), "attempts": table.c.attempts + 1}
        if connection.execute(swapped.values(values)).rowcount == 1:
            return get(connection, row.key)
    return None


def finish(connection: Connection, key: str, state: State, at: datetime, says: str = "") -> bool:
    """How the sending of a mail ended; False where it was not being sent any more."""
    return _moved(
        connection, key, (State.SENDING,), {"state": str(state), "ended_at": at.astimezone(UTC), "says": says}
    )


def postpone(connection: Connection, key: str, until: datetime, says: str = "", *, tried: bool = True) -> bool:
    """A mail that was being sent waits again; not `tried` where it was not its turn after all."""
    values: dict[str, Any] = {"state": str(State.WAITING), "due_at": until.astimezone(UTC), "says": says}
    if not tried:
        values["attempts"] = schema.mails.c.attempts - 1
    return _moved(connection, key, (State.SENDING,), values)


def retry(connection: Connection, key: str, at: datetime) -> bool:
    """Has a mail go again that failed, was dropped, or may have gone: a person decided so. False where none is."""
    found = get(connection, key)
    if found is None or (found.state is State.SENDING and not found.is_stuck(at)):
        return False
    again = {"state": str(State.WAITING), "due_at": at.astimezone(UTC), "attempts": 0, "ended_at": None, "says": ""}
    return _moved(connection, key, (State.SENDING, State.FAILED, State.UNSURE, State.DROPPED), again)


def get(connection: Connection, key: str) -> Promised | None:
    row = connection.execute(select(schema.mails).where(schema.mails.c.key == key)).one_or_none()
    return None if row is None else _promised(row)


def every(connection: Connection, states: Collection[State], limit: int | None = None) -> tuple[Promised, ...]:
    """Mails in one of these states, the newest first."""
    table = schema.mails.c
    query = select(schema.mails).where(table.state.in_([str(state) for state in states]))
    return tuple(map(_promised, connection.execute(query.order_by(table.due_at.desc(), table.key).limit(limit))))


def counts(connection: Connection) -> dict[State, int]:
    """How many mails there are in each state that any is in."""
    state = schema.mails.c.state
    query = select(state, func.count().label("n")).group_by(state)
    found = {row.state: int(row.n) for row in connection.execute(query)}
    return {one: found[one] for one in State if one in found}


def _due(at: datetime, kinds: Collection[Kind]) -> Select[Any]:
    table = schema.mails.c
    first = case((table.kind == str(Kind.SIGN_IN), 0), (table.kind == str(Kind.DIGEST), 2), else_=1)
    query = select(schema.mails).where(table.state == str(State.WAITING), table.due_at <= at.astimezone(UTC))
    if kinds:
        query = query.where(table.kind.in_([str(kind) for kind in kinds]))
    return query.order_by(first, table.due_at, table.key)


def _moved(connection: Connection, key: str, states: Collection[State], values: dict[str, Any]) -> bool:
    table = schema.mails
    moved = update(table).where(table.c.key == key, table.c.state.in_([str(state) for state in states]))
    return connection.execute(moved.values(values)).rowcount == 1


def _promised(row: Any) -> Promised:
    return Promised(
        key=row.key,
        kind=Kind(row.kind),
        email=row.email,
        person=row.person,
        about=row.about,
        state=State(row.state),
        due=in_utc(row.due_at),
        attempts=row.attempts,
        claimed_at=in_utc(row.claimed_at) if row.claimed_at else None,
        ended_at=in_utc(row.ended_at) if row.ended_at else None,
        says=row.says,
    )
