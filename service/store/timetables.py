"""A session's timetable: its meetings as last solved, and those that were cancelled, as calendars know them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import Connection, select, update

from matcher.timetable import Couple, Meeting, Timetable
from service.store import schema
from service.store.database import in_utc, upsert


@dataclass(frozen=True, slots=True)
class Kept:
    """A meeting as kept: `uid` is what calendars know it by, `sequence` rises whenever what they show changes.

    It `is_fixed` where a person chose its slot and table: no solve moves it.
    """

    meeting: Meeting
    uid: str
    sequence: int
    is_cancelled: bool
    changed_at: datetime
    is_fixed: bool = False


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
    def fixed(self) -> tuple[Meeting, ...]:
        """Those whose slot and table a person chose."""
        return tuple(one.meeting for one in self.kept if one.is_fixed)

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
        Kept(
            Meeting(r.one, r.other, r.slot, r.table),
            r.uid,
            r.sequence,
            r.is_cancelled,
            in_utc(r.changed_at),
            r.is_fixed,
        )
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


def store(
    connection: Connection,
    session: str,
    after: Timetable,
    seen: int,
    at: datetime,
    fixed: Collection[Couple] = (),
) -> bool:
    """Stores the next revision after `seen`; False, nothing changed, where that is not the newest any more.

    `fixed` are those whose slot and table a person chose.
    """
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
    upsert(connection, schema.meetings, list(_changed(session, known, after.meetings, at, fixed)))
    return True


def touch(connection: Connection, session: str, at: datetime) -> None:
    """Has every calendar take its meetings anew: day, time or place of the session changed."""
    meetings = schema.meetings
    stored = update(meetings).where(meetings.c.session == session, meetings.c.is_cancelled.is_(False))
    connection.execute(stored.values(sequence=meetings.c.sequence + 1, changed_at=at.astimezone(UTC)))


def _changed(
    session: str, known: Iterable[Kept], now: Sequence[Meeting], at: datetime, fixed: Collection[Couple]
) -> Iterable[dict[str, object]]:
    """The rows that change; only what a calendar shows has the sequence rise."""
    before = {one.meeting.couple: one for one in known}
    after = {one.couple: one for one in now}
    for pair in sorted({*before, *after}):
        had, has = before.get(pair), after.get(pair)
        meeting = has or (had.meeting if had else None)
        assert meeting is not None
        is_same = had is not None and had.is_cancelled == (has is None) and (has is None or has == had.meeting)
        is_fixed = has is not None and pair in fixed
        if had is None or not is_same or had.is_fixed != is_fixed:
            yield {
                "session": session,
                "one": meeting.one,
                "other": meeting.other,
                "slot": meeting.slot,
                "table": meeting.table,
                "uid": had.uid if had else f"{uuid4().hex}@commonweal",
                "sequence": had.sequence + (not is_same) if had else 0,
                "is_cancelled": has is None,
                "is_fixed": is_fixed,
                "changed_at": had.changed_at if had and is_same else at.astimezone(UTC),
            }
