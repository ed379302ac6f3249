"""Sessions: planned, changed, cancelled, and how far each is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from matcher.gaps import INVITEES, Lack, Room, gaps
from matcher.network import Network
from matcher.records import OrganisationId
from service.review import occasions
from service.sessions import convening, preparing
from service.sessions.convening import ChangedError, RefusedError, UnknownSessionError
from service.store import promises, rounds, sessions
from service.store.database import Connection
from service.store.reviews import Choice
from service.store.sessions import Session, State
from service.web import access, forms
from service.web.access import Coordinator, Here
from service.web.forms import Sent
from service.web.pages import Current
from service.web.presenting import long_date, naming
from service.web.rendering import page

router = APIRouter(
    prefix="/desk/sessions",
    include_in_schema=False,
    default_response_class=HTMLResponse,
    dependencies=[Depends(access.checked_form)],
)

LABELS = {
    "title": "What it is called",
    "themes": "Themes",
    "day": "Day",
    "starts": "First meeting at",
    "place": "Place",
    "venue": "Venue, or link",
    "online": "Online",
    "capacity": "Room for how many organisations",
    "slots": "Slots for one-to-one meetings",
    "slot_minutes": "Minutes each",
    "gap_minutes": "Minutes between",
    "tables": "Tables",
    "follows": "Follows the session",
}
NEW = {
    "starts": "14:00",
    "capacity": "25",
    "slots": "8",
    "slot_minutes": "15",
    "gap_minutes": "5",
    "tables": "12",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What every page of a session shows of it."""

    session: Session
    themes: tuple[str, ...]
    when: str
    where: str
    closed: str


def path_of(session: Session | str) -> str:
    return f"/desk/sessions/{session if isinstance(session, str) else session.id}"


def stored(here: Here, id_: str) -> Session:
    """The session of this address; else there is no such page."""
    with here.database.read() as connection:
        try:
            return convening.find(connection, id_)
        except UnknownSessionError:
            raise HTTPException(404, "No session is planned under this address.") from None


def shown(here: Here, session: Session) -> Shown:
    names = here.core.vocabulary.themes
    where = (part for part in ("Online" if session.online else "", session.place, convening.venue_of(session)) if part)
    end = session.ends(session.slots - 1)
    return Shown(
        session,
        tuple(names[key].name if key in names else key for key in session.themes),
        f"{session.day:%A} {long_date(session.day)}, meetings {session.starts:%H:%M} to {end:%H:%M}",
        ", ".join(where) or "No place yet",
        occasions.why_closed(session, here.now().date()),
    )


def room_of(here: Here, connection: Connection, network: Network, session: Session, invitees: int = INVITEES) -> Room:
    """Who is missing, and whom to ask instead, which takes longer than all the rest."""
    attendees = sessions.attendees(connection, session.id)
    return gaps(
        network,
        themes=session.themes,
        attendees=sessions.present(attendees),
        ranker=here.core.ranker,
        on=session.day,
        history=rounds.history(connection, session.day),
        places=(session.place,) if session.place else (),
        besides={one.organisation for one in attendees},
        invitees=invitees,
    )


@router.get("")
def every(request: Request, here: Here, known: Coordinator) -> HTMLResponse:
    """All sessions: those ahead, the next first, and those that are over."""
    today = here.now().date()
    with here.database.read() as connection:
        found = sessions.every(connection)
        counts = sessions.counts(connection)
    ahead = [one for one in reversed(found) if one.day >= today]
    over = [one for one in found if one.day < today]
    return page(
        request,
        "sessions.html",
        ahead=[(one, shown(here, one)) for one in ahead],
        over=[(one, shown(here, one)) for one in over],
        counts=counts,
        cancelled=State.CANCELLED,
    )


@router.get("/new")
def new(request: Request, here: Here, known: Coordinator) -> HTMLResponse:
    return _form(request, here, None, NEW)


@router.post("/new", response_model=None)
def make(request: Request, here: Here, known: Coordinator, sent: Sent) -> HTMLResponse | RedirectResponse:
    fields = _fields(sent)
    try:
        made = convening.make(here, known.person.id, fields)
    except RefusedError as error:
        return _form(request, here, None, fields, error.faults, 422)
    return RedirectResponse(path_of(made), 303)


