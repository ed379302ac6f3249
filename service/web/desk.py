"""The desk: what waits for a coordinator, who applies, and who is invited."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from matcher.masking import mask
from matcher.records import Organisation, OrganisationId
from service import applying, joining, registers
from service.applying import LONGEST, Typed
from service.joining import FirstError, GoneError, RefusedError
from service.registers import REGISTERS
from service.review import occasions
from service.store import desk, mails, members, people, rounds
from service.store import joining as stored
from service.store.joining import Application
from service.store.mails import State
from service.web import access, revealing
from service.web.access import Coordinator, Here
from service.web.pages import Current
from service.web.presenting import STANDINGS, long_date, naming, week_in_words
from service.web.rendering import page

router = APIRouter(
    include_in_schema=False, default_response_class=HTMLResponse, dependencies=[Depends(access.checked_form)]
)

A_PAGE = 30
FIRST = 8  # of each kind on the desk itself
AHEAD = timedelta(days=60)
"""How long before its end a membership is on the desk."""
MOST_COMPARED = 300
"""Applications that wait among which the same organisation's are looked for."""
IN_TROUBLE = (State.FAILED, State.UNSURE)
PATH = "/desk/applications/"

Line = Annotated[str, Form()]
PageNumber = Annotated[int, Query(alias="page", ge=1, le=10_000)]


@router.get("/desk")
def overview(request: Request, here: Here, known: Coordinator) -> HTMLResponse:
    """All that waits, each with the link to where it is done."""
    today = here.now().date()
    week = rounds.week_of(today)
    with here.database.read() as connection:
        overdue = desk.overdue(connection, FIRST + 1)
        ending = stored.ending(connection, today + AHEAD, FIRST + 1)
        ids = {id_ for one in overdue for id_ in (one.asking, one.giving)} | {one.organisation for one in ending}
        return page(
            request,
            "desk.html",
            first=FIRST,
            waiting=stored.waiting(connection, FIRST),
            how_many=stored.how_many_wait(connection),
            overdue=overdue,
            ending=ending,
            names={id_: mask(name) for id_, name in desk.names(connection, ids).items()},
            troubled=mails.counts(connection),
            given_up=len(desk.given_up(connection, FIRST)),
            invited=len(stored.open_invitations(connection, here.now(), FIRST + 1)),
            week=week_in_words(week, is_released=rounds.weeks(connection).get(week, False)),
            is_proposed=week in rounds.weeks(connection),
            ahead=[one for one in occasions.every(connection, here.now().date()) if one.id != week][:FIRST],
            long_date=long_date,
            mask=mask,
        )


@router.get("/desk/applications")
def applications(
    request: Request,
    here: Here,
    known: Coordinator,
    number: PageNumber = 1,
    old: bool = False,
) -> HTMLResponse:
    """Those that wait, or with `old` those that were decided."""
    with here.database.read() as connection:
        found = (stored.decided if old else stored.waiting)(connection, A_PAGE + 1, (number - 1) * A_PAGE)
        names = desk.people_named(connection, {one.decided_by for one in found if one.decided_by})
    return page(
        request,
        "desk-applications.html",
        found=found[:A_PAGE],
        names=names,
        old=old,
        number=number,
        has_more=len(found) > A_PAGE,
        mask=mask,
    )


@router.get("/desk/applications/{id_}")
def application(
    request: Request, here: Here, known: Coordinator, network: Current, id_: str, shown: str = ""
) -> HTMLResponse:
    return _application(request, here, known, network, id_, shown=shown)


@router.post("/desk/applications/{id_}/show")
def show_who_applied(here: Here, known: Coordinator, id_: str) -> RedirectResponse:
    one = _stored_application(here, id_)
    return RedirectResponse(revealing.reveal(here, known, f"{PATH}{one.id}", f"application {one.id}"), 303)


@router.post("/desk/applications/{id_}/approve", response_model=None)
def approve(
    request: Request,
    here: Here,
    known: Coordinator,
    network: Current,
    id_: str,
    until: Line = "",
    why: Line = "",
    organisation: Line = "",
) -> HTMLResponse | RedirectResponse:
    def decide() -> None:
        became = OrganisationId(organisation) if organisation else None
        joining.approve(here, id_, known.person, until=day(until), why=_why(why), organisation=became)

    sent = {"until": until, "why": why, "organisation": organisation}
    return _decided(request, here, known, network, id_, decide, sent)


