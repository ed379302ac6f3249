"""Attendee sheets: read row by row and told before anything is stored, then taken where nobody was first."""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from matcher.records import Organisation, OrganisationId, Standing
from service import spreadsheets
from service.asking import UnknownOrganisationError, find_organisation
from service.sessions import attending, convening
from service.sessions.attending import RefusedError
from service.spreadsheets import Row, UnreadableFileError
from service.store import sessions
from service.store.sessions import Attendance, Attendee
from service.wiring import Commonweal

MOST_ROWS = 2000
COLUMNS = ("organisation", "state", "arrives", "leaves", "note")
SEEN = "version_seen"
"""The column in which a sheet that was looked at carries the version of each attendee, 0 where there was none."""
ALSO = {"name": "organisation", "id": "organisation", "status": "state", "from": "arrives", "until": "leaves"}
"""Other names that a sheet's columns may have. Of several for one thing the first that says something counts."""
STATES = {
    **{state.value: state for state in Attendance},
    "yes": Attendance.COMING,
    "accepted": Attendance.COMING,
    "no": Attendance.CANCELLED,
    "declined": Attendance.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Line:
    """A row: whom it means and how they would stand, as `before` stands now, or why it cannot be taken.

    `seen` is the version that the sheet was looked at with, by whoever takes it.
    """

    number: int
    wanted: str
    organisation: Organisation | None = None
    after: Mapping[str, object] | None = None
    before: Attendee | None = None
    seen: int = 0
    fault: str = ""

    @property
    def holds(self) -> bool:
        """Whether it says something that is not so already."""
        return not self.fault and not self.is_same

    @property
    def is_same(self) -> bool:
        """An attendee stands like this already."""
        return self.before is not None and self.after is not None and self.after == attending.facts(self.before)


@dataclass(frozen=True, slots=True)
class Looked:
    """A sheet as read, and what else its reader should know of it."""

    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """How many rows were stored; `late` are those whose attendee somebody changed since the sheet was looked at."""

    count: int
    late: tuple[Line, ...] = ()


def read(commonweal: Commonweal, session: str, raw: bytes) -> Looked:
    """What a sheet (CSV or XLSX) says, row by row; nothing is stored. Raises RefusedError, UnknownSessionError.

    An empty cell changes nothing; who is new and of whom nothing is said is coming.
    """
    sheet = _sheet(raw)
    if "organisation" not in map(_meant, sheet.header):
        raise RefusedError(f"There is no column 'organisation'. Columns are: {', '.join(COLUMNS)}.")
    if len(sheet.rows) > MOST_ROWS:
        raise RefusedError(f"The sheet has {len(sheet.rows):,} rows. A list of attendees has at most {MOST_ROWS:,}.")
    return Looked(lines(commonweal, session, sheet.rows), sheet.notes)


def lines(commonweal: Commonweal, session: str, rows: Iterable[Row]) -> tuple[Line, ...]:
    """What each of these rows would do. Raises UnknownSessionError."""
    with commonweal.database.read() as connection:
        convening.find(connection, session)
        here = {one.organisation: one for one in sessions.attendees(connection, session)}
    members = commonweal.live.current().organisations
    return tuple(_once(_line(row, members, here) for row in rows))


def take(commonweal: Commonweal, session: str, lines: Iterable[Line], by: str) -> Taken:
    """Stores what the rows that hold say, in one transaction; an attendee that changed since is left alone."""
    count, late = 0, []
    with commonweal.database.write() as connection:
        convening.find(connection, session)
        here = {one.organisation: one for one in sessions.attendees(connection, session)}
        for line in lines:
            if line.organisation is None or line.after is None or not line.holds:
                continue
            before = here.get(line.organisation.id)
            if (before.version if before else 0) != line.seen:
                late.append(replace(line, before=before))
                continue
            attending.keep(commonweal, connection, session, line.organisation.id, by, before, **line.after)
            count += 1
    return Taken(count, tuple(late))


def changes(line: Line) -> str:
    """What taking the row would change, in words."""
    told = [(name, was, now) for name, was, now in _changed(line) if now]
    if line.before is None:
        return ", ".join(now if name in ("state", "note") else f"{name} {now}" for name, _, now in told)
    return "; ".join(f"{name}: {was or 'nothing'} → {now}" for name, was, now in told)


def _changed(line: Line) -> list[tuple[str, str, str]]:
    """Each column with how it is and how it would be; the latter empty where that is the same."""
    now = attending.cells(line.after or attending.NEW)
    was = attending.cells(attending.facts(line.before)) if line.before else dict.fromkeys(now, "")
    return [(name, was[name], now[name] if now[name] != was[name] else "") for name in COLUMNS[1:]]


def written(lines: Iterable[Line]) -> str:
    """The rows that hold, as a sheet that `read` reads: what they change, and the versions they were told with."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow((*COLUMNS, SEEN))
    for line in lines:
        if line.organisation and line.after is not None and line.holds:
            told = (cell for _, _, cell in _changed(line))
            row = line.organisation.id, *told, str(line.before.version if line.before else 0)
            writer.writerow(map(spreadsheets.neutralise, row))
    return out.getvalue()


def _sheet(raw: bytes) -> spreadsheets.Sheet:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sheet"
        path.write_bytes(raw)
        try:
            return spreadsheets.read(path)
        except UnreadableFileError as error:
            raise RefusedError(str(error).replace(str(path), "sheet")) from None


def _meant(column: str) -> str:
    return ALSO.get(column, column)


def _cells(row: Row) -> dict[str, str]:
    cells: dict[str, str] = {}
    for column, cell in row.cells.items():
        if cell.strip():
            cells.setdefault(_meant(column), cell.strip())
    return cells


def _once(lines: Iterable[Line]) -> Iterator[Line]:
    """An organisation that stands twice is taken once."""
    seen: set[OrganisationId] = set()
    for line in lines:
        if line.organisation and line.organisation.id in seen:
            yield replace(line, fault="It stands in the sheet already; that row counts.")
        else:
            yield line
        if line.organisation and not line.fault:
            seen.add(line.organisation.id)


def _line(row: Row, members: Mapping[OrganisationId, Organisation], here: Mapping[OrganisationId, Attendee]) -> Line:
    cells = _cells(row)
    line = Line(row.line, cells.get("organisation", ""))
    try:
        for fault in row.faults:
            raise RefusedError(f"{fault.column or 'the row'}: found “{fault.value}”, wanted {fault.wanted}.")
        known = _member(members, line.wanted)
        before = here.get(known.id)
        after = {**(attending.facts(before) if before else attending.NEW), **_said(cells)}
        attending.refuse_backwards(after["arrives"], after["leaves"])
    except RefusedError as error:
        return replace(line, fault=str(error))
    seen = before.version if before else 0
    return replace(line, organisation=known, after=after, before=before, seen=_seen(cells.get(SEEN), seen))


def _member(members: Mapping[OrganisationId, Organisation], wanted: str) -> Organisation:
    if not wanted:
        raise RefusedError("It names no organisation.")
    try:
        known = find_organisation(members, wanted)
    except UnknownOrganisationError as error:
        nearest = [members[one].name for one in error.nearest if members[one].standing is Standing.MEMBER]
        also = f" Did you mean {' or '.join(nearest)}?" if nearest else ""
        raise RefusedError(f"No organisation is called “{wanted}”.{also}") from None
    if known.standing is not Standing.MEMBER:
        raise RefusedError(f"{known.name} is no member: only members attend.")
    return known


def _said(cells: Mapping[str, str]) -> dict[str, object]:
    """What the row says of how somebody stands. Raises RefusedError."""
    said: dict[str, object] = {}
    if word := cells.get("state", "").casefold():
        if word not in STATES:
            raise RefusedError(f"“{cells['state']}” is no state; write {', '.join(Attendance)}.")
        said["state"] = STATES[word]
    for name in ("arrives", "leaves"):
        if cells.get(name):
            said[name] = attending.time_of(cells[name])
    if cells.get("note"):
        said["note"] = attending.note_of(cells["note"])
    return said


def _seen(typed: str | None, now: int) -> int:
    """The version that a sheet was looked at with; the newest where nobody has looked yet."""
    if typed is None:
        return now
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else -1
