"""Meetings as calendar files (RFC 5545) and as a spreadsheet."""

import csv
import io
from collections.abc import Callable, Iterable
from datetime import datetime, tzinfo

from icalendar import Calendar, Event

from matcher.records import OrganisationId
from service import spreadsheets
from service.sessions import convening
from service.store.sessions import Session, State
from service.store.timetables import Kept, Stored

Named = Callable[[OrganisationId], str]


def calendar(session: Session, table: Stored, organisation: OrganisationId, named: Named, zone: tzinfo) -> bytes:
    """One organisation's meetings: each goes by its own uid for ever, with a sequence that rises when it changes.

    What was cancelled is in it as cancelled, so that a calendar that took it before takes it out.
    """
    made = Calendar()
    made.add("prodid", "-//Commonweal//Session//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    for kept in (*table.kept, *table.cancelled):
        if organisation in kept.meeting.couple:
            made.add_component(_event(session, kept, organisation, named, zone))
    made.add_missing_timezones()
    return bytes(made.to_ical())


def _event(session: Session, kept: Kept, organisation: OrganisationId, named: Named, zone: tzinfo) -> Event:
    meeting = kept.meeting
    other = meeting.other if meeting.one == organisation else meeting.one
    off = kept.is_cancelled or session.state is State.CANCELLED
    event = Event()
    event.add("uid", kept.uid)
    event.add("sequence", kept.sequence)
    event.add("dtstamp", kept.changed_at)
    event.add("last-modified", kept.changed_at)
    event.add("dtstart", session.begins(meeting.slot).replace(tzinfo=zone))
    event.add("dtend", session.ends(meeting.slot).replace(tzinfo=zone))
    event.add("summary", f"{named(other)}: {session.title}")
    venue = convening.venue_of(session)
    place = ", ".join(part for part in (f"Table {meeting.table}", venue, session.place) if part)
    event.add("location", venue if session.online else place)
    event.add("status", "CANCELLED" if off else "CONFIRMED")
    return event


HEADER = ("begins", "ends", "table", "organisation", "meets", "state")


def sheet(session: Session, table: Stored, named: Named) -> str:
    """Every meeting, safe to open in a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADER)
    for row in _rows(session, table, named):
        writer.writerow(map(spreadsheets.neutralise, row))
    return out.getvalue()


def _rows(session: Session, table: Stored, named: Named) -> Iterable[tuple[str, ...]]:
    for kept in (*table.kept, *table.cancelled):
        one = kept.meeting
        times = (_clock(session.begins(one.slot)), _clock(session.ends(one.slot)))
        state = "cancelled" if kept.is_cancelled else "planned"
        yield (*times, str(one.table), named(one.one), named(one.other), state)


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
