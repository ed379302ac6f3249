"""Links to sign in with, and the visits they begin."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Select, bindparam, func, or_, select, update

from matcher.records import OrganisationId, Standing
from service.store import people, schema
from service.store.database import in_utc
from service.store.people import Person

GRACE = timedelta(minutes=1)
"""How long a changed cookie is still good: requests under way carry the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A browser that is signed in."""

    id: str
    person: str
    browser: str
    began_at: datetime
    changed_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who is signed in, and the member organisations they act for, by id."""

    person: Person
    acts_for: tuple[OrganisationId, ...]
    visit: Visit


@dataclass(frozen=True, slots=True)
class Used:
    """A link that was just used."""

    person: str
    goes_to: str


def make_link(connection: Connection, person: str, goes_to: str, at: datetime, expires: datetime) -> str:
    """The id of a new link."""
    link = uuid4().hex
    row = {"id": link, "person": person, "goes_to": goes_to, "made_at": at.astimezone(UTC)}
    connection.execute(schema.links.insert(), [{**row, "expires_at": expires.astimezone(UTC)}])
    return link


def links_since(connection: Connection, person: str, since: datetime) -> int:
    links = schema.links.c
    query = select(func.count()).where(links.person == person, links.made_at > since.astimezone(UTC))
    return int(connection.execute(query).scalar_one())


def usable(connection: Connection, link: str, at: datetime) -> str | None:
    """Whose the link is; None where it is not known, used, or has run out."""
    return connection.execute(select(schema.links.c.person).where(*_usable(link, at))).scalar_one_or_none()


def use_link(connection: Connection, link: str, at: datetime) -> Used | None:
    """Uses the link; None where somebody else was first, or it has run out."""
    used = update(schema.links).where(*_usable(link, at)).values(used_at=at.astimezone(UTC))
    if connection.execute(used).rowcount != 1:
        return None
    row = connection.execute(select(schema.links).where(schema.links.c.id == link)).one()
    return Used(row.person, row.goes_to)


def _usable(link: str, at: datetime) -> tuple[Any, ...]:
    links = schema.links.c
    return links.id == link, links.used_at.is_(None), links.expires_at > at.astimezone(UTC)


def begin(connection: Connection, person: str, digest: str, *, browser: str, at: datetime, expires: datetime) -> Visit:
    visit = Visit(id=uuid4().hex, person=person, browser=browser, began_at=at, changed_at=at, expires_at=expires)
    row = {"id": visit.id, "digest": digest, "person": person, "browser": browser}
    times = {"began_at": at, "changed_at": at, "expires_at": expires}
    connection.execute(
        schema.visits.insert(), [{**row, **{name: time.astimezone(UTC) for name, time in times.items()}}]
    )
    return visit


def visitor(connection: Connection, digest: str, at: datetime) -> Visitor | None:
    """Who visits with this cookie, or did a moment ago, and for which members they act; None where it has ended."""
    now, moment = at.astimezone(UTC), (at - GRACE).astimezone(UTC)
    rows = connection.execute(_VISITOR, {"cookie": digest, "now": now, "moment": moment}).all()
    if not rows:
        return None
    acts_for = tuple(OrganisationId(row.organisation) for row in rows if row.organisation is not None)
    return Visitor(people.person_of(rows[0]), acts_for, _visit(rows[0]))


def _visitor() -> Select[Any]:
    """Built once: every page asks for it, and building it takes longer than running it."""
    visits, acting = schema.visits.c, schema.acting.c
    is_its_cookie = or_(
        visits.digest == bindparam("cookie"),
        (visits.previous == bindparam("cookie")) & (visits.changed_at > bindparam("moment")),
    )
    of_members = select(schema.organisations.c.id).where(schema.organisations.c.standing == str(Standing.MEMBER))
    acts = (acting.person == visits.person) & acting.ended_at.is_(None) & acting.organisation.in_(of_members)
    return (
        select(
            schema.people,
            *(visits[name].label(f"visit_{name}" if name == "id" else name) for name in VISIT),
            acting.organisation,
        )
        .select_from(schema.visits.join(schema.people).outerjoin(schema.acting, acts))
        .where(is_its_cookie, visits.ended_at.is_(None), visits.expires_at > bindparam("now"))
        .order_by(acting.organisation)
    )


VISIT = ("id", "person", "browser", "began_at", "changed_at", "expires_at")
_VISITOR = _visitor()


def change(connection: Connection, visit: Visit, digest: str, *, at: datetime, expires: datetime) -> bool:
    """Gives the visit another cookie; False where somebody else did since it was read."""
    visits = schema.visits.c
    changed = (
        update(schema.visits)
        .where(visits.id == visit.id, visits.changed_at == visit.changed_at.astimezone(UTC))
        .values(
            previous=visits.digest, digest=digest, changed_at=at.astimezone(UTC), expires_at=expires.astimezone(UTC)
        )
    )
    return connection.execute(changed).rowcount == 1


def of(connection: Connection, person: str, at: datetime) -> tuple[Visit, ...]:
    """A person's visits that have not ended, the newest first."""
    visits = schema.visits.c
    query = (
        select(schema.visits)
        .where(visits.person == person, visits.ended_at.is_(None), visits.expires_at > at.astimezone(UTC))
        .order_by(visits.began_at.desc(), visits.id)
    )
    return tuple(map(_visit, connection.execute(query)))


def end(connection: Connection, person: str, visit: str, at: datetime) -> bool:
    """Ends one of a person's visits; False where it had ended, or is not theirs."""
    visits = schema.visits.c
    ended = update(schema.visits).where(visits.id == visit, visits.person == person, visits.ended_at.is_(None))
    return connection.execute(ended.values(ended_at=at.astimezone(UTC))).rowcount == 1


def _visit(row: Any) -> Visit:
    return Visit(
        id=row._mapping.get("visit_id", row.id),
        person=row.person,
        browser=row.browser,
        began_at=in_utc(row.began_at),
        changed_at=in_utc(row.changed_at),
        expires_at=in_utc(row.expires_at),
    )
