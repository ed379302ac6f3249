"""Who comes to a session: asked, coming, or not any more; one by one or from a sheet."""

import csv
import io
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import time
from pathlib import Path

from matcher.errors import CommonwealError
from matcher.records import Organisation, OrganisationId, Standing
from service import spreadsheets
from service.asking import UnknownOrganisationError, find_organisation
from service.sessions import convening
from service.spreadsheets import UnreadableFileError
from service.store import sessions
from service.store.database import Connection
from service.store.sessions import Attendance, Attendee, Session
from service.wiring import Commonweal

LONGEST_NOTE = 300
COLUMNS = ("organisation", "state", "arrives", "leaves", "note")
ALSO = {"name": "organisation", "id": "organisation", "status": "state", "from": "arrives", "until": "leaves"}
"""Other names that a sheet's columns may have."""
STATES = {
    **{state.value: state for state in Attendance},
    "": Attendance.COMING,
    "yes": Attendance.COMING,
    "accepted": Attendance.COMING,
    "no": Attendance.CANCELLED,
    "declined": Attendance.CANCELLED,
}


class RefusedError(CommonwealError):
    """It cannot be done, and why."""


class FirstError(CommonwealError):
    """Somebody changed this attendee meanwhile; `now` is how it stands."""

    def __init__(self, now: Attendee) -> None:
        super().__init__("Somebody changed this attendee meanwhile. What you chose was not stored.")
        self.now = now


@dataclass(frozen=True, slots=True)
class Line:
    """A row of an attendee sheet: whom it means and how they would stand, or why it cannot be taken."""

    number: int
    wanted: str
    organisation: Organisation | None = None
    state: Attendance = Attendance.COMING
    arrives: time | None = None
    leaves: time | None = None
    note: str = ""
    fault: str = ""
    is_new: bool = False


def ask(commonweal: Commonweal, session: str, organisations: Collection[OrganisationId], by: str) -> int:
    """Puts members on the list as invited; whoever cancelled is asked anew. How many that changed.

    Raises RefusedError for who is no member, UnknownSessionError.
    """
    changed = 0
    with commonweal.database.write() as connection:
        convening.find(connection, session)
        for organisation in sorted(organisations):
            _refuse_stranger(commonweal, organisation)
            before = sessions.attendee(connection, session, organisation)
            if before is None or before.state is Attendance.CANCELLED:
                changed += 1
                _keep(commonweal, connection, session, organisation, by, before, state=Attendance.INVITED)
    return changed


def settle(
    commonweal: Commonweal,
    session: str,
    organisation: OrganisationId,
    by: str,
    seen: int,
    *,
    state: Attendance,
    arrives: str = "",
    leaves: str = "",
    note: str = "",
) -> Attendee:
    """How an attendee stands. Times are of the day, empty where it stays from start to end.

    Raises FirstError, RefusedError, UnknownSessionError.
    """
    times = {"arrives": _time(arrives), "leaves": _time(leaves)}
    _refuse_backwards(times["arrives"], times["leaves"])
    if len(note) > LONGEST_NOTE:
        raise RefusedError(f"The note has {len(note)} characters. Keep it to {LONGEST_NOTE}.")
    with commonweal.database.write() as connection:
        convening.find(connection, session)
        before = sessions.attendee(connection, session, organisation)
        if before is None:
            _refuse_stranger(commonweal, organisation)
        if before and before.version != seen:
            raise FirstError(before)
        return _keep(commonweal, connection, session, organisation, by, before, state=state, note=note.strip(), **times)


def copy(commonweal: Commonweal, session: str, by: str) -> int:
    """Invites all who were at the session that this one follows and are not on its list; how many."""
    with commonweal.database.read() as connection:
        found = convening.find(connection, session)
        before = sessions.attendees(connection, found.follows) if found.follows else ()
        here = {one.organisation for one in sessions.attendees(connection, session)}
    members = commonweal.live.current().organisations
    wanted = [
        one.organisation
        for one in before
        if one.is_present and one.organisation not in here and _is_member(members, one.organisation)
    ]
    return ask(commonweal, session, wanted, by)


