"""Who asks, what they may see, and that a form is one of ours."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from matcher.records import OrganisationId
from service import signin
from service.signin import Visit
from service.signing import LinkError
from service.store.people import Access, Person
from service.wiring import Commonweal

FORM = "form"
"""The name of the field that says a form came from us, and what it is signed for."""


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


Here = Annotated[Commonweal, Depends(running)]


def visitor(request: Request, here: Here) -> Visitor | None:
    """Whoever is signed in on this browser; None where nobody is."""
    token = request.cookies.get(cookie_name(here), "")
    found = signin.visitor_of(here, token) if token else None
    known = None if found is None else Visitor(*found)
    request.state.visitor = known
    return known


Visiting = Annotated[Visitor | None, Depends(visitor)]


def member(request: Request, known: Visiting) -> Visitor:
    """Whoever is signed in. Raises SignInNeeded."""
    if known is None:
        raise SignInNeeded(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
    return known


Member = Annotated[Visitor, Depends(member)]


def coordinator(known: Member) -> Visitor:
    if not known.is_coordinator:
        raise HTTPException(403, "This page is for coordinators.")
    return known


Coordinator = Annotated[Visitor, Depends(coordinator)]


def acting(known: Member, organisation: str) -> OrganisationId:
    """The organisation in the address, where the visitor may act for it; else there is no such page.

    Routes have it as `{organisation:path}` or `{organisation}`.
    """
    id_ = OrganisationId(organisation)
    if not known.may_act_for(id_):
        raise HTTPException(404, "There is no page at this address.")
    return id_


Acting = Annotated[OrganisationId, Depends(acting)]


def cookie_name(here: Commonweal) -> str:
    """Browsers let no other host set a cookie whose name begins so, and only over https."""
    return "__Host-commonweal" if is_secure(here) else "commonweal"


def is_secure(here: Commonweal) -> bool:
    return here.settings.address.startswith("https://")


async def checked_form(request: Request, here: Here) -> None:
    """Refuses a form that another site made somebody send: ours carry what only this browser's pages were given."""
    if request.method in ("GET", "HEAD"):
        return
    form = await request.form()
    token = str(form.get(FORM, ""))
    try:
        (nonce,) = here.signing.read(FORM, token, 1)
    except LinkError:
        nonce = ""
    if not nonce or nonce != form_nonce(request, here):
        raise HTTPException(
            403, "This form has grown old, or is not one of ours. Go back, reload the page, send it again."
        )


def form_nonce(request: Request, here: Commonweal) -> str:
    """What ties a form to this browser: its visit, or a cookie that means nothing else."""
    known = getattr(request.state, "visitor", None)
    return known.visit.id if known else request.cookies.get(FORM_COOKIE, "")


FORM_COOKIE = "commonweal_form"
"""Ties the forms of those who are not signed in to their browser."""
