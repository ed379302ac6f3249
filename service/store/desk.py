"""What waits for a coordinator, as far as no other part of the store knows it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select

from matcher.records import OrganisationId, Standing
from service.store import people, schema
from service.store.people import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """An introduction whose other side was asked and reminded, and has not replied. `due` is its last day."""

    key: str
    asking: OrganisationId
    giving: OrganisationId
    opened_by: OrganisationId
    due: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An organisation as a list has it."""

    id: OrganisationId
    name: str
    standing: Standing


def overdue(connection: Connection, limit: int) -> tuple[Overdue, ...]:
    """Introductions that wait past their reminder, the first to end first."""
    table = schema.introductions.c
    query = (
        select(schema.introductions)
        .where(table.state == "asked", table.reminded_at.is_not(None))
        .order_by(table.due, table.key)
    )
    return tuple(
        Overdue(key=row.key, asking=row.asking, giving=row.giving, opened_by=row.opened_by, due=row.due)
        for row in connection.execute(query.limit(limit))
    )


def given_up(connection: Connection, limit: int) -> tuple[Person, ...]:
    """People to whose addresses no mail goes any more, the newest first."""
    table = schema.people.c
    query = (
        select(table.id).where(table.undeliverable_at.is_not(None)).order_by(table.undeliverable_at.desc(), table.id)
    )
    found = (people.get(connection, id_) for id_ in connection.execute(query.limit(limit)).scalars())
    return tuple(person for person in found if person)


def organisations(connection: Connection, name: str, limit: int, offset: int = 0) -> tuple[Row, ...]:
    """Organisations with this in their name or id, by name."""
    table = schema.organisations.c
    query = select(table.id, table.name, table.standing)
    if wanted := name.strip().lower():
        query = query.where(
            func.lower(table.name).contains(wanted, autoescape=True) | table.id.contains(wanted, autoescape=True)
        )
    query = query.order_by(func.lower(table.name), table.id).limit(limit).offset(offset)
    return tuple(Row(id=row.id, name=row.name, standing=Standing(row.standing)) for row in connection.execute(query))


def names(connection: Connection, ids: Collection[OrganisationId]) -> dict[OrganisationId, str]:
    """The names of these organisations, as far as they are stored."""
    table = schema.organisations.c
    rows = connection.execute(select(table.id, table.name).where(table.id.in_(ids)))
    return {row.id: row.name for row in rows}


def people_named(connection: Connection, ids: Collection[str]) -> dict[str, str]:
    """The names, or else nothing, of these people, as far as they are known."""
    table = schema.people.c
    rows: Any = connection.execute(select(table.id, table.name).where(table.id.in_(ids)))
    return {row.id: row.name for row in rows}
