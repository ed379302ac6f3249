"""Organisations, their contacts and their listings: reading, saving, and what has changed since."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Row, Table, bindparam, select, update

from matcher.errors import CommonwealError
from matcher.records import (
    Contact,
    Exclusion,
    Kind,
    Listing,
    ListingId,
    Organisation,
    OrganisationId,
    Standing,
    Visibility,
)
from service.store import people, schema
from service.store.database import counters, next_revision, upsert

R = TypeVar("R", Organisation, Listing)


class UnknownRecordError(CommonwealError):
    """No organisation or listing of this id is stored."""

    def __init__(self, record_id: str) -> None:
        super().__init__(f"no organisation or listing '{record_id}'; commonweal export writes every id there is")


@dataclass(frozen=True, slots=True)
class Stored(Generic[R]):
    """A record with what the store knows of it: `edited` names the fields a person edited in Commonweal."""

    record: R
    edited: frozenset[str]
    source: str
    revision: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What was saved after one revision, up to `revision`. Another `epoch` is another database: a restored one."""

    organisations: dict[OrganisationId, Organisation]
    listings: dict[ListingId, Listing]
    revision: int
    epoch: int


def organisations(connection: Connection) -> dict[OrganisationId, Stored[Organisation]]:
    return {stored.record.id: stored for stored in _read(connection, schema.organisations, _organisation)}


def listings(connection: Connection) -> dict[ListingId, Stored[Listing]]:
    return {stored.record.id: stored for stored in _read(connection, schema.listings, _listing)}


def organisation(connection: Connection, id_: str) -> Stored[Organisation] | None:
    """The organisation of this id; None where there is none."""
    return next(_read(connection, schema.organisations, _organisation, id_=id_), None)


def listing(connection: Connection, id_: str) -> Stored[Listing] | None:
    """The listing of this id; None where there is none."""
    return next(_read(connection, schema.listings, _listing, id_=id_), None)


def listings_of(connection: Connection, organisation: OrganisationId) -> tuple[Listing, ...]:
    """What an organisation has listed, by id."""
    table = schema.listings
    query = select(table).where(table.c.organisation == organisation).order_by(table.c.id)
    return tuple(map(_listing, connection.execute(query)))


def listing_ids(connection: Connection) -> tuple[ListingId, ...]:
    return tuple(connection.execute(select(schema.listings.c.id)).scalars())


def these_organisations(connection: Connection, ids: Iterable[str]) -> dict[OrganisationId, Organisation]:
    """Those of these that there are."""
    return {row.id: _organisation(row) for row in connection.execute(_THESE_ORGANISATIONS, {"ids": list(ids)})}


def these_listings(connection: Connection, ids: Iterable[str]) -> dict[ListingId, Listing]:
    """Those of these that there are; profiles are none."""
    return {row.id: _listing(row) for row in connection.execute(_THESE_LISTINGS, {"ids": list(ids)})}


_THESE_ORGANISATIONS, _THESE_LISTINGS = (  # built once: building them takes longer than running them
    select(table).where(table.c.id.in_(bindparam("ids", expanding=True)))
    for table in (schema.organisations, schema.listings)
)


def contacts(connection: Connection) -> dict[OrganisationId, Contact]:
    rows = connection.execute(select(schema.contacts)).mappings()
    return {OrganisationId(row["organisation"]): Contact(**row) for row in rows}


def changes(connection: Connection, since: int) -> Changes:
    """Everything saved after revision `since`; after -1, everything there is."""
    now = counters(connection)
    if now["revision"] == since:
        return Changes({}, {}, now["revision"], now["epoch"])
    return Changes(
        {s.record.id: s.record for s in _read(connection, schema.organisations, _organisation, since)},
        {s.record.id: s.record for s in _read(connection, schema.listings, _listing, since)},
        now["revision"],
        now["epoch"],
    )


