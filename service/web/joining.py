"""Joining: the form with which an organisation applies, and the page on which it accepts an invitation."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from matcher.masking import mask
from service import applying, joining, registers
from service.applying import LONGEST, FormError, Typed
from service.joining import GoneError
from service.registers import REGISTERS
from service.signing import LinkError
from service.store import people
from service.store.people import Person
from service.web import access, limits
from service.web.access import Here, Visiting
from service.web.presenting import long_date
from service.web.rendering import page

applications = APIRouter(
    include_in_schema=False, default_response_class=HTMLResponse, dependencies=[Depends(access.checked_form)]
)
invitations = APIRouter(
    include_in_schema=False, default_response_class=HTMLResponse, dependencies=[Depends(access.plain_form)]
)
"""What the token in the address allows, whoever sends the form."""
router = APIRouter(include_in_schema=False)

Line = Annotated[str, Form()]
Registered = Annotated[str, Form(alias="register")]  # pydantic has a `register` of its own


def typed(
    name: Line = "",
    registered: Registered = "",
    number: Line = "",
    description: Line = "",
    places: Line = "",
    sectors: Annotated[list[str] | None, Form()] = None,
    size: Line = "",
    person_name: Line = "",
    email: Line = "",
) -> Typed:
    """What stands in the form, as it was sent."""
    return Typed(
        name=name,
        register=registered,
        number=number,
        description=description,
        places=places,
        sectors=tuple(sectors or ()),
        size=size,
        person_name=person_name,
        email=email,
    )


@applications.get("/join")
def join(request: Request, here: Here, known: Visiting) -> HTMLResponse:
    return _form(request, here, Typed(), {})


@applications.post("/join", response_model=None)
def apply(
    request: Request, here: Here, known: Visiting, sent: Annotated[Typed, Depends(typed)]
) -> HTMLResponse | RedirectResponse:
    """The answer does not tell whether the organisation or the address is known."""
    limits.check(request, "try to apply", "60/hour")
    try:
        application = applying.read(here, sent)
    except FormError as error:
        return _form(request, here, sent, error.faults)
    limits.check(request, "apply", "10/hour", application.email, "3/day")
    joining.apply(here, application)
    return RedirectResponse("/join/sent", 303)


@applications.get("/join/sent")
def sent(request: Request, known: Visiting) -> HTMLResponse:
    return page(request, "joined.html", accepted=False)


@applications.get("/join/accepted")
def accepted(request: Request, known: Visiting) -> HTMLResponse:
    return page(request, "joined.html", accepted=True)


def _form(request: Request, here: Here, typed: Typed, faults: Mapping[str, str]) -> HTMLResponse:
    vocabulary = here.core.vocabulary
    return page(
        request,
        "join.html",
        status=422 if faults else 200,
        typed=typed,
        faults=faults,
        longest=LONGEST,
        registers=REGISTERS,
        sectors=vocabulary.sectors,
        sizes=vocabulary.sizes,
    )


@invitations.get("/invitations/{token}")
def invitation(request: Request, here: Here, known: Visiting, token: str) -> HTMLResponse:
    """Shows an invitation. Opened by a program that looks at mails, it is still there for whoever is invited."""
    return _invitation(request, here, token, None, {})


@invitations.post("/invitations/{token}", response_model=None)
def accept(
    request: Request,
    here: Here,
    known: Visiting,
    token: str,
    person_name: Line = "",
    registered: Registered = "",
    number: Line = "",
) -> HTMLResponse | RedirectResponse:
    limits.check(request, "accept", "60/hour")
    reading = applying.Reading()
    name = reading.line("person_name", person_name, "Write your name.")
    chosen, official = reading.number(registered, number, may_be_unknown=True)
    if reading.faults:
        sent = Typed(person_name=person_name, register=registered, number=number)
        return _invitation(request, here, token, sent, reading.faults)
    try:
        joining.accept(here, token, person_name=name, register=chosen, number=official)
    except (LinkError, GoneError) as error:
        raise HTTPException(410, str(error)) from None
    return RedirectResponse("/join/accepted", 303)


def _invitation(
    request: Request, here: Here, token: str, sent: Typed | None, faults: Mapping[str, str]
) -> HTMLResponse:
    try:
        found, organisation = joining.look_at(here, token)
    except (LinkError, GoneError) as error:
        raise HTTPException(410, str(error)) from None
    with here.database.read() as connection:
        by = people.get(connection, found.invited_by)
    register, number = registers.first_of(organisation.identifiers)
    return page(
        request,
        "invitation.html",
        status=422 if faults else 200,
        token=token,
        organisation=mask(organisation.name),
        description=mask(organisation.description),
        by=_named(by),
        until=found.until and long_date(found.until),
        expires=long_date(found.expires_at),
        typed=sent or Typed(person_name=found.person_name, register=register if number else "", number=number),
        faults=faults,
        longest=LONGEST,
        registers=REGISTERS,
    )


def _named(person: Person | None) -> str:
    return (person and person.name) or "A coordinator"


router.include_router(applications)
router.include_router(invitations)
