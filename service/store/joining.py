"""How organisations join: applications, invitations, and the memberships they lead to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Table, and_, func, or_, select, update

from matcher.records import OrganisationId, Standing
from service.registers import Register
from service.store import schema
from service.store.database import upsert
from service.store.rounds import in_utc


class Decided(StrEnum):
    """What became of an application."""

    APPROVED = "approved"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An organisation asks to join. `organisation` is whose number it gives, where that is stored already, and later
    the one it became."""

    id: str
    organisation: OrganisationId | None
    name: str
    register: Register
    number: str
    description: str
    places: tuple[str, ...]
    sectors: tuple[str, ...]
    size: str
    person_name: str
    email: str
    at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None
    decision: Decided | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A coordinator invites an organisation, by a person's address. `until` is the last day of what it leads to."""

    id: str
    organisation: OrganisationId
    email: str
    person_name: str
    invited_by: str
    invited_at: datetime
    expires_at: datetime
    until: date | None
    accepted_at: datetime | None = None

    def is_open(self, at: datetime) -> bool:
        return self.accepted_at is None and at < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Who approved that an organisation is a member, when, and its last day; None: until somebody ends it."""

    organisation: OrganisationId
    register: Register
    number: str
    approved_by: str
    approved_at: datetime
    until: date | None
    reminded_at: datetime | None = None


def new_id() -> str:
    return uuid4().hex


def apply(connection: Connection, application: Application) -> bool:
    """Stores it; False where the same person asks for the same organisation already."""
    table = schema.applications.c
    waiting = select(table.name).where(table.email == application.email, table.decision.is_(None))
    if application.name.casefold() in map(str.casefold, connection.execute(waiting).scalars()):
        return False
    connection.execute(schema.applications.insert(), [_row(application)])
    return True


def application(connection: Connection, id_: str) -> Application | None:
    row = connection.execute(select(schema.applications).where(schema.applications.c.id == id_)).one_or_none()
    return None if row is None else _application(row)


def waiting(connection: Connection, limit: int, offset: int = 0) -> tuple[Application, ...]:
    """Applications nobody has decided, the oldest first."""
    table = schema.applications.c
    query = select(schema.applications).where(table.decision.is_(None)).order_by(table.at, table.id)
    return tuple(map(_application, connection.execute(query.limit(limit).offset(offset))))


def decided(connection: Connection, limit: int, offset: int = 0) -> tuple[Application, ...]:
    """Applications that were decided, the newest decision first."""
    table = schema.applications.c
    query = select(schema.applications).where(table.decision.is_not(None)).order_by(table.decided_at.desc(), table.id)
    return tuple(map(_application, connection.execute(query.limit(limit).offset(offset))))


def how_many_wait(connection: Connection) -> int:
    query = select(func.count()).select_from(schema.applications).where(schema.applications.c.decision.is_(None))
    return int(connection.execute(query).scalar_one())


def decide(
    connection: Connection,
    id_: str,
    decision: Decided,
    *,
    by: str,
    at: datetime,
    why: str,
    organisation: OrganisationId | None = None,
) -> bool:
    """Decides a waiting application; False where somebody was first. `organisation` is the one it became."""
    values = {"decision": str(decision), "decided_by": by, "decided_at": at.astimezone(UTC), "why": why}
    if organisation is not None:
        values["organisation"] = organisation
    waits = schema.applications.c.decision.is_(None)
    return _changed(connection, schema.applications, {"id": id_}, waits, values)


def reopen(connection: Connection, id_: str) -> bool:
    """Has a refused application wait again; False where it was not refused, or its details are gone."""
    table = schema.applications.c
    is_refused = and_(table.decision == str(Decided.REFUSED), table.email != "")
    values = {"decision": None, "decided_by": None, "decided_at": None, "why": ""}
    return _changed(connection, schema.applications, {"id": id_}, is_refused, values)


def empty(connection: Connection, before: datetime) -> int:
    """Takes the people out of applications decided, and invitations accepted or run out, before then. How many."""
    applications, invitations = schema.applications.c, schema.invitations.c
    moment = before.astimezone(UTC)
    old = update(schema.applications).where(applications.decided_at < moment, applications.email != "")
    emptied = connection.execute(old.values(person_name="", email="", description="", why="")).rowcount
    over = or_(invitations.accepted_at < moment, invitations.expires_at < moment)
    done = update(schema.invitations).where(over, invitations.email != "")
    return emptied + connection.execute(done.values(person_name="", email="")).rowcount


def invite(connection: Connection, invitation: Invitation) -> None:
    connection.execute(schema.invitations.insert(), [_row(invitation)])


def invitation(connection: Connection, id_: str) -> Invitation | None:
    row = connection.execute(select(schema.invitations).where(schema.invitations.c.id == id_)).one_or_none()
    return None if row is None else _invitation(row)


def open_invitations(
    connection: Connection, at: datetime, limit: int, offset: int = 0, *, to: OrganisationId | None = None
) -> tuple[Invitation, ...]:
    """Those that can still be accepted, the newest first; with `to`, an organisation's alone."""
    table = schema.invitations.c
    query = select(schema.invitations).where(table.accepted_at.is_(None), table.expires_at > at.astimezone(UTC))
    if to is not None:
        query = query.where(table.organisation == to)
    query = query.order_by(table.invited_at.desc(), table.id).limit(limit).offset(offset)
    return tuple(map(_invitation, connection.execute(query)))


