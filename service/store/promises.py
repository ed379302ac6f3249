"""What organisations promised at a session, and what came of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, select, update

from matcher.records import OrganisationId
from service.store import schema
from service.store.database import in_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """`due` is the day to report back by; `outcome` what was reported, once `kept_at` is known."""

    id: str
    session: str
    organisation: OrganisationId
    says: str
    due: date | None = None
    kept_at: datetime | None = None
    outcome: str = ""
    by: str
    at: datetime


def make(
    connection: Connection,
    session: str,
    organisation: OrganisationId,
    says: str,
    due: date | None,
    by: str,
    at: datetime,
) -> str:
    """Notes a promise, and returns its id."""
    id_ = uuid4().hex
    row = {"id": id_, "session": session, "organisation": organisation, "says": says, "due": due}
    connection.execute(schema.promises.insert(), [{**row, "outcome": "", "by": by, "at": at.astimezone(UTC)}])
    return id_


def of(connection: Connection, sessions: Iterable[str]) -> tuple[Promise, ...]:
    """Those of these sessions: open ones first, by the day they are due."""
    promises = schema.promises.c
    query = (
        select(schema.promises)
        .where(promises.session.in_(list(sessions)))
        .order_by(promises.kept_at.is_not(None), promises.due.is_(None), promises.due, promises.at, promises.id)
    )
    return tuple(map(_promise, connection.execute(query)))


def settle(connection: Connection, id_: str, session: str, at: datetime, outcome: str) -> bool:
    """Says what came of a promise; False where that is known already, or there is no such promise."""
    promises = schema.promises.c
    still = update(schema.promises).where(promises.id == id_, promises.session == session, promises.kept_at.is_(None))
    return connection.execute(still.values(kept_at=at.astimezone(UTC), outcome=outcome)).rowcount == 1


def reopen(connection: Connection, id_: str, session: str) -> bool:
    """Takes that back; False where nothing was known."""
    promises = schema.promises.c
    known = update(schema.promises).where(
        promises.id == id_, promises.session == session, promises.kept_at.is_not(None)
    )
    return connection.execute(known.values(kept_at=None, outcome="")).rowcount == 1


def _promise(row: Any) -> Promise:
    times = {"kept_at": row.kept_at and in_utc(row.kept_at), "at": in_utc(row.at)}
    return Promise(**{**row._mapping, **times})