@router.get("/{session}")
def one(request: Request, here: Here, known: Coordinator, network: Current, session: str) -> HTMLResponse:
    """How far it is, step by step."""
    found, named = stored(here, session), naming(network.organisations)
    how_far = preparing.prepared(here, found)
    with here.database.read() as connection:
        room = room_of(here, connection, network, found, invitees=0)
        before = sessions.load(connection, found.follows) if found.follows else None
        said = promises.of(connection, [one for one in (found.id, found.follows) if one])
    due = max(here.now().date(), found.day)
    paired = how_far.paired
    return page(
        request,
        "session.html",
        shown=shown(here, found),
        one=found,
        how_far=how_far,
        missing=[voice.name for voice in room.voices if voice.is_missing],
        sides=[gap.says for gap in room.gaps if gap.about in (Lack.SIDE, Lack.SECTOR)],
        remarks=room.says,
        names={name: [named(id_).name for id_ in getattr(paired, name)] for name in ("left_out", "come", "gone")}
        if paired
        else {},
        undecided=paired.decided.get(Choice.UNDECIDED, 0) if paired else 0,
        reports_due=sum(each.kept_at is None and each.due is not None and each.due <= due for each in said),
        before=before,
        states=State,
    )


@router.get("/{session}/edit")
def edit(request: Request, here: Here, known: Coordinator, session: str) -> HTMLResponse:
    found = stored(here, session)
    return _form(request, here, found, convening.typed(found))


@router.post("/{session}/edit", response_model=None)
def change(
    request: Request, here: Here, known: Coordinator, session: str, sent: Sent
) -> HTMLResponse | RedirectResponse:
    found, fields = stored(here, session), _fields(sent)
    try:
        convening.change(here, found.id, forms.number(forms.text(sent, "seen")), fields)
    except RefusedError as error:
        return _form(request, here, found, fields, error.faults, 422)
    except ChangedError as error:
        return _form(request, here, error.now, fields, status=409, says=str(error))
    return RedirectResponse(path_of(found), 303)


@router.get("/{session}/cancel")
def ask_to_cancel(request: Request, here: Here, known: Coordinator, session: str) -> HTMLResponse:
    """Says what cancelling is, before it is done."""
    found = stored(here, session)
    told = (
        "It stays on record, and can be planned again.",
        "Nobody is mailed: tell those who come. The calendar files under Packs take the meetings out of calendars.",
    )
    return page(
        request,
        "sure.html",
        heading="Cancel this session?",
        title=found.title,
        back=path_of(found),
        told=told,
        action=f"{path_of(found)}/cancel",
        hidden={"seen": found.version},
        button="Cancel the session",
    )


@router.post("/{session}/cancel")
def cancel(here: Here, known: Coordinator, session: str, sent: Sent) -> RedirectResponse:
    return _turned(here, session, convening.cancel, sent)


@router.post("/{session}/plan-again")
def plan_again(here: Here, known: Coordinator, session: str, sent: Sent) -> RedirectResponse:
    return _turned(here, session, convening.plan_again, sent)


def _turned(here: Here, session: str, turn: Any, sent: Any) -> RedirectResponse:
    found = stored(here, session)
    try:
        turn(here, found.id, forms.number(forms.text(sent, "seen")))
    except ChangedError as error:
        raise HTTPException(409, str(error)) from None
    return RedirectResponse(path_of(found), 303)


def _fields(sent: Any) -> dict[str, str]:
    fields = {name: forms.text(sent, name) for name in LABELS}
    return fields | {"themes": " ".join(forms.texts(sent, "themes"))}


def _form(
    request: Request,
    here: Here,
    session: Session | None,
    fields: Mapping[str, str],
    faults: Mapping[str, str] | None = None,
    status: int = 200,
    says: str = "",
) -> HTMLResponse:
    with here.database.read() as connection:
        others = [one for one in sessions.every(connection) if session is None or one.id != session.id]
    now = convening.typed(session) if session and status == 409 else {}
    return page(
        request,
        "session-edit.html",
        status=status,
        session=session,
        fields={name: fields.get(name, "") for name in LABELS},
        faults=faults or {},
        labels=LABELS,
        themes=list(here.core.vocabulary.themes.values()),
        others=[(one.id, f"{one.title}, {long_date(one.day)}") for one in others],
        says=says,
        changed=forms.differences(now, fields, LABELS) if now else [],
    )


def organisation_ids(sent: Any) -> list[OrganisationId]:
    return [OrganisationId(one) for one in forms.texts(sent, "organisation")]
