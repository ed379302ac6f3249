"""A session's timetable: its meetings as last solved, and those that were cancelled, as calendars know them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import Connection, select, update

from matcher.timetable import Couple, Meeting, Timetable
from service.store import schema
from service.store.database import in_utc, upsert


@dataclass(frozen=True, slots=True)
class Kept:
    """A meeting as kept: `uid` is what calendars know it by, `sequence` rises whenever what they show changes."""

    meeting: Meeting
    uid: str
    sequence: int
    is_cancelled: bool
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """A session's newest timetable, by slot and table; `cancelled` are meetings that there were once."""

    revision: int
    solved_at: datetime
    value: float
    bound: float
    unplaced: Mapping[Couple, str]
    kept: tuple[Kept, ...]
    cancelled: tuple[Kept, ...]

    @property
    def meetings(self) -> tuple[Meeting, ...]:
        return tuple(one.meeting for one in self.kept)

    @property
    def gap(self) -> float:
        """The share of the bound that is at most missing."""
        return max(0.0, self.bound - self.value) / self.bound if self.bound else 0.0


def load(connection: Connection, session: str) -> Stored | None:
    """None before the first."""
    tables, meetings = schema.timetables, schema.meetings
    found = connection.execute(select(tables).where(tables.c.session == session)).one_or_none()
    if found is None:
        return None
    query = select(meetings).where(meetings.c.session == session)
    rows = connection.execute(query.order_by(meetings.c.slot, meetings.c.table, meetings.c.one))
    kept = [
        Kept(Meeting(r.one, r.other, r.slot, r.table), r.uid, r.sequence, r.is_cancelled, in_utc(r.changed_at))
        for r in rows
    ]
    return Stored(
        found.revision,
        in_utc(found.solved_at),
        found.value,
        found.bound,
        {(one, other): why for one, other, why in found.unplaced},
        tuple(one for one in kept if not one.is_cancelled),
        tuple(one for one in kept if one.is_cancelled),
    )


def store(connection: Connection, session: str, after: Timetable, seen: int, at: datetime) -> bool:
    """Stores the next revision after `seen`; False, nothing changed, where that is not the newest any more."""
    before = load(connection, session)
    if (before.revision if before else 0) != seen:
        return False
    row = {
        "session": session,
        "revision": seen + 1,
        "solved_at": at.astimezone(UTC),
        "value": after.value,
        "bound": after.bound,
        "unplaced": [[*pair, why] for pair, why in after.unplaced.items()],
    }
    upsert(connection, schema.timetables, [row])
    known = (*before.kept, *before.cancelled) if before else ()
    upsert(connection, schema.meetings, list(_changed(session, known, after.meetings, at)))
    return True


def touch(connection: Connection, session: str, at: datetime) -> None:
    """Has every calendar take its meetings anew: day, time or place of the session changed."""
    meetings = schema.meetings
    stored = update(meetings).where(meetings.c.session == session, meetings.c.is_cancelled.is_(False))
    connection.execute(stored.values(sequence=meetings.c.sequence + 1, changed_at=at.astimezone(UTC)))


def _changed(session: str, known: Iterable[Kept], now: Sequence[Meeting], at: datetime) -> Iterable[dict[str, object]]:
    before = {one.meeting.couple: one for one in known}
    after = {one.couple: one for one in now}
    for pair in sorted({*before, *after}):
        had, has = before.get(pair), after.get(pair)
        meeting = has or (had.meeting if had else None)
        assert meeting is not None
        is_same = had is not None and had.is_cancelled == (has is None) and (has is None or has == had.meeting)
        if not is_same:
            yield {
                "session": session,
                "one": meeting.one,
                "other": meeting.other,
                "slot": meeting.slot,
                "table": meeting.table,
                "uid": had.uid if had else f"{uuid4().hex}@commonweal",
                "sequence": had.sequence + 1 if had else 0,
                "is_cancelled": has is None,
                "changed_at": at.astimezone(UTC),
            }
