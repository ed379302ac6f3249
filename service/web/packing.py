"""What is printed and sent from a session's timetable: packs, calendars, a sheet."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from matcher.network import Network
from matcher.records import Kind, OrganisationId
from matcher.vocabulary import Obstacle
from service.sessions import calendars, packs, preparing, timetabling
from service.store import promises, reviews, sessions, timetables
from service.store.sessions import Session
from service.web import access
from service.web.access import Coordinator, Here
from service.web.pages import Current
from service.web.presenting import Body, Card, cards, naming
from service.web.rendering import STATIC, page
from service.web.rooms import told_of
from service.web.sessions import room_of, shown, stored

router = APIRouter(
    prefix="/desk/sessions/{session}",
    include_in_schema=False,
    default_response_class=HTMLResponse,
    dependencies=[Depends(access.checked_form)],
)


@dataclass(frozen=True, slots=True)
class Met:
    """A meeting as the pack of one of the two has it; `said` is a coordinator's reason, empty where there is none."""

    begins: datetime
    table: int
    other: Body
    card: Card
    said: str
    obstacles: tuple[Obstacle, ...]


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
def every(request: Request, here: Here, known: Coordinator, network: Current, session: str) -> HTMLResponse:
    """Whose packs there are, and the calendars of those who had meetings and do not come any more."""
    found, named = stored(here, session), naming(network.organisations)
    with here.database.read() as connection:
        listed = sessions.attendees(connection, found.id)
        table = timetables.load(connection, found.id)
        seated = preparing.seated(connection, found, listed)
    counts = {one: len(timetabling.of(table.meetings if table else (), one)) for one in sessions.present(listed)}
    had = {one for kept in (*table.kept, *table.cancelled) for one in kept.meeting.couple} if table else set()
    gone = [named(one.organisation) for one in listed if not one.is_present and one.organisation in had]
    return page(
        request,
        "session-packs.html",
        shown=shown(here, found),
        one=found,
        packs=sorted(((named(one), count) for one, count in counts.items()), key=lambda pair: pair[0].name.casefold()),
        gone=sorted(gone, key=lambda one: one.name.casefold()),
        table=table,
        misfits=seated.misfits if seated else (),
    )


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
    """One attendee's: whom to meet, when, why, and what to ask first."""
    found = stored(here, session)
    who = _attendee(here, found, organisation)
    return _printed(_packs(request, here, network, found, who), organisation, pdf)


@router.get("/all-packs", response_model=None)
def all_packs(
    request: Request, here: Here, known: Coordinator, network: Current, session: str, pdf: bool = False
) -> Response:
    """Those of all who come, each on a sheet of its own."""
    return _printed(_packs(request, here, network, stored(here, session), None), "packs", pdf)


@router.get("/chairs-pack", response_model=None)
def chairs_pack(
    request: Request, here: Here, known: Coordinator, network: Current, session: str, pdf: bool = False
) -> Response:
    """The chair's: the room, its gaps, what was promised last time, and the timetable."""
    return _printed(_chair(request, here, network, stored(here, session)), "chair", pdf)


def _printed(made: HTMLResponse, name: str, pdf: bool) -> Response:
    """The page, or what it is as PDF."""
    if not pdf:
        return made
    try:
        printed = packs.pdf(bytes(made.body).decode(), (STATIC / "pack.css").read_text("utf-8"))
    except packs.NoPdfError as error:
        raise HTTPException(501, str(error)) from None
    return _file(printed, "application/pdf", f"{_plain(name)}.pdf")


def _packs(
    request: Request, here: Here, network: Network, session: Session, alone: OrganisationId | None
) -> HTMLResponse:
    """The pack of one attendee, or those of all, a sheet each."""
    named = naming(network.organisations)
    with here.database.read() as connection:
        table = timetables.load(connection, session.id)
        wanted = timetabling.pairs(connection, session.id)
        said = {one.pair: one.says for one in reviews.of(connection, session.id).values()}
        present = sessions.present(sessions.attendees(connection, session.id))

    def met(who: OrganisationId) -> Iterable[Met]:
        for meeting, other in timetabling.of(table.meetings if table else (), who):
            suggestion = wanted.get(meeting.couple)
            if suggestion is None:
                continue
            need, offer = suggestion.need, suggestion.offer
            (card,) = cards([suggestion], named, read_as=Kind.NEED if need.organisation == who else Kind.OFFER)
            obstacles = network.vocabulary.obstacles_of({need.resource, offer.resource}, need.text, offer.text)
            says = said.get(suggestion.pair, "")
            yield Met(session.begins(meeting.slot), meeting.table, named(other), card, says, tuple(obstacles))

    whose = [alone] if alone else sorted(present, key=lambda one: named(one).name.casefold())
    return page(
        request,
        "pack.html",
        shown=shown(here, session),
        one=session,
        packs=[(named(who), who in present, list(met(who))) for who in whose],
        table=table,
    )


def _chair(request: Request, here: Here, network: Network, session: Session) -> HTMLResponse:
    named = naming(network.organisations)
    with here.database.read() as connection:
        room = room_of(here, connection, network, session)
        table = timetables.load(connection, session.id)
        listed = sessions.attendees(connection, session.id)
        earlier = promises.of(connection, [session.follows]) if session.follows else ()
        before = sessions.load(connection, session.follows) if session.follows else None
        seated = preparing.seated(connection, session, listed)
    met = {one for each in (table.meetings if table else ()) for one in each.couple}
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
        idle=[named(one).name for one in present if one not in met] if table else [],
        misfits=seated.misfits if seated else (),
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
