"""The people of a network: who they are, for whom they act, and what each may do."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Select, bindparam, select, update

from matcher.records import Contact, OrganisationId, Standing
from service.store import schema
from service.store.database import upsert

IMPORT = "import"
"""Who added a person that a spreadsheet names as an organisation's contact."""
REPLACED = "replaced"
"""The same of one in whose place a later spreadsheet names another."""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""When a spreadsheet took somebody out: it has no clock."""


class Access(StrEnum):
    """What a person may do; each may do what those before it may."""

    MEMBER = "member"
    COORDINATOR = "coordinator"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a mail address, in small letters. `undeliverable` says why mails to it are not sent any more."""

    id: str
    email: str
    name: str = ""
    access: Access = Access.MEMBER
    undeliverable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """A person who acts for an organisation, and whether the organisation's digest goes to them.

    Somebody whom one of its people added goes by the name that was given there, until they give their own.
    """

    person: Person
    organisation: OrganisationId
    digest: bool
    digest_from: date | None
    added_by: str

    def gets_digest(self, on: date) -> bool:
        return self.digest and (self.digest_from is None or self.digest_from <= on) and not self.person.undeliverable


def address(email: str) -> str:
    """A mail address as it is compared. No more than this: ß and ss are the same to `casefold`, and other domains."""
    return email.strip().lower()


def get(connection: Connection, person: str) -> Person | None:
    row = connection.execute(select(schema.people).where(schema.people.c.id == person)).one_or_none()
    return None if row is None else person_of(row)


def by_email(connection: Connection, email: str) -> Person | None:
    row = connection.execute(select(schema.people).where(schema.people.c.email == address(email))).one_or_none()
    return None if row is None else person_of(row)


def ensure(connection: Connection, email: str, name: str = "") -> Person:
    """The person of this address, made where there is none; a name that is known stays."""
    known = by_email(connection, email)
    if known is None:
        known = Person(id=uuid4().hex, email=address(email), name=name.strip())
        row = {"id": known.id, "email": known.email, "name": known.name, "access": str(known.access)}
        connection.execute(schema.people.insert(), [{**row, "undeliverable_why": ""}])
    elif name.strip() and not known.name:
        rename(connection, known.id, name)
        known = Person(id=known.id, email=known.email, name=name.strip(), access=known.access)
    return known


def adopt(connection: Connection, contact: Contact) -> None:
    """Has the contact that a spreadsheet names act for its organisation, in place of the one it named before.

    Whom somebody removed stays removed; the one before then stays too, for somebody has to act for it.
    """
    if not contact.email.strip():
        return
    person = ensure(connection, contact.email, contact.name)
    acting = schema.acting.c
    of_organisation = acting.organisation == contact.organisation
    known = connection.execute(
        select(acting.ended_at, acting.added_by).where(of_organisation, acting.person == person.id)
    ).one_or_none()
    if known is not None and known.ended_at is not None and known.added_by != REPLACED:
        return
    before = update(schema.acting).where(of_organisation, acting.added_by == IMPORT, acting.person != person.id)
    connection.execute(before.where(acting.ended_at.is_(None)).values(added_by=REPLACED, ended_at=LONG_AGO))
    if known is None:
        row = {"person": person.id, "organisation": contact.organisation, "added_by": IMPORT}
        connection.execute(schema.acting.insert(), [row])
    elif known.ended_at is not None:  # named before, replaced since, and named again: what they chose stands
        again = update(schema.acting).where(of_organisation, acting.person == person.id)
        connection.execute(again.values(added_by=IMPORT, ended_at=None))


def join(
    connection: Connection, person: str, organisation: OrganisationId, *, by: str, called: str | None = None
) -> bool:
    """The person acts for the organisation from now on, and gets its digest; False where they did so before.

    `called` is what they go by there, whatever name others know them by.
    """
    acting = schema.acting.c
    acts = (acting.person == person) & (acting.organisation == organisation) & acting.ended_at.is_(None)
    if connection.execute(select(acting.person).where(acts)).one_or_none() is not None:
        return False  # whether the digest comes stays as they chose
    row = {"person": person, "organisation": organisation, "digest": True, "digest_from": None, "added_by": by}
    upsert(connection, schema.acting, [{**row, "called": called, "ended_at": None}])
    return True