@router.post("/desk/applications/{id_}/refuse", response_model=None)
def refuse(
    request: Request, here: Here, known: Coordinator, network: Current, id_: str, why: Line = ""
) -> HTMLResponse | RedirectResponse:
    def decide() -> None:
        joining.refuse(here, id_, known.person, why=_why(why))

    return _decided(request, here, known, network, id_, decide, {"why_not": why})


@router.post("/desk/applications/{id_}/reopen", response_model=None)
def reopen(
    request: Request, here: Here, known: Coordinator, network: Current, id_: str
) -> HTMLResponse | RedirectResponse:
    return _decided(request, here, known, network, id_, lambda: joining.reopen(here, id_, known.person), {})


def _decided(
    request: Request,
    here: Here,
    known: Coordinator,
    network: Current,
    id_: str,
    decide: Callable[[], None],
    sent: dict[str, str],
) -> HTMLResponse | RedirectResponse:
    """Decides, and shows what came of it: to the second of two coordinators, who was first; what was sent is kept."""
    _stored_application(here, id_)
    try:
        decide()
    except (FirstError, RefusedError) as error:
        status = 409 if isinstance(error, FirstError) else 422
        return _application(request, here, known, network, id_, says=str(error), status=status, sent=sent)
    return RedirectResponse(f"{PATH}{id_}", 303)


def _application(
    request: Request,
    here: Here,
    known: Coordinator,
    network: Current,
    id_: str,
    *,
    shown: str = "",
    says: str = "",
    status: int = 200,
    sent: dict[str, str] | None = None,
) -> HTMLResponse:
    one = _stored_application(here, id_)
    alike = applying.alike(network.organisations.values(), one) if one.decision is None else ()
    surest = next((each.organisation.id for each in alike if each.why == applying.SAME_NUMBER), "")
    typed = {"until": joining.a_year_from(here.now().date()).isoformat(), "why": "", "why_not": ""}
    with here.database.read() as connection:
        by = people.get(connection, one.decided_by) if one.decided_by else None
        others = stored.waiting(connection, MOST_COMPARED) if one.decision is None else ()
    return page(
        request,
        "desk-application.html",
        status=status,
        says=says,
        one=one,
        told=REGISTERS[one.register],
        by=by and by.name,
        look_up=registers.entry(one.register, one.number),
        alike=alike,
        typed={**typed, "organisation": surest, **(sent or {})},
        became=naming(network.organisations)(OrganisationId(one.organisation or "")).name,
        others=[other for other in others if other.id != id_ and applying.is_alike(one, other)],
        is_shown=revealing.is_shown(here, known, f"{PATH}{id_}", shown),
        today=here.now().date(),
        standings=STANDINGS,
        vocabulary=here.core.vocabulary,
        mask=mask,
    )


def _stored_application(here: Here, id_: str) -> Application:
    with here.database.read() as connection:
        found = stored.application(connection, id_) if re.fullmatch(r"[0-9a-f]{32}", id_) else None
    if found is None:
        raise HTTPException(404, "There is no such application.")
    return found


@router.get("/desk/invite")
def invite(request: Request, here: Here, known: Coordinator, organisation: str = "") -> HTMLResponse:
    return _invite(request, here, organisation, {"until": joining.a_year_from(here.now().date()).isoformat()}, {})


@router.post("/desk/invite", response_model=None)
def send_invitation(
    request: Request,
    here: Here,
    known: Coordinator,
    organisation: Line = "",
    name: Line = "",
    person_name: Line = "",
    email: Line = "",
    until: Line = "",
) -> HTMLResponse | RedirectResponse:
    reading = applying.Reading()
    called = "" if organisation else reading.line("name", name, "Write the organisation’s name.")
    person = reading.line("person_name", person_name, "Write the name of whom you invite.")
    address = reading.email(email)
    sent = {"name": name, "person_name": person_name, "email": email, "until": until}
    if not reading.faults:
        try:
            joining.invite(
                here,
                known.person,
                organisation=OrganisationId(organisation) if organisation else None,
                name=called,
                person_name=person,
                email=address,
                until=day(until),
            )
            return RedirectResponse("/desk/invitations", 303)
        except RefusedError as error:
            reading.faults["name" if called else "until"] = str(error)
    return _invite(request, here, organisation, sent, reading.faults)


def _invite(
    request: Request, here: Here, organisation: str, sent: dict[str, str], faults: dict[str, str]
) -> HTMLResponse:
    return page(
        request,
        "desk-invite.html",
        status=422 if faults else 200,
        organisation=_known_organisation(here, organisation),
        sent=sent,
        faults=faults,
        longest=LONGEST,
        today=here.now().date(),
        days=joining.INVITATION_LASTS.days,
        mask=mask,
    )


