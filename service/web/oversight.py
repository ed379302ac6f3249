"""The desk's long lists: organisations and their memberships, mails that went wrong, and who may do what."""

import re
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from matcher.masking import mask
from matcher.records import Organisation, OrganisationId, Standing
from service import applying, granting, joining
from service.granting import ChangedError, LastAdministratorError
from service.joining import FirstError, RefusedError
from service.registers import REGISTERS
from service.store import desk, events, mails, members, people
from service.store import joining as stored
from service.store.joining import Membership
from service.store.mails import Promised, State
from service.store.people import Access
from service.web import access, revealing
from service.web.access import Coordinator, Here, Visitor
from service.web.desk import A_PAGE, IN_TROUBLE, PageNumber, admit_path, day, invite_path, organisation_path
from service.web.presenting import STANDINGS, long_date
from service.web.rendering import page

router = APIRouter(
    include_in_schema=False, default_response_class=HTMLResponse, dependencies=[Depends(access.checked_form)]
)

MOST_EVENTS = 20
MAILS = "/desk/mails"

Line = Annotated[str, Form()]


@router.get("/desk/organisations")
def organisations(
    request: Request,
    here: Here,
    known: Coordinator,
    name: Annotated[str, Query(max_length=200)] = "",
    number: PageNumber = 1,
) -> HTMLResponse:
    """Every organisation, or those with this in their name."""
    with here.database.read() as connection:
        wanted = name.replace("\x00", "")
        found = desk.organisations(connection, wanted, A_PAGE + 1, (number - 1) * A_PAGE)
        ended = stored.ended(connection, here.now().date(), A_PAGE) if not wanted and number == 1 else ()
        names = desk.names(connection, {one.organisation for one in ended})
    return page(
        request,
        "desk-organisations.html",
        found=found[:A_PAGE],
        ended=[(one, mask(names[one.organisation])) for one in ended],
        name=wanted,
        number=number,
        has_more=len(found) > A_PAGE,
        standings=STANDINGS,
        path_of=organisation_path,
        long_date=long_date,
        mask=mask,
    )


@router.get("/desk/organisations/{organisation}")
def one_organisation(
    request: Request, here: Here, known: Coordinator, organisation: str, shown: str = ""
) -> HTMLResponse:
    """An organisation's membership and people, and what a coordinator may do on its behalf."""
    return _organisation(request, here, known, organisation, shown=shown)


@router.post("/desk/organisations/{organisation}/show")
def show_contacts(here: Here, known: Coordinator, organisation: str) -> RedirectResponse:
    found = _stored_organisation(here, organisation)
    return RedirectResponse(revealing.reveal(here, known, organisation_path(found.id), "of its people", found.id), 303)


@router.post("/desk/organisations/{organisation}/until", response_model=None)
def set_until(
    request: Request, here: Here, known: Coordinator, organisation: str, until: Line = "", seen: Line = ""
) -> HTMLResponse | RedirectResponse:
    found = _stored_organisation(here, organisation)
    try:
        joining.set_until(here, found.id, known.person, until=day(until), seen=day(seen))
    except (FirstError, RefusedError) as error:
        status = 409 if isinstance(error, FirstError) else 422
        return _organisation(request, here, known, organisation, says=str(error), status=status, typed=until)
    return RedirectResponse(organisation_path(found.id), 303)


def _organisation(
    request: Request,
    here: Here,
    known: Visitor,
    id_: str,
    *,
    shown: str = "",
    says: str = "",
    status: int = 200,
    typed: str | None = None,
) -> HTMLResponse:
    """`typed` is a last day that was refused."""
    found = _stored_organisation(here, id_)
    with here.database.read() as connection:
        membership = stored.membership(connection, found.id)
        acting = people.of(connection, found.id)
        done = events.about(connection, found.id)[:MOST_EVENTS]
        invitations = stored.open_invitations(connection, here.now(), A_PAGE, to=found.id)
        ids = {one.person for one in done} | ({membership.approved_by} if membership else set())
        names = desk.people_named(connection, ids)
    return page(
        request,
        "desk-organisation.html",
        status=status,
        says=says,
        one=found,
        standing=STANDINGS[found.standing],
        membership=membership,
        told=membership and REGISTERS[membership.register],
        acting=acting,
        is_shown=revealing.is_shown(here, known, organisation_path(found.id), shown),
        done=done,
        names=names,
        invitations=invitations,
        until=_last_day(here, found, membership) if typed is None else typed,
        today=here.now().date(),
        invite_path=invite_path(found.id),
        admit_path=admit_path(found.id),
        path_here=organisation_path(found.id),
        long_date=long_date,
        mask=mask,
    )


def _last_day(here: Here, organisation: Organisation, membership: Membership | None) -> str:
    """What the form holds: the day as it is, empty where there is none; for one that has ended, another year."""
    if organisation.standing is not Standing.MEMBER:
        return joining.a_year_from(here.now().date()).isoformat()
    return membership.until.isoformat() if membership and membership.until else ""


