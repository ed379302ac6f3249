"""A session's timetable, and what is printed and sent from it: packs, calendars, a sheet."""

import re
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from matcher.errors import CommonwealError
from matcher.network import Network
from matcher.records import Kind, OrganisationId
from service.sessions import calendars, packs, timetabling
from service.store import promises, reviews, sessions, timetables
from service.store.sessions import Session
from service.web import access
from service.web.access import Coordinator, Here
from service.web.pages import Current
from service.web.presenting import cards, naming
from service.web.rendering import STATIC, page
from service.web.rooms import told_of
from service.web.sessions import path_of, room_of, shown, stored

router = APIRouter(
    prefix="/desk/sessions/{session}",
    include_in_schema=False,
    default_response_class=HTMLResponse,
    dependencies=[Depends(access.checked_form)],
)


@router.get("/timetable")
def timetable(
    request: Request, here: Here, known: Coordinator, network: Current, session: str, preview: str = ""
) -> HTMLResponse:
    """Slots and tables; with `preview` what solving would change."""
    return _timetable(request, here, network, stored(here, session), preview)


@router.post("/timetable", response_model=None)
def solve(
    request: Request, here: Here, known: Coordinator, network: Current, session: str
) -> HTMLResponse | RedirectResponse:
    """Repairs it, changing as little as possible; makes it where there is none."""
    return _solved(request, here, network, session, anew=False)


@router.post("/timetable/anew", response_model=None)
def solve_anew(
    request: Request, here: Here, known: Coordinator, network: Current, session: str
) -> HTMLResponse | RedirectResponse:
    """Makes it as if there were none."""
    return _solved(request, here, network, session, anew=True)


def _solved(
    request: Request, here: Here, network: Network, session: str, *, anew: bool
) -> HTMLResponse | RedirectResponse:
    found = stored(here, session)
    try:
        timetabling.solve(here, found.id, anew=anew)
    except CommonwealError as error:
        return _timetable(request, here, network, found, says=str(error), status=409)
    return RedirectResponse(f"{path_of(found)}/timetable", 303)


def _timetable(
    request: Request,
    here: Here,
    network: Network,
    session: Session,
    preview: str = "",
    says: str = "",
    status: int = 200,
) -> HTMLResponse:
    named = naming(network.organisations)
    with here.database.read() as connection:
        table = timetables.load(connection, session.id)
        wanted = timetabling.pairs(connection, session.id)
    change = timetabling.solve(here, session.id, dry_run=True) if preview and not shown(here, session).closed else None
    return page(
        request,
        "session-timetable.html",
        status=status,
        shown=shown(here, session),
        one=session,
        table=table,
        wanted=len(wanted),
        slots=[
            (session.begins(slot), [each for each in (table.meetings if table else ()) if each.slot == slot])
            for slot in range(session.slots)
        ],
        unplaced=[(named(a), named(b), _why(why, named)) for (a, b), why in table.unplaced.items()] if table else [],
        change=change,
        named=named,
        says=says,
    )


def _why(why: str, named: Any) -> str:
    """A reason, with the organisation's name in the place of its id."""
    who = re.match(r"(\S+) meets others", why)
    return why.replace(who[1], named(who[1]).name, 1) if who else why


@router.get("/timetable.csv")
def sheet(here: Here, known: Coordinator, network: Current, session: str) -> Response:
    found, table = _both(here, session)
    return _file(calendars.sheet(found, table, _name(network)), "text/csv; charset=utf-8", f"timetable-{found.id}.csv")


@router.get("/calendar/{organisation}")
def calendar(here: Here, known: Coordinator, network: Current, session: str, organisation: str) -> Response:
    """One organisation's meetings, to be sent to whoever comes for it."""
    found, table = _both(here, session)
    who = _attendee(here, found, organisation)
    made = calendars.calendar(found, table, who, _name(network), here.settings.zone)
    return _file(made, "text/calendar; charset=utf-8", f"{_plain(who)}.ics")


@router.get("/packs")
def all_packs(request: Request, here: Here, known: Coordinator, network: Current, session: str) -> HTMLResponse:
    """Whose packs there are."""
    found, named = stored(here, session), naming(network.organisations)
    with here.database.read() as connection:
        listed = sessions.present(sessions.attendees(connection, found.id))
        table = timetables.load(connection, found.id)
    counts = {one: len(timetabling.of(table.meetings if table else (), one)) for one in listed}
    packs_ = sorted(((named(one), counts[one]) for one in listed), key=lambda pair: pair[0].name.casefold())
    return page(request, "session-packs.html", shown=shown(here, found), one=found, packs=packs_, table=table)