def read(commonweal: Commonweal, session: str, name: str, raw: bytes) -> tuple[Line, ...]:
    """What a sheet (CSV or XLSX) says, row by row; nothing is stored. Raises RefusedError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("sheet.xlsx" if name.lower().endswith(".xlsx") else "sheet.csv")
        path.write_bytes(raw)
        try:
            sheet = spreadsheets.read(path)
        except UnreadableFileError as error:
            raise RefusedError(str(error).replace(str(path), name)) from None
    names = {column: ALSO.get(column.strip().casefold(), column.strip().casefold()) for column in sheet.header}
    if "organisation" not in names.values():
        raise RefusedError(f"There is no column 'organisation'. Columns are: {', '.join(COLUMNS)}.")
    with commonweal.database.read() as connection:
        here = {one.organisation for one in sessions.attendees(connection, session)}
    members = commonweal.live.current().organisations
    rows = ((row.line, {names[column]: cell.strip() for column, cell in row.cells.items()}) for row in sheet.rows)
    return tuple(_once(_line(number, cells, members, here) for number, cells in rows))


def take(commonweal: Commonweal, session: str, lines: Iterable[Line], by: str) -> int:
    """Stores what the rows that hold say, in one transaction; how many."""
    taken = 0
    with commonweal.database.write() as connection:
        convening.find(connection, session)
        for line in lines:
            if line.organisation is None or line.fault:
                continue
            before = sessions.attendee(connection, session, line.organisation.id)
            values = {"state": line.state, "arrives": line.arrives, "leaves": line.leaves, "note": line.note}
            _keep(commonweal, connection, session, line.organisation.id, by, before, **values)
            taken += 1
    return taken


def as_sheet(lines: Iterable[Line]) -> str:
    """The rows that hold, as CSV that `read` reads."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for line in lines:
        if line.organisation and not line.fault:
            times = (f"{one:%H:%M}" if one else "" for one in (line.arrives, line.leaves))
            cells = (line.organisation.id, line.state.value, *times, line.note)
            writer.writerow(map(spreadsheets.neutralise, cells))
    return out.getvalue()


def too_many(session: Session, attending: Collection[Attendee]) -> str:
    """A warning where more come than there is room for."""
    coming = len(sessions.present(attending))
    return (
        f"{coming} are invited or coming, and there is room for {session.capacity}."
        if coming > session.capacity
        else ""
    )


def _once(lines: Iterable[Line]) -> Iterable[Line]:
    """An organisation that stands twice is taken once."""
    seen: set[OrganisationId] = set()
    for line in lines:
        if line.organisation and line.organisation.id in seen:
            yield replace(line, fault="It stands in the sheet already; that row is taken.")
        else:
            yield line
        if line.organisation:
            seen.add(line.organisation.id)


def _line(
    number: int,
    cells: Mapping[str, str],
    members: Mapping[OrganisationId, Organisation],
    here: Collection[OrganisationId],
) -> Line:
    line = Line(number, cells.get("organisation", ""))
    state = STATES.get(cells.get("state", "").casefold())
    try:
        known = find_organisation(members, line.wanted)
        if state is None:
            raise RefusedError(f"'{cells['state']}' is no state; write invited, coming or cancelled.")
        if known.standing is not Standing.MEMBER:
            raise RefusedError(f"{known.name} is no member: only members attend.")
        times = _time(cells.get("arrives", "")), _time(cells.get("leaves", ""))
        _refuse_backwards(*times)
    except UnknownOrganisationError as error:
        nearest = f" Did you mean {' or '.join(error.nearest)}?" if error.nearest else ""
        return replace(line, fault=f"No organisation is called '{line.wanted}'.{nearest}")
    except RefusedError as error:
        return replace(line, fault=str(error))
    return replace(
        line,
        organisation=known,
        state=state,
        arrives=times[0],
        leaves=times[1],
        note=cells.get("note", "")[:LONGEST_NOTE],
        is_new=known.id not in here,
    )


def _time(typed: str) -> time | None:
    if not typed.strip():
        return None
    try:
        return time.fromisoformat(typed.strip().zfill(5)).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        raise RefusedError(f"'{typed}' is no time of day; write it like 14:30.") from None


def _refuse_backwards(arrives: time | None, leaves: time | None) -> None:
    if arrives and leaves and leaves <= arrives:
        raise RefusedError(f"It would leave at {leaves:%H:%M} and arrive at {arrives:%H:%M}: one of the two is wrong.")


def _is_member(members: Mapping[OrganisationId, Organisation], organisation: OrganisationId) -> bool:
    return organisation in members and members[organisation].standing is Standing.MEMBER


def _refuse_stranger(commonweal: Commonweal, organisation: OrganisationId) -> None:
    if not _is_member(commonweal.live.current().organisations, organisation):
        raise RefusedError(f"'{organisation}' is no member: only members attend a session.")


def _keep(
    commonweal: Commonweal,
    connection: Connection,
    session: str,
    organisation: OrganisationId,
    by: str,
    before: Attendee | None,
    **values: object,
) -> Attendee:
    stamp = {"changed_by": by, "changed_at": commonweal.now()}
    after = (
        replace(before, **values, **stamp, version=before.version + 1)  # type: ignore[arg-type]
        if before
        else Attendee(session=session, organisation=organisation, **values, **stamp)  # type: ignore[arg-type]
    )
    if not sessions.keep_attendee(connection, after):
        now = sessions.attendee(connection, session, organisation)
        assert now is not None
        raise FirstError(now)
    return after
