"""Sessions: when and where, who comes, and whom they are to meet as last solved."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, update

from matcher.proposing import Proposal
from matcher.records import LeftOut, ListingId, OrganisationId
from service.store import schema
from service.store.database import in_utc, upsert
from service.store.introductions import State as Introduced
from service.store.suggestions import row_of, suggestion_of


class State(StrEnum):
    """Whether a session takes place. One that is past is told by its day."""

    PLANNED = "planned"
    CANCELLED = "cancelled"


class Attendance(StrEnum):
    """Whether an organisation comes. Whoever is invited counts as coming until it says otherwise."""

    INVITED = "invited"
    COMING = "coming"
    CANCELLED = "cancelled"


REMOVED = "removed"
"""The state of a row that stands for nobody any more: only its version still counts."""
PRESENT = (Attendance.INVITED, Attendance.COMING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A partnership meeting. Times are of the day, where the network is; `capacity` counts organisations.

    `starts` is when the first slot of one-to-one meetings begins; between two of `slots` lie `gap_minutes`.
    """

    id: str
    title: str
    themes: tuple[str, ...] = ()
    day: date
    starts: time = time(14)
    place: str = ""
    venue: str = ""
    online: bool = False
    capacity: int = 25
    slots: int = 8
    slot_minutes: int = 15
    gap_minutes: int = 5
    tables: int = 12
    follows: str | None = None
    state: State = State.PLANNED
    version: int = 1
    made_by: str
    made_at: datetime

    def begins(self, slot: int) -> datetime:
        """When a slot, counted from 0, begins, on the clock of the place."""
        return datetime.combine(self.day, self.starts) + slot * timedelta(minutes=self.slot_minutes + self.gap_minutes)

    def ends(self, slot: int) -> datetime:
        return self.begins(slot) + timedelta(minutes=self.slot_minutes)

    def slots_between(self, arrives: time | None, leaves: time | None) -> range:
        """The slots that somebody is there for from beginning to end."""
        there = [
            slot
            for slot in range(self.slots)
            if (arrives is None or datetime.combine(self.day, arrives) <= self.begins(slot))
            and (leaves is None or self.ends(slot) <= datetime.combine(self.day, leaves))
        ]
        return range(there[0], there[-1] + 1) if there else range(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendee:
    """An organisation on the list of a session. `arrives` and `leaves` are None where it stays from start to end."""

    session: str
    organisation: OrganisationId
    state: Attendance = Attendance.INVITED
    arrives: time | None = None
    leaves: time | None = None
    note: str = ""
    version: int = 1
    changed_by: str
    changed_at: datetime

    @property
    def is_present(self) -> bool:
        return self.state in PRESENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A session's pairings as last solved."""

    session: str
    revision: int
    versions: Mapping[str, str]
    solved_at: datetime
    proposal: Proposal


def add(connection: Connection, session: Session) -> None:
    connection.execute(schema.sessions.insert(), [_row(session)])


def load(connection: Connection, id_: str) -> Session | None:
    found = connection.execute(select(schema.sessions).where(schema.sessions.c.id == id_)).one_or_none()
    return None if found is None else _session(found)


def every(connection: Connection) -> tuple[Session, ...]:
    """All sessions, the latest day first."""
    sessions = schema.sessions.c
    query = select(schema.sessions).order_by(sessions.day.desc(), sessions.starts.desc(), sessions.id)
    return tuple(map(_session, connection.execute(query)))


def change(connection: Connection, session: Session) -> bool:
    """Stores the session in place of the version before its own; False where that is not the stored one any more."""
    table = schema.sessions
    stored = update(table).where(table.c.id == session.id, table.c.version == session.version - 1)
    return connection.execute(stored.values(_row(session))).rowcount == 1


def attendees(connection: Connection, id_: str) -> tuple[Attendee, ...]:
    """Everybody on the list, whoever cancelled too, by organisation."""
    table = schema.attendees
    query = select(table).where(table.c.session == id_, table.c.state != REMOVED).order_by(table.c.organisation)
    return tuple(map(_attendee, connection.execute(query)))


def counts(connection: Connection) -> dict[str, int]:
    """How many are to be counted on, by session; nothing of those without any."""
    table = schema.attendees.c
    query = select(table.session, func.count().label("many")).where(table.state.in_(PRESENT)).group_by(table.session)
    return {row.session: row.many for row in connection.execute(query)}


def attendee(connection: Connection, id_: str, organisation: OrganisationId) -> Attendee | None:
    table = schema.attendees
    query = select(table).where(_is_one(id_, organisation), table.c.state != REMOVED)
    found = connection.execute(query).one_or_none()
    return None if found is None else _attendee(found)


def remove_attendee(connection: Connection, one: Attendee, by: str, at: datetime) -> None:
    """Takes it off the list. Its versions go on where it is put on it again, so that no older form fits."""
    table = schema.attendees
    gone = {"state": REMOVED, "version": one.version + 1, "changed_by": by, "changed_at": at.astimezone(UTC)}
    connection.execute(update(table).where(_is_one(one.session, one.organisation)).values(gone))


def last_version(connection: Connection, id_: str, organisation: OrganisationId) -> int:
    """Of one that is on the list or was taken off it; 0 where it never was on it."""
    query = select(schema.attendees.c.version).where(_is_one(id_, organisation))
    return connection.execute(query).scalar() or 0


def keep_attendee(connection: Connection, after: Attendee) -> bool:
    """Stores an attendee, new (version 1) or in place of the version before; False where somebody was first."""
    table = schema.attendees
    row = _values(after)
    if after.version == 1:
        if last_version(connection, after.session, after.organisation):
            return False
        connection.execute(table.insert(), [row])
        return True
    stored = update(table).where(_is_one(after.session, after.organisation), table.c.version == after.version - 1)
    return connection.execute(stored.values(row)).rowcount == 1


def _is_one(id_: str, organisation: OrganisationId) -> ColumnElement[bool]:
    table = schema.attendees.c
    return and_(table.session == id_, table.organisation == organisation)


def store_plan(
    connection: Connection, session: str, proposal: Proposal, *, versions: Mapping[str, str], at: datetime
) -> int:
    """Stores the session's next pairings in place of those before; returns the number of this revision."""
    before = connection.execute(select(schema.plans.c.revision).where(schema.plans.c.session == session)).scalar()
    row = {
        "session": session,
        "revision": (before or 0) + 1,
        "versions": dict(versions),
        "left_out": {organisation: asdict(left_out) for organisation, left_out in proposal.left_out.items()},
        "unmet": [[*pair, why] for pair, why in proposal.unmet.items()],
        "value": proposal.value,
        "bound": proposal.bound,
        "solved_at": at.astimezone(UTC),
    }
    upsert(connection, schema.plans, [row])
    connection.execute(delete(schema.planned).where(schema.planned.c.session == session))
    if rows := [{"session": session, **row_of(one)} for one in proposal.suggestions]:
        connection.execute(schema.planned.insert(), rows)
    return (before or 0) + 1


def plan(connection: Connection, session: str) -> Plan | None:
    """A session's pairings as last solved, best first; None before the first time."""
    found = connection.execute(select(schema.plans).where(schema.plans.c.session == session)).one_or_none()
    if found is None:
        return None
    planned = schema.planned
    query = (
        select(planned)
        .where(planned.c.session == session)
        .order_by(planned.c.fit.desc(), planned.c.need, planned.c.offer)
    )
    return Plan(
        session=session,
        revision=found.revision,
        versions=found.versions,
        solved_at=in_utc(found.solved_at),
        proposal=Proposal(
            suggestions=tuple(map(suggestion_of, connection.execute(query))),
            left_out={OrganisationId(one): _left_out(row) for one, row in found.left_out.items()},
            unmet={(ListingId(need), ListingId(offer)): why for need, offer, why in found.unmet},
            value=found.value,
            bound=found.bound,
        ),
    )


def heading(connection: Connection, session: str) -> tuple[int, str] | None:
    """How often a session's pairings were solved, and the version that ranked them last; None before the first time."""
    query = select(schema.plans.c.revision, schema.plans.c.versions).where(schema.plans.c.session == session)
    found = connection.execute(query).one_or_none()
    return None if found is None else (found.revision, found.versions.get("ranker", ""))


def revisions(connection: Connection, sessions: Iterable[str]) -> dict[str, int]:
    """How often the pairings of these sessions were solved; nothing of those that never were."""
    plans = schema.plans.c
    query = select(plans.session, plans.revision).where(plans.session.in_(list(sessions)))
    return {row.session: row.revision for row in connection.execute(query)}


def acquainted(connection: Connection) -> frozenset[frozenset[OrganisationId]]:
    """Every two organisations that were introduced to each other."""
    table = schema.introductions.c
    query = select(table.asking, table.giving).where(table.state == Introduced.INTRODUCED.value)
    return frozenset(frozenset((row.asking, row.giving)) for row in connection.execute(query))


def present(attending: Collection[Attendee]) -> frozenset[OrganisationId]:
    """Whom to count on."""
    return frozenset(one.organisation for one in attending if one.is_present)


def after(session: Session, **values: Any) -> Session:
    """The session with these values, as its next version."""
    return replace(session, **values, version=session.version + 1)


def _left_out(row: Mapping[str, Any]) -> LeftOut:
    return LeftOut(row["fitted"], tuple(row["helps"]))


def _row(session: Session) -> dict[str, Any]:
    row = {name: getattr(session, name) for name in map(_name, schema.sessions.c)}
    return {**row, "themes": list(session.themes), "state": session.state.value, "made_at": _utc(session.made_at)}


def _session(row: Any) -> Session:
    return Session(
        **{**row._mapping, "themes": tuple(row.themes), "state": State(row.state), "made_at": in_utc(row.made_at)}
    )


def _values(one: Attendee) -> dict[str, Any]:
    row = {name: getattr(one, name) for name in map(_name, schema.attendees.c)}
    return {**row, "state": one.state.value, "changed_at": _utc(one.changed_at)}


def _attendee(row: Any) -> Attendee:
    return Attendee(**{**row._mapping, "state": Attendance(row.state), "changed_at": in_utc(row.changed_at)})


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _name(column: Any) -> str:
    return str(column.name)
