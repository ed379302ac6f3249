"""Who comes to a session, and who is missing from it."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import UploadFile

from matcher.errors import CommonwealError
from matcher.network import Network
from matcher.records import Organisation, OrganisationId, Standing
from service.sessions import attending
from service.sessions.attending import FirstError
from service.store import sessions
from service.store.sessions import Attendance, Session
from service.web import access, forms
from service.web.access import Coordinator, Here
from service.web.forms import Sent
from service.web.pages import Current
from service.web.presenting import naming
from service.web.rendering import page
from service.web.sessions import organisation_ids, path_of, room_of, shown, stored

router = APIRouter(
    prefix="/desk/sessions/{session}",
    include_in_schema=False,
    default_response_class=HTMLResponse,
    dependencies=[Depends(access.checked_form)],
)

MOST = 60  # members that are shown to be ticked
LARGEST = 2_000_000  # bytes of a sheet
Field = Annotated[str, Query(max_length=200)]


@router.get("/attendees")
def attendees(
    request: Request,
    here: Here,
    known: Coordinator,
    network: Current,
    session: str,
    name: Field = "",
    role: Field = "",
    sector: Field = "",
    theme: Field = "",
) -> HTMLResponse:
    """The list, and members to be asked."""
    wanted = {"name": name.strip(), "role": role, "sector": sector, "theme": theme}
    return _attendees(request, here, network, stored(here, session), wanted)


@router.post("/attendees", response_model=None)
def ask(
    request: Request, here: Here, known: Coordinator, network: Current, session: str, sent: Sent
) -> HTMLResponse | RedirectResponse:
    """Puts members on the list as invited."""
    found = stored(here, session)
    try:
        attending.ask(here, found.id, organisation_ids(sent), known.person.id)
    except CommonwealError as error:
        return _attendees(request, here, network, found, {}, says=str(error), status=422)
    to = "missing" if forms.text(sent, "to") == "missing" else "attendees"
    return RedirectResponse(f"{path_of(found)}/{to}", 303)


@router.post("/attendees/copy")
def copy(here: Here, known: Coordinator, session: str) -> RedirectResponse:
    """Invites whoever was at the session before."""
    found = stored(here, session)
    attending.copy(here, found.id, known.person.id)
    return RedirectResponse(f"{path_of(found)}/attendees", 303)


@router.post("/attendees/one", response_model=None)
def settle(
    request: Request, here: Here, known: Coordinator, network: Current, session: str, sent: Sent
) -> HTMLResponse | RedirectResponse:
    """How one of them stands."""
    found, organisation = stored(here, session), OrganisationId(forms.text(sent, "organisation"))
    try:
        attending.settle(
            here,
            found.id,
            organisation,
            known.person.id,
            forms.number(forms.text(sent, "seen")),
            state=_state(forms.text(sent, "state")),
            **{name: forms.text(sent, name) for name in ("arrives", "leaves", "note")},
        )
    except CommonwealError as error:
        status = 409 if isinstance(error, FirstError) else 422
        return _attendees(request, here, network, found, {}, says=str(error), status=status)
    return RedirectResponse(f"{path_of(found)}/attendees#at-{organisation}", 303)


@router.post("/attendees/sheet", response_model=None)
async def sheet(
    request: Request, here: Here, known: Coordinator, network: Current, session: str, sent: Sent
) -> HTMLResponse | RedirectResponse:
    """What a sheet would do; with `take`, its rows that hold are stored."""
    found = stored(here, session)
    name, raw = await _uploaded(sent.get("sheet"))
    typed = forms.text(sent, "rows")
    try:
        lines = attending.read(here, found.id, name, raw or typed.encode())
        if forms.text(sent, "take"):
            attending.take(here, found.id, lines, known.person.id)
            return RedirectResponse(f"{path_of(found)}/attendees", 303)
    except CommonwealError as error:
        return _attendees(request, here, network, found, {}, says=str(error), status=422)
    return page(
        request,
        "session-sheet.html",
        shown=shown(here, found),
        one=found,
        lines=lines,
        rows=attending.as_sheet(lines),
        holding=sum(not one.fault for one in lines),
    )


async def _uploaded(file: Any) -> tuple[str, bytes]:
    if not isinstance(file, UploadFile) or not file.filename:
        return "rows.csv", b""
    raw = await file.read(LARGEST + 1)
    await file.close()
    if len(raw) > LARGEST:
        raise HTTPException(422, f"The sheet has more than {LARGEST:,} bytes: only the list of attendees is wanted.")
    return file.filename, raw


@router.get("/missing")
def missing(request: Request, here: Here, known: Coordinator, network: Current, session: str) -> HTMLResponse:
    """Who is missing, and who could fill each gap."""
    found = stored(here, session)
    with here.database.read() as connection:
        room = room_of(here, connection, network, found)
    return page(
        request,
        "session-missing.html",
        shown=shown(here, found),
        one=found,
        room=room,
        named=naming(network.organisations),
    )


def _state(typed: str) -> Attendance:
    if typed not in set(Attendance):
        raise attending.RefusedError(f"'{typed}' is no state; choose invited, coming or cancelled.")
    return Attendance(typed)


def _attendees(
    request: Request,
    here: Here,
    network: Network,
    session: Session,
    wanted: dict[str, str],
    *,
    says: str = "",
    status: int = 200,
) -> HTMLResponse:
    with here.database.read() as connection:
        listed = sessions.attendees(connection, session.id)
        before = sessions.load(connection, session.follows) if session.follows else None
    named = naming(network.organisations)
    here_already = {one.organisation for one in listed}
    members = [
        one for one in network.organisations.values() if one.standing is Standing.MEMBER and one.id not in here_already
    ]
    found = _narrowed(members, network, wanted)
    roles = network.vocabulary.roles
    return page(
        request,
        "session-attendees.html",
        status=status,
        shown=shown(here, session),
        one=session,
        listed=sorted(((named(one.organisation), one) for one in listed), key=lambda pair: pair[0].name.casefold()),
        found=[
            (named(one.id), ", ".join(roles[role].name for role in one.roles if role in roles)) for one in found[:MOST]
        ],
        has_more=len(found) > MOST,
        wanted={"name": "", "role": "", "sector": "", "theme": "", **wanted},
        vocabulary=network.vocabulary,
        states=list(Attendance),
        too_many=attending.too_many(session, listed),
        before=before,
        says=says,
    )


def _narrowed(members: Sequence[Organisation], network: Network, wanted: dict[str, str]) -> list[Organisation]:
    name, role, sector, theme = (wanted.get(key, "") for key in ("name", "role", "sector", "theme"))
    on_theme = {one.organisation for one in network.listings.values() if theme in one.themes} if theme else set()
    found = (
        one
        for one in members
        if name.casefold() in f"{one.name} {' '.join(one.places)}".casefold()
        and (not role or role in one.roles)
        and (not sector or sector in one.sectors)
        and (not theme or one.id in on_theme)
    )
    return sorted(found, key=lambda one: one.name.casefold())