def leave(connection: Connection, person: str, organisation: OrganisationId, at: datetime) -> bool:
    """The person acts for it no more; False where they did not."""
    acting = schema.acting.c
    ended = update(schema.acting).where(
        acting.person == person, acting.organisation == organisation, acting.ended_at.is_(None)
    )
    return connection.execute(ended.values(ended_at=at.astimezone(UTC))).rowcount == 1


def choose_digest(
    connection: Connection, person: str, organisation: OrganisationId, *, digest: bool, from_: date | None = None
) -> bool:
    """Whether the person gets the organisation's digest, and from which day on; False where they do not act for it."""
    acting = schema.acting.c
    chosen = update(schema.acting).where(
        acting.person == person, acting.organisation == organisation, acting.ended_at.is_(None)
    )
    return connection.execute(chosen.values(digest=digest, digest_from=from_)).rowcount == 1


def rename(connection: Connection, person: str, name: str) -> None:
    """The name that a person gives themself; what others called them is forgotten."""
    connection.execute(update(schema.people).where(schema.people.c.id == person).values(name=name.strip()))
    connection.execute(update(schema.acting).where(schema.acting.c.person == person).values(called=None))


def grant(connection: Connection, person: str, access: Access) -> None:
    connection.execute(update(schema.people).where(schema.people.c.id == person).values(access=str(access)))


def give_up_on(connection: Connection, email: str, why: str, at: datetime) -> bool:
    """No mail goes to this address any more; False where nobody has it."""
    gone = {"undeliverable_at": at.astimezone(UTC), "undeliverable_why": why}
    return _changed(connection, email, gone)


def try_again(connection: Connection, email: str) -> bool:
    """Mails go to this address again; False where nobody has it."""
    return _changed(connection, email, {"undeliverable_at": None, "undeliverable_why": ""})


def of(connection: Connection, organisation: OrganisationId) -> tuple[Acting, ...]:
    """Who acts for an organisation, by address."""
    return _acting(connection.execute(_OF, {"organisation": organisation}))


def every(connection: Connection) -> dict[OrganisationId, tuple[Acting, ...]]:
    """Who acts for each organisation, by address."""
    found: dict[OrganisationId, list[Acting]] = {}
    for one in _acting(connection.execute(_EVERY)):
        found.setdefault(one.organisation, []).append(one)
    return {organisation: tuple(people) for organisation, people in found.items()}


def acts_for(connection: Connection, person: str) -> tuple[OrganisationId, ...]:
    """The member organisations that a person acts for, by id."""
    acting, organisations = schema.acting.c, schema.organisations.c
    query = (
        select(acting.organisation)
        .join(schema.organisations, organisations.id == acting.organisation)
        .where(acting.person == person, acting.ended_at.is_(None), organisations.standing == str(Standing.MEMBER))
        .order_by(acting.organisation)
    )
    return tuple(connection.execute(query).scalars())


def with_access(connection: Connection, *access: Access) -> tuple[Person, ...]:
    """Everybody with one of these, by address."""
    people = schema.people.c
    query = select(schema.people).where(people.access.in_([str(one) for one in access])).order_by(people.email)
    return tuple(map(person_of, connection.execute(query)))


def _acts() -> Select[Any]:
    acting, people = schema.acting.c, schema.people.c
    return (
        select(schema.people, acting.organisation, acting.digest, acting.digest_from, acting.added_by, acting.called)
        .join(schema.people, people.id == acting.person)
        .where(acting.ended_at.is_(None))
        .order_by(acting.organisation, people.email)
    )


_EVERY = _acts()  # built once: a page of a member's asks for them
_OF = _EVERY.where(schema.acting.c.organisation == bindparam("organisation"))


def _acting(rows: Iterable[Any]) -> tuple[Acting, ...]:
    return tuple(
        Acting(
            person=person_of(row) if row.called is None else replace(person_of(row), name=row.called),
            organisation=row.organisation,
            digest=row.digest,
            digest_from=row.digest_from,
            added_by=row.added_by,
        )
        for row in rows
    )


def person_of(row: Any) -> Person:
    """The person in a row that has the columns of people."""
    undeliverable = (row.undeliverable_why or "unknown") if row.undeliverable_at else ""
    return Person(id=row.id, email=row.email, name=row.name, access=Access(row.access), undeliverable=undeliverable)


def _changed(connection: Connection, email: str, values: dict[str, Any]) -> bool:
    changed = update(schema.people).where(schema.people.c.email == address(email)).values(values)
    return connection.execute(changed).rowcount == 1