def accept(connection: Connection, id_: str, at: datetime) -> bool:
    """Accepts an invitation; False where that was done, or it has run out or been withdrawn."""
    return _changed(connection, schema.invitations, {"id": id_}, _is_open(at), {"accepted_at": at.astimezone(UTC)})


def withdraw(connection: Connection, id_: str, at: datetime) -> bool:
    """Lets an invitation run out now; False where it had, or was accepted."""
    return _changed(connection, schema.invitations, {"id": id_}, _is_open(at), {"expires_at": at.astimezone(UTC)})


def _is_open(at: datetime) -> Any:
    table = schema.invitations.c
    return and_(table.accepted_at.is_(None), table.expires_at > at.astimezone(UTC))


def save_membership(connection: Connection, membership: Membership) -> None:
    upsert(connection, schema.memberships, [_row(membership)])


def membership(connection: Connection, organisation: OrganisationId) -> Membership | None:
    table = schema.memberships
    row = connection.execute(select(table).where(table.c.organisation == organisation)).one_or_none()
    return None if row is None else _membership(row)


def set_until(
    connection: Connection,
    organisation: OrganisationId,
    until: date | None,
    *,
    seen: date | None,
    by: str,
    at: datetime,
) -> bool:
    """Gives a membership another last day; False where it is not the one that was `seen` any more."""
    table = schema.memberships.c
    unchanged = table.until.is_(None) if seen is None else table.until == seen
    values = {"until": until, "approved_by": by, "approved_at": at.astimezone(UTC), "reminded_at": None}
    return _changed(connection, schema.memberships, {"organisation": organisation}, unchanged, values)


def ending(
    connection: Connection, by: date, limit: int | None = None, *, unreminded: bool = False
) -> tuple[Membership, ...]:
    """Memberships of members whose last day is that day or before, the first to end first."""
    table, organisations = schema.memberships.c, schema.organisations.c
    query = (
        select(schema.memberships)
        .join(schema.organisations, organisations.id == table.organisation)
        .where(table.until <= by, organisations.standing == str(Standing.MEMBER))
        .order_by(table.until, table.organisation)
    )
    if unreminded:
        query = query.where(table.reminded_at.is_(None))
    return tuple(map(_membership, connection.execute(query.limit(limit))))


def ended(connection: Connection, on: date, limit: int) -> tuple[Membership, ...]:
    """Memberships of organisations that are members no more, the last to end first."""
    table, organisations = schema.memberships.c, schema.organisations.c
    query = (
        select(schema.memberships)
        .join(schema.organisations, organisations.id == table.organisation)
        .where(table.until < on, organisations.standing != str(Standing.MEMBER))
        .order_by(table.until.desc(), table.organisation)
    )
    return tuple(map(_membership, connection.execute(query.limit(limit))))


def remind(connection: Connection, organisation: OrganisationId, at: datetime) -> bool:
    """Notes that its people are told of the end; False where they were."""
    unreminded = schema.memberships.c.reminded_at.is_(None)
    values = {"reminded_at": at.astimezone(UTC)}
    return _changed(connection, schema.memberships, {"organisation": organisation}, unreminded, values)


def standing(connection: Connection, organisation: OrganisationId) -> Standing | None:
    """How far an organisation has joined; None where it is not stored."""
    table = schema.organisations.c
    found = connection.execute(select(table.standing).where(table.id == organisation)).scalar_one_or_none()
    return None if found is None else Standing(found)


def free_id(connection: Connection, wanted: OrganisationId) -> OrganisationId:
    """This id, or where an organisation has it, the next that none has: `wanted-2`."""
    id_, number = wanted, 1
    while standing(connection, id_) is not None:
        number += 1
        id_ = OrganisationId(f"{wanted}-{number}")
    return id_


def _changed(
    connection: Connection, table: Table, key: Mapping[str, str], guard: Any, values: Mapping[str, Any]
) -> bool:
    found = (table.c[name] == value for name, value in key.items())
    return connection.execute(update(table).where(*found, guard).values(dict(values))).rowcount == 1


def _row(record: Application | Invitation | Membership) -> dict[str, Any]:
    return {name: _plain(value) for name, value in asdict(record).items()}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, StrEnum) else value


def _moment(value: datetime | None) -> datetime | None:
    return None if value is None else in_utc(value)


def _application(row: Any) -> Application:
    return Application(
        id=row.id,
        organisation=row.organisation,
        name=row.name,
        register=Register(row.register),
        number=row.number,
        description=row.description,
        places=tuple(row.places),
        sectors=tuple(row.sectors),
        size=row.size,
        person_name=row.person_name,
        email=row.email,
        at=in_utc(row.at),
        decided_at=_moment(row.decided_at),
        decided_by=row.decided_by,
        decision=None if row.decision is None else Decided(row.decision),
        why=row.why,
    )


def _invitation(row: Any) -> Invitation:
    return Invitation(
        id=row.id,
        organisation=row.organisation,
        email=row.email,
        person_name=row.person_name,
        invited_by=row.invited_by,
        invited_at=in_utc(row.invited_at),
        expires_at=in_utc(row.expires_at),
        until=row.until,
        accepted_at=_moment(row.accepted_at),
    )


def _membership(row: Any) -> Membership:
    return Membership(
        organisation=row.organisation,
        register=Register(row.register),
        number=row.number,
        approved_by=row.approved_by,
        approved_at=in_utc(row.approved_at),
        until=row.until,
        reminded_at=_moment(row.reminded_at),
    )