@router.get("/packs/{organisation}", response_model=None)
def pack(
    request: Request,
    here: Here,
    known: Coordinator,
    network: Current,
    session: str,
    organisation: str,
    pdf: bool = False,
) -> Response:
    """One attendee's: whom to meet, when, why, and what to ask first; `chair` is the chair's."""
    found = stored(here, session)
    if organisation == "chair":
        made = _chair(request, here, network, found)
    else:
        made = _pack(request, here, network, found, _attendee(here, found, organisation))
    if not pdf:
        return made
    try:
        printed = packs.pdf(bytes(made.body).decode(), (STATIC / "pack.css").read_text("utf-8"))
    except packs.NoPdfError as error:
        raise HTTPException(501, str(error)) from None
    return _file(printed, "application/pdf", f"{_plain(organisation)}.pdf")


def _pack(request: Request, here: Here, network: Network, session: Session, who: OrganisationId) -> HTMLResponse:
    named = naming(network.organisations)
    with here.database.read() as connection:
        table = timetables.load(connection, session.id)
        wanted = timetabling.pairs(connection, session.id)
        said = {one.pair: one.says for one in reviews.of(connection, session.id).values()}
    meetings = []
    for meeting, other in timetabling.of(table.meetings if table else (), who):
        suggestion = wanted.get(meeting.couple)
        if suggestion is None:
            continue
        read_as = Kind.NEED if suggestion.need.organisation == who else Kind.OFFER
        (card,) = cards([suggestion], named, read_as=read_as)
        need, offer = suggestion.need, suggestion.offer
        obstacles = network.vocabulary.obstacles_of({need.resource, offer.resource}, need.text, offer.text)
        meetings.append(
            (session.begins(meeting.slot), meeting.table, named(other), card, said.get(suggestion.pair), obstacles)
        )
    return page(
        request, "pack.html", shown=shown(here, session), one=session, who=named(who), meetings=meetings, table=table
    )


def _chair(request: Request, here: Here, network: Network, session: Session) -> HTMLResponse:
    named = naming(network.organisations)
    with here.database.read() as connection:
        room = room_of(here, connection, network, session)
        table = timetables.load(connection, session.id)
        listed = sessions.attendees(connection, session.id)
        earlier = promises.of(connection, [session.follows]) if session.follows else ()
        before = sessions.load(connection, session.follows) if session.follows else None
    roles = network.vocabulary.roles
    present = sorted(sessions.present(listed))
    return page(
        request,
        "pack-chair.html",
        shown=shown(here, session),
        one=session,
        room=room,
        attending=[
            (named(one), ", ".join(roles[r].name for r in network.organisations[one].roles if r in roles))
            for one in present
            if one in network.organisations
        ],
        unsure=[named(one.organisation).name for one in listed if one.state == "invited"],
        slots=[
            (session.begins(slot), [each for each in (table.meetings if table else ()) if each.slot == slot])
            for slot in range(session.slots)
        ],
        table=table,
        earlier=[told_of(one, named, max(here.now().date(), session.day)) for one in earlier],
        before=before,
        named=named,
    )


def _both(here: Here, session: str) -> tuple[Session, timetables.Stored]:
    found = stored(here, session)
    with here.database.read() as connection:
        table = timetables.load(connection, found.id)
    if table is None:
        raise HTTPException(404, "This session has no timetable yet: make it first.")
    return found, table


def _attendee(here: Here, session: Session, organisation: str) -> OrganisationId:
    """Whoever is or was on the list: a calendar of who cancelled takes its meetings out."""
    with here.database.read() as connection:
        listed = {one.organisation for one in sessions.attendees(connection, session.id)}
    if organisation not in listed:
        raise HTTPException(404, "Nobody of this name is on the list of this session.")
    return OrganisationId(organisation)


def _name(network: Network) -> Callable[[OrganisationId], str]:
    named = naming(network.organisations)
    return lambda organisation: named(organisation).name


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:80] or "pack"


def _file(content: str | bytes, kind: str, name: str) -> Response:
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
