"""Who asks, what they may see, and that a form is one of ours."""

import secrets
from dataclasses import dataclass
from typing import Annotated, Self

from fastapi import Depends, HTTPException, Request, Response
from markupsafe import Markup

from matcher.records import OrganisationId
from service import signin
from service.signin import Visit
from service.signing import LinkError
from service.store.people import Access, Person
from service.wiring import Commonweal

FORM = "form"
"""The name of the field that says a form came from us, and what it is signed for."""
FORM_COOKIE = "commonweal_form"
"""Ties the forms of those who are not signed in to their browser."""


class SignInNeeded(Exception):  # noqa: N818 - no error: an answer
    """Nobody is signed in; `to` is where they wanted to go."""

    def __init__(self, to: str) -> None:
        super().__init__(to)
        self.to = to


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who is signed in, and the member organisations they act for."""

    person: Person
    acts_for: tuple[OrganisationId, ...]
    visit: Visit

    @property
    def is_coordinator(self) -> bool:
        return self.person.access in (Access.COORDINATOR, Access.ADMINISTRATOR)

    @property
    def is_administrator(self) -> bool:
        return self.person.access is Access.ADMINISTRATOR

    def may_act_for(self, organisation: OrganisationId) -> bool:
        """Its own people may, and coordinators on their behalf."""
        return self.is_coordinator or organisation in self.acts_for


def running(request: Request) -> Commonweal:
    commonweal = request.app.state.commonweal
    assert isinstance(commonweal, Commonweal)
    return commonweal


async def here(request: Request) -> Commonweal:
    """The same for routes. What is not `async` FastAPI hands to another thread, which takes longer than all of this."""
    return running(request)


Here = Annotated[Commonweal, Depends(here)]


def visitor(request: Request, here: Here) -> Visitor | None:
    """Whoever is signed in on this browser; None where nobody is."""
    token = request.cookies.get(cookie_name(here), "")
    found = signin.visitor_of(here, token) if token else None
    known = None if found is None else Visitor(found.person, found.acts_for, found.visit)
    request.state.visitor = known
    return known


Visiting = Annotated[Visitor | None, Depends(visitor)]


async def member(request: Request, known: Visiting) -> Visitor:
    """Whoever is signed in. Raises SignInNeeded."""
    if known is None:
        raise SignInNeeded(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
    return known


Member = Annotated[Visitor, Depends(member)]


async def coordinator(known: Member) -> Visitor:
    if not known.is_coordinator:
        raise HTTPException(403, "This page is for coordinators.")
    return known


Coordinator = Annotated[Visitor, Depends(coordinator)]


def acted_for(known: Visitor, organisation: str) -> OrganisationId:
    """The organisation, where the visitor may act for it; else there is no such page."""
    id_ = OrganisationId(organisation)
    if not known.may_act_for(id_):
        raise HTTPException(404, "There is no page at this address.")
    return id_


async def acting(known: Member, organisation: str) -> OrganisationId:
    """The organisation in the address: routes have it as `{organisation:path}` or `{organisation}`."""
    return acted_for(known, organisation)


Acting = Annotated[OrganisationId, Depends(acting)]


def is_secure(here: Commonweal) -> bool:
    return here.settings.address.startswith("https://")


def cookie_name(here: Commonweal) -> str:
    """A browser takes a cookie whose name begins with `__Host-` over https only, and from this very host."""
    return "__Host-commonweal" if is_secure(here) else "commonweal"


def begin(response: Response, here: Commonweal, token: str) -> None:
    """Has the browser keep the token of its visit."""
    _keep(response, here, cookie_name(here), token, int(signin.VISIT_LASTS.total_seconds()))


def end(response: Response, here: Commonweal) -> None:
    """Has the browser forget its visit."""
    response.delete_cookie(cookie_name(here), secure=is_secure(here), httponly=True, samesite="lax")


def _keep(response: Response, here: Commonweal, name: str, value: str, seconds: int | None) -> None:
    response.set_cookie(name, value, max_age=seconds, secure=is_secure(here), httponly=True, samesite="lax")


@dataclass(slots=True)
class Form:
    """What ties the forms of a page to the browser it is for: its visit, or a cookie that means nothing else."""

    tie: str
    html: Markup
    is_new: bool
    used: bool = False

    @classmethod
    def of(cls, request: Request, here: Commonweal) -> Self:
        known = tie(request)
        tied_to = known or secrets.token_urlsafe(16)
        token = here.signing.sign(FORM, tied_to)
        return cls(tied_to, Markup('<input type="hidden" name="{}" value="{}">').format(FORM, token), is_new=not known)

    def field(self) -> Markup:
        self.used = True
        return self.html

    def keep(self, response: Response, here: Commonweal) -> None:
        if self.used and self.is_new:
            _keep(response, here, FORM_COOKIE, self.tie, None)


def tie(request: Request) -> str:
    """What this browser's forms are tied to; empty where it has been given nothing yet."""
    known = getattr(request.state, "visitor", None)
    return known.visit.id if known else request.cookies.get(FORM_COOKIE, "")


async def plain_form(request: Request) -> None:
    """Refuses characters that no text holds and that PostgreSQL cannot keep."""
    if request.method not in ("GET", "HEAD"):
        form = await request.form()
        if any("\0" in str(part) for field in form.multi_items() for part in field):
            raise HTTPException(422, "There is a character in what you sent that no text holds. Type it anew.")


async def checked_form(
    request: Request, here: Here, _known: Visiting, _plain: Annotated[None, Depends(plain_form)]
) -> None:
    """Refuses a form that another site made somebody send: ours carry what only this browser's pages were given."""
    if request.method in ("GET", "HEAD"):
        return
    form = await request.form()
    try:
        (tied_to,) = here.signing.read(FORM, str(form.get(FORM, "")), 1)
    except LinkError:
        tied_to = ""
    if not tied_to or tied_to != tie(request):
        raise HTTPException(403, "This form has grown old, or is not one of ours. Reload its page and send it again.")