def save(
    connection: Connection,
    *,
    organisations: Mapping[OrganisationId, Organisation] | None = None,
    listings: Mapping[ListingId, Listing] | None = None,
    contacts: Iterable[Contact] = (),
    sources: Mapping[str, str] | None = None,
    overwritten: Mapping[str, frozenset[str]] | None = None,
) -> int:
    """Upserts all of it under one new revision, which it returns.

    `sources` gives a record's file (else what it was stays); `overwritten` the fields whose edited mark comes off.
    """
    revision = next_revision(connection)
    for table, records in ((schema.organisations, organisations or {}), (schema.listings, listings or {})):
        before = _marks(connection, table, records)
        rows = []
        for id_, record in records.items():
            edited, source = before.get(id_, (frozenset(), ""))
            kept = sorted(edited - (overwritten or {}).get(id_, frozenset()))
            rows.append(
                {**_row(record), "edited": kept, "source": (sources or {}).get(id_, source), "revision": revision}
            )
        upsert(connection, table, rows)
    contacts = list(contacts)
    upsert(connection, schema.contacts, [_row(contact) for contact in contacts])
    for contact in contacts:
        people.adopt(connection, contact)
    return revision


def edit(connection: Connection, record_id: str, changed: Mapping[str, object]) -> None:
    """What a person edits: stores the fields and marks them, so that no import changes them unasked.

    Raises UnknownRecordError, or TypeError for a field the record has not.
    """
    for table, read in ((schema.organisations, _organisation), (schema.listings, _listing)):
        row = connection.execute(select(table).where(table.c.id == record_id)).one_or_none()
        if row is None:
            continue
        record = replace(read(row), **changed)  # type: ignore[arg-type]
        edited = sorted({*row.edited, *changed})
        values = {**_row(record), "edited": edited, "revision": next_revision(connection)}
        connection.execute(update(table).where(table.c.id == record_id).values(values))
        return
    raise UnknownRecordError(record_id)


def _read(
    connection: Connection, table: Table, record: Any, since: int = -1, id_: str | None = None
) -> Iterator[Stored[Any]]:
    query = select(table).order_by(table.c.id)
    if id_ is not None:
        query = query.where(table.c.id == id_)
    if since >= 0:
        query = query.where(table.c.revision > since)
    for row in connection.execute(query):
        yield Stored(record(row), frozenset(row.edited), row.source, row.revision)


def _marks(connection: Connection, table: Table, ids: Iterable[str]) -> dict[str, tuple[frozenset[str], str]]:
    wanted = set(ids)
    if not wanted:
        return {}
    rows = connection.execute(select(table.c.id, table.c.edited, table.c.source))
    return {row.id: (frozenset(row.edited), row.source) for row in rows if row.id in wanted}


def _row(record: Organisation | Listing | Contact) -> dict[str, Any]:
    return {field.name: _plain(getattr(record, field.name)) for field in fields(record)}


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [[item.what, item.why] if isinstance(item, Exclusion) else item for item in value]
    return str(value) if isinstance(value, Standing | Kind | Visibility) else value


def _organisation(row: Row[Any]) -> Organisation:
    return Organisation(
        id=row.id,
        name=row.name,
        standing=Standing(row.standing),
        sectors=tuple(row.sectors),
        size=row.size,
        roles=tuple(row.roles),
        description=row.description,
        places=tuple(row.places),
        identifiers=tuple(row.identifiers),
        attention_cap=row.attention_cap,
        excludes=tuple(Exclusion(what, why) for what, why in row.excludes),
    )


def _listing(row: Row[Any]) -> Listing:
    return Listing(
        id=row.id,
        organisation=row.organisation,
        kind=Kind(row.kind),
        text=row.text,
        resource=row.resource,
        themes=tuple(row.themes),
        places=tuple(row.places),
        remote=row.remote,
        capacity=row.capacity,
        opens=row.opens,
        closes=row.closes,
        evidence=row.evidence,
        gain=row.gain,
        visibility=Visibility(row.visibility),
    )
