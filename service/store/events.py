"""Who did what, where that is to be known later: contact details looked at, entries made for somebody else."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from matcher.records import OrganisationId
from service.store import schema
from service.store.rounds import in_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something a person did, perhaps about an organisation."""

    at: datetime
    person: str
    organisation: OrganisationId | None
    what: str
    says: str


def record(
    connection: Connection, at: datetime, person: str, what: str, says: str, organisation: OrganisationId | None = None
) -> None:
    row = {"at": at.astimezone(UTC), "person": person, "organisation": organisation, "what": what, "says": says}
    connection.execute(schema.events.insert(), [row])


def about(connection: Connection, organisation: OrganisationId) -> tuple[Event, ...]:
    """What was done about an organisation, newest first."""
    events = schema.events.c
    query = (
        select(schema.events).where(events.organisation == organisation).order_by(events.at.desc(), events.id.desc())
    )
    return tuple(
        Event(at=in_utc(row.at), person=row.person, organisation=row.organisation, what=row.what, says=row.says)
        for row in connection.execute(query)
    )