def _stored_organisation(here: Here, id_: str) -> Organisation:
    with here.database.read() as connection:
        found = None if "\x00" in id_ else members.organisation(connection, OrganisationId(id_))
    if found is None:
        raise HTTPException(404, "No organisation is stored under this address.")
    return found.record


@router.get(MAILS)
def troubled_mails(request: Request, here: Here, known: Coordinator, shown: str = "") -> HTMLResponse:
    """Mails that failed or may have, and addresses that were given up on."""
    with here.database.read() as connection:
        troubled = _troubled(here, mails.every(connection, (*IN_TROUBLE, State.SENDING), A_PAGE * 2))[:A_PAGE]
        given_up = desk.given_up(connection, A_PAGE)
        names = desk.people_named(connection, {one.person for one in troubled if one.person})
    is_shown = revealing.is_shown(here, known, MAILS, shown)
    return page(
        request,
        "desk-mails.html",
        troubled=[(_mark(one), one) for one in troubled],
        given_up=given_up,
        names=names,
        is_shown=is_shown,
        email=(lambda email: email) if is_shown else revealing.hidden,
        mask=mask,
        most=A_PAGE,
    )


@router.post(f"{MAILS}/show")
def show_addresses(here: Here, known: Coordinator) -> RedirectResponse:
    return RedirectResponse(revealing.reveal(here, known, MAILS, "of mails that went wrong"), 303)


@router.post(f"{MAILS}/retry")
def retry(here: Here, known: Coordinator, mail: Line) -> RedirectResponse:
    """Has a mail go again; one that may have gone may so arrive twice."""
    with here.database.write() as connection:
        troubled = _troubled(here, mails.every(connection, (*IN_TROUBLE, State.SENDING)))
        key = next((one.key for one in troubled if _mark(one) == mail), "")
        if not mails.retry(connection, key, here.now()):
            raise HTTPException(409, "This mail is not in trouble any more: somebody was first, or it has gone.")
        events.record(connection, here.now(), known.person.id, "mail", f"{key.partition(':')[0]} sent again")
    return RedirectResponse(MAILS, 303)


@router.post(f"{MAILS}/revive")
def revive(here: Here, known: Coordinator, person: Line) -> RedirectResponse:
    """Mails go to an address again that was given up on."""
    with here.database.write() as connection:
        found = people.get(connection, person) if _is_id(person) else None
        if found is None or not found.undeliverable:
            raise HTTPException(409, "Mails go to this address again already.")
        people.try_again(connection, found.email)
        events.record(connection, here.now(), known.person.id, "mail", f"{found.id}: address tried again")
    return RedirectResponse(MAILS, 303)


def _troubled(here: Here, found: tuple[Promised, ...]) -> list[Promised]:
    return [one for one in found if one.state is not State.SENDING or one.is_stuck(here.now())]


def _mark(mail: Promised) -> str:
    """What a mail goes by in a form: its key may hold an address."""
    return sha256(mail.key.encode()).hexdigest()[:24]


@router.get("/desk/people")
def people_with_access(request: Request, here: Here, known: Coordinator) -> HTMLResponse:
    return _people(request, here, _administrator(known))


@router.post("/desk/people", response_model=None)
def give_access(
    request: Request, here: Here, known: Coordinator, person: Line = "", seen: Line = "", to: Line = ""
) -> HTMLResponse | RedirectResponse:
    """Changes the access of somebody who is listed."""
    administrator = _administrator(known)
    try:
        granting.grant(here, person if _is_id(person) else "", Access(to), by=known.person.id, seen=Access(seen))
    except ValueError:
        raise HTTPException(422, "There is no such access.") from None
    except (LastAdministratorError, ChangedError) as error:
        return _people(request, here, administrator, says=f"{error}.".replace("..", "."), status=409)
    return RedirectResponse("/desk/people", 303)


@router.post("/desk/people/add", response_model=None)
def add_coordinator(
    request: Request, here: Here, known: Coordinator, email: Line = "", name: Line = "", to: Line = ""
) -> HTMLResponse | RedirectResponse:
    """Gives access to a person by their address, who need not be known."""
    administrator = _administrator(known)
    reading = applying.Reading()
    address = reading.email(email)
    called = reading.line("person_name", name, "Write their name.")
    if reading.faults or to not in (Access.COORDINATOR, Access.ADMINISTRATOR):
        says = " ".join(reading.faults.values()) or "Choose what they may do."
        return _people(request, here, administrator, says=says, status=422)
    with here.database.write() as connection:
        person = people.ensure(connection, address, called)
    granting.grant(here, person.id, Access(to), by=known.person.id)
    return RedirectResponse("/desk/people", 303)


def _people(request: Request, here: Here, known: Visitor, *, says: str = "", status: int = 200) -> HTMLResponse:
    with here.database.read() as connection:
        found = people.with_access(connection, Access.COORDINATOR, Access.ADMINISTRATOR)
    return page(request, "desk-people.html", status=status, says=says, found=found)


def _administrator(known: Visitor) -> Visitor:
    if not known.is_administrator:
        raise HTTPException(403, "This page is for administrators.")
    return known


def _is_id(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{32}", text) is not None
