"""Signing in by a mailed link, once; and the visits that follow, which can be ended one by one."""

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from matcher.errors import CommonwealError
from matcher.records import OrganisationId
from service.store import mails, people, visits
from service.store.database import Connection
from service.store.mails import Kind
from service.store.people import Access, Person
from service.store.visits import Visit as Visit
from service.store.visits import Visitor
from service.wiring import Commonweal

LINK_LASTS = timedelta(minutes=15)
VISIT_LASTS = timedelta(days=30)
CHANGES = timedelta(days=1)
"""After which the cookie of a visit is changed for another."""
MOST_LINKS = 5
"""Links an address is sent in an hour at most."""
PURPOSE = "sign-in"


class UsedError(CommonwealError):
    """The link has been used, or has run out."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A visit that has just begun, the token for its cookie, and where the link was to lead."""

    visit: Visit
    token: str
    goes_to: str


def request_link(commonweal: Commonweal, email: str, goes_to: str = "/") -> bool:
    """Promises a link to this address where somebody who may sign in has it. Whoever asked is told the same anyway."""
    now = commonweal.now()
    with commonweal.database.write() as connection:
        person = people.by_email(connection, email)
        if person is None or person.undeliverable:
            return False
        if not may_sign_in(person, people.acts_for(connection, person.id)):
            return False
        if visits.links_since(connection, person.id, now - timedelta(hours=1)) >= MOST_LINKS:
            return False
        link = visits.make_link(connection, person.id, safe_path(goes_to), now, now + LINK_LASTS)
        return mails.promise(connection, Kind.SIGN_IN, link, to=person, about={"link": link}, due=now)


def make_link(commonweal: Commonweal, person: Person, goes_to: str = "/") -> str:
    """A link to sign in with, for somebody who runs Commonweal to hand over themselves."""
    now = commonweal.now()
    with commonweal.database.write() as connection:
        link = visits.make_link(connection, person.id, safe_path(goes_to), now, now + LINK_LASTS)
    return address_of(commonweal, link)


def address_of(commonweal: Commonweal, link: str) -> str:
    return f"{commonweal.settings.address}/sign-in/{commonweal.signing.sign(PURPOSE, link)}"


def usable_address(commonweal: Commonweal, connection: Connection, link: str) -> str:
    """The address of a link, by its id; empty where there is none that can be used."""
    is_usable = bool(link) and visits.usable(connection, link, commonweal.now()) is not None
    return address_of(commonweal, link) if is_usable else ""


def may_sign_in(person: Person, acts_for: tuple[OrganisationId, ...]) -> bool:
    return bool(acts_for) or person.access is not Access.MEMBER


def look_at(commonweal: Commonweal, token: str) -> Person:
    """Whose link this is, without using it. Raises LinkError or UsedError."""
    (link,) = commonweal.signing.read(PURPOSE, token, 1)
    with commonweal.database.read() as connection:
        person = visits.usable(connection, link, commonweal.now())
        known = person and people.get(connection, person)
    if not known:
        raise UsedError("This link has been used, or has run out: each works once, for fifteen minutes.")
    return known


def use(commonweal: Commonweal, token: str, browser: str) -> Begun:
    """Begins a visit. Of two at once one wins. Raises LinkError or UsedError."""
    (link,) = commonweal.signing.read(PURPOSE, token, 1)
    now, cookie = commonweal.now(), secrets.token_urlsafe(32)
    with commonweal.database.write() as connection:
        used = visits.use_link(connection, link, now)
        person = used and people.get(connection, used.person)
        if not used or not person or not may_sign_in(person, people.acts_for(connection, person.id)):
            raise UsedError("This link has been used, or has run out: each works once, for fifteen minutes.")
        visit = visits.begin(
            connection, person.id, _digest(cookie), browser=browser[:200], at=now, expires=now + VISIT_LASTS
        )
    return Begun(visit, cookie, used.goes_to)


def visitor_of(commonweal: Commonweal, token: str) -> Visitor | None:
    """Who is visiting with this cookie; None where that has ended or they may not any more."""
    with commonweal.database.read() as connection:
        found = visits.visitor(connection, _digest(token), commonweal.now())
    return found if found and may_sign_in(found.person, found.acts_for) else None


def changed_cookie(commonweal: Commonweal, visit: Visit) -> str | None:
    """Another token for the visit's cookie, once a day; None while the one it has will do."""
    now = commonweal.now()
    if now - visit.changed_at < CHANGES:
        return None
    cookie = secrets.token_urlsafe(32)
    with commonweal.database.write() as connection:
        is_changed = visits.change(connection, visit, _digest(cookie), at=now, expires=now + VISIT_LASTS)
    return cookie if is_changed else None


def end(commonweal: Commonweal, person: str, visit: str) -> bool:
    """Ends one of a person's visits; False where it had ended, or is not theirs."""
    with commonweal.database.write() as connection:
        return visits.end(connection, person, visit, commonweal.now())


def safe_path(path: str) -> str:
    """The path where it leads to a page of ours, else the first page."""
    return path if re.fullmatch(r"/(?![/\\])[^\\\x00-\x20\x7f]*", path) else "/"


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