@router.get("/desk/admit")
def admit(request: Request, here: Here, known: Coordinator, organisation: str = "") -> HTMLResponse:
    """For an organisation that only has a telephone: a coordinator takes its word."""
    until = joining.a_year_from(here.now().date()).isoformat()
    return _admit(request, here, organisation, Typed(), {"until": until, "why": ""}, {})


@router.post("/desk/admit", response_model=None)
def admit_it(
    request: Request,
    here: Here,
    known: Coordinator,
    organisation: Line = "",
    name: Line = "",
    registered: Annotated[str, Form(alias="register")] = "",
    number: Line = "",
    until: Line = "",
    why: Line = "",
) -> HTMLResponse | RedirectResponse:
    reading = applying.Reading()
    called = "" if organisation else reading.line("name", name, "Write the organisation’s name.")
    register, official = reading.number(registered, number)
    if not reading.faults:
        try:
            became = joining.admit(
                here,
                known.person,
                organisation=OrganisationId(organisation) if organisation else None,
                name=called,
                register=register,
                number=official,
                until=day(until),
                why=_why(why),
            )
            return RedirectResponse(organisation_path(became), 303)
        except (FirstError, RefusedError) as error:
            reading.faults["says"] = str(error)
    typed = Typed(name=name, register=registered, number=number)
    return _admit(request, here, organisation, typed, {"until": until, "why": why}, reading.faults)


def _admit(
    request: Request, here: Here, organisation: str, typed: Typed, sent: dict[str, str], faults: dict[str, str]
) -> HTMLResponse:
    found = _known_organisation(here, organisation)
    if found and not typed.register:
        register, number = registers.first_of(found.identifiers)
        typed = Typed(register=register if number else "", number=number)
    return page(
        request,
        "desk-admit.html",
        status=422 if faults else 200,
        organisation=found,
        typed=typed,
        sent=sent,
        faults=faults,
        longest=LONGEST,
        registers=REGISTERS,
        today=here.now().date(),
        mask=mask,
    )


def _known_organisation(here: Here, id_: str) -> Organisation | None:
    """The organisation that a page is about; None where it is about a new one."""
    if not id_:
        return None
    with here.database.read() as connection:
        found = None if "\x00" in id_ else members.organisation(connection, OrganisationId(id_))
    if found is None:
        raise HTTPException(404, "No organisation is stored under this address.")
    return found.record


@router.get("/desk/invitations")
def invitations(request: Request, here: Here, known: Coordinator, number: PageNumber = 1) -> HTMLResponse:
    """Those that can still be accepted."""
    with here.database.read() as connection:
        found = stored.open_invitations(connection, here.now(), A_PAGE + 1, (number - 1) * A_PAGE)
        names = desk.names(connection, {one.organisation for one in found})
        by = desk.people_named(connection, {one.invited_by for one in found})
    return page(
        request,
        "desk-invitations.html",
        found=found[:A_PAGE],
        names={id_: mask(name) for id_, name in names.items()},
        by=by,
        number=number,
        has_more=len(found) > A_PAGE,
        long_date=long_date,
    )


@router.post("/desk/invitations/{id_}/withdraw")
def withdraw(here: Here, known: Coordinator, id_: str) -> RedirectResponse:
    try:
        joining.withdraw(here, id_ if re.fullmatch(r"[0-9a-f]{32}", id_) else "", known.person)
    except GoneError as error:
        raise HTTPException(409, str(error)) from None
    return RedirectResponse("/desk/invitations", 303)


def day(typed: str) -> date | None:
    """A last day as a form has it; None where it is left empty. Raises RefusedError."""
    if not typed.strip():
        return None
    try:
        return date.fromisoformat(typed.strip())
    except ValueError:
        raise RefusedError("Write the last day like 2027-11-30, or nothing where it has none.") from None


def organisation_path(organisation: str) -> str:
    """Where an organisation is on the desk."""
    return f"/desk/organisations/{quote(organisation, safe='')}"


def invite_path(organisation: str) -> str:
    return "/desk/invite?" + urlencode({"organisation": organisation})


def admit_path(organisation: str) -> str:
    return "/desk/admit?" + urlencode({"organisation": organisation})


def _why(typed: str) -> str:
    why = applying.printable(typed).strip()
    if len(why) > LONGEST["description"]:
        raise RefusedError(f"The reason has {len(why):,} characters; {LONGEST['description']:,} is the most.")
    return why
