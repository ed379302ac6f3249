"""Who comes to a session, and who is missing from it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import UploadFile

from matcher.errors import CommonwealError
from matcher.inviting import resolved
from matcher.masking import mask
from matcher.network import Network
from matcher.places import UnknownPlaceError, can_meet
from matcher.records import Organisation, OrganisationId, Standing
from service.sessions import attending, inviting, sheets
from service.sessions.attending import FirstError
from service.sessions.sheets import Line
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
LABELS = {"state": "State", "arrives": "Arrives", "leaves": "Leaves", "note": "Note"}
FILTERS = ("name", "place", "role", "sector", "theme")
TOLD = 60  # of those just invited are named
Field = Annotated[str, Query(max_length=200)]
Invited = Annotated[list[str] | None, Query(max_length=TOLD)]


@dataclass(frozen=True, slots=True)
class Just:
    """What was just done to a list, as the address says."""

    invited: tuple[str, ...] = ()
    taken: int = 0
    off: str = ""


@router.get("/attendees")
def attendees(
    request: Request,
    here: Here,
    known: Coordinator,
    network: Current,
    session: str,
    name: Field = "",
    place: Field = "",
    role: Field = "",
    sector: Field = "",
    theme: Field = "",
    invited: Invited = None,
    taken: Annotated[int, Query(ge=0)] = 0,
    off: Field = "",
) -> HTMLResponse:
    """The list, and members to be asked.

    `invited` are those who were just put on it, `taken` how many rows of a sheet, `off` who was just taken off it.
    """
    wanted = {"name": name.strip(), "place": place.strip(), "role": role, "sector": sector, "theme": theme}
    just = Just(tuple(invited or ()), taken, off)
    return _attendees(request, here, network, stored(here, session), wanted, just=just)


@router.post("/attendees", response_model=None)
def ask(
    request: Request, here: Here, known: Coordinator, network: Current, session: str, sent: Sent
) -> HTMLResponse | RedirectResponse:
    """Puts members on the list as invited."""
    found, chosen = stored(here, session), organisation_ids(sent)
    wanted = {one: forms.text(sent, one) for one in FILTERS}
    try:
        if not chosen:
            raise attending.RefusedError("Nobody was ticked: tick the members to be put on the list.")
        changed = attending.ask(here, found.id, chosen, known.person.id)
    except CommonwealError as error:
        return _attendees(request, here, network, found, wanted, says=str(error), status=422)
    return RedirectResponse(f"{path_of(found)}/{_back(forms.text(sent, 'to'), wanted, changed)}", 303)


def _back(to: str, wanted: Mapping[str, str], invited: Sequence[OrganisationId]) -> str:
    """The page that an invitation was sent from, where on it, and who was invited."""
    if re.fullmatch(r"coalitions\?beyond=true(?:#[a-z0-9-]+)?", to):
        return to
    told = [("invited", one) for one in invited[:TOLD]]
    if re.fullmatch(r"missing(?:#[a-z0-9-]+)?", to):
        return f"missing?{urlencode(told)}" if told else "missing"
    query = urlencode([*((name, value) for name, value in wanted.items() if value), *told])
    return f"attendees?{query}" if query else "attendees"


@router.post("/attendees/copy")
def copy(here: Here, known: Coordinator, session: str) -> RedirectResponse:
    """Invites whoever was at the session before."""
    found = stored(here, session)
    attending.copy(here, found.id, known.person.id)
    return RedirectResponse(f"{path_of(found)}/attendees", 303)


@router.post("/attendees/mail", response_model=None)
def mail(
    request: Request, here: Here, known: Coordinator, network: Current, session: str, sent: Sent
) -> HTMLResponse | RedirectResponse:
    """The invitation to those who were shown as invited and not mailed before."""
    found = stored(here, session)
    try:
        inviting.send(here, found.id, known.person.id, organisation_ids(sent))
    except CommonwealError as error:
        return _attendees(request, here, network, found, {}, says=str(error), status=409)
    return RedirectResponse(f"{path_of(found)}/attendees#mails", 303)


@router.post("/attendees/one", response_model=None)
def settle(
    request: Request, here: Here, known: Coordinator, network: Current, session: str, sent: Sent
) -> HTMLResponse | RedirectResponse:
    """How one of them stands; with `off` it is taken off the list."""
    found, organisation = stored(here, session), OrganisationId(forms.text(sent, "organisation"))
    typed = {name: forms.text(sent, name) for name in attending.FACTS}
    seen = forms.number(forms.text(sent, "seen"))
    try:
        if forms.text(sent, "off"):
            attending.take_off(here, found.id, organisation, known.person.id, seen)
            return RedirectResponse(f"{path_of(found)}/attendees?{urlencode({'off': organisation})}", 303)
        attending.settle(here, found.id, organisation, known.person.id, seen, typed)
    except FirstError as error:
        now = attending.cells(attending.facts(error.now))
        return _attendees(
            request,
            here,
            network,
            found,
            {},
            says=str(error),
            status=409,
            typed={organisation: typed},
            differs=forms.differences(now, typed, LABELS),
        )
    except CommonwealError as error:
        return _attendees(request, here, network, found, {}, says=str(error), status=422, typed={organisation: typed})
    return RedirectResponse(f"{path_of(found)}/attendees#at-{organisation}", 303)


@router.post("/attendees/sheet", response_model=None)
def sheet(
    request: Request, here: Here, known: Coordinator, network: Current, session: str, sent: Sent
) -> HTMLResponse | RedirectResponse:
    """What a sheet would do; with `take`, its rows that hold are stored."""
    found = stored(here, session)
    late: tuple[Line, ...] = ()
    try:
        raw = _uploaded(sent.get("sheet")) or forms.text(sent, "rows").encode()
        looked = sheets.read(here, found.id, raw)
        if forms.text(sent, "take"):
            done = sheets.take(here, found.id, looked.lines, known.person.id)
            late, count = done.late, done.count
            if not late:
                return RedirectResponse(f"{path_of(found)}/attendees?taken={count}", 303)
            looked = sheets.read(here, found.id, raw)
    except CommonwealError as error:
        return _attendees(request, here, network, found, {}, says=str(error), status=422)
    lines = looked.lines
    return page(
        request,
        "session-sheet.html",
        status=409 if late else 200,
        shown=shown(here, found),
        one=found,
        notes=looked.notes,
        late=[naming(network.organisations)(one.organisation.id).name for one in late if one.organisation],
        faulty=[one for one in lines if one.fault],
        holding=[(one, sheets.changes(one)) for one in lines if one.holds],
        same=sum(one.is_same and not one.fault for one in lines),
        rows=sheets.written(lines),
    )


def _uploaded(file: Any) -> bytes:
    if not isinstance(file, UploadFile) or not file.filename:
        return b""
    with file.file as opened:
        raw = opened.read(LARGEST + 1)
    if len(raw) > LARGEST:
        says = f"The sheet has more than {LARGEST:,} bytes: only the list of attendees is wanted."
        raise attending.RefusedError(says)
    return raw


@router.get("/missing")
def missing(
    request: Request, here: Here, known: Coordinator, network: Current, session: str, invited: Invited = None
) -> HTMLResponse:
    """Who is missing, and who could fill each gap. `invited` are those who were just put on the list."""
    found = stored(here, session)
    with here.database.read() as connection:
        room = room_of(here, connection, network, found)
        listed = {one.organisation for one in sessions.attendees(connection, found.id)}
    return page(
        request,
        "session-missing.html",
        shown=shown(here, found),
        one=found,
        room=room,
        named=naming(network.organisations),
        invited=_names(network, [one for one in invited or () if one in listed]),
    )


def _attendees(
    request: Request,
    here: Here,
    network: Network,
    session: Session,
    wanted: Mapping[str, str],
    *,
    just: Just = Just(),
    says: str = "",
    status: int = 200,
    typed: Mapping[OrganisationId, Mapping[str, str]] | None = None,
    differs: Sequence[tuple[str, str, str]] = (),
) -> HTMLResponse:
    with here.database.read() as connection:
        listed = sessions.attendees(connection, session.id)
        before = sessions.load(connection, session.follows) if session.follows else None
        post = inviting.post(connection, session.id)
    named = naming(network.organisations)
    on_list = {one.organisation for one in listed}
    members = [one for one in network.organisations.values() if one.standing is Standing.MEMBER]
    found = _narrowed([one for one in members if one.id not in on_list], network, wanted)
    roles = network.vocabulary.roles
    return page(
        request,
        "session-attendees.html",
        status=status,
        shown=shown(here, session),
        one=session,
        listed=[
            (
                named(each.organisation),
                each,
                (typed or {}).get(each.organisation) or attending.cells(attending.facts(each)),
            )
            for each in sorted(listed, key=lambda each: (not each.is_present, named(each.organisation).name.casefold()))
        ],
        counts={state: sum(each.state is state for each in listed) for state in Attendance},
        opened=set(typed or ()),
        differs=differs,
        found=[
            (named(one.id), ", ".join(roles[role].name for role in one.roles if role in roles)) for one in found[:MOST]
        ],
        more=max(0, len(found) - MOST),
        wanted={name: wanted.get(name, "") for name in FILTERS},
        vocabulary=network.vocabulary,
        states=list(Attendance),
        too_many=attending.too_many(session, listed),
        before=before,
        invited=_names(network, [one.organisation for one in listed if one.organisation in just.invited]),
        taken=just.taken,
        off=_names(network, [just.off] if just.off not in on_list else []),
        off_was_mailed=just.off in post.mailed,
        post=post,
        to_mail=[named(one) for one in post.to_mail],
        unreachable=[named(one).name for one in post.unreachable],
        lost=[named(one).name for one in post.lost],
        says=says,
    )


def _names(network: Network, ids: Sequence[str]) -> list[str]:
    found = (network.organisations.get(OrganisationId(one)) for one in ids)
    return [mask(one.name) for one in found if one is not None]


def _narrowed(members: Sequence[Organisation], network: Network, wanted: Mapping[str, str]) -> list[Organisation]:
    name, role, sector, theme = (wanted.get(key, "") for key in ("name", "role", "sector", "theme"))
    on_theme = {one.organisation for one in network.listings.values() if theme in one.themes} if theme else set()
    is_near = _near(network, wanted.get("place", ""))
    found = (
        one
        for one in members
        if name.casefold() in one.name.casefold()
        and (not role or role in one.roles)
        and (not sector or sector in one.sectors)
        and (not theme or one.id in on_theme)
        and is_near(one)
    )
    return sorted(found, key=lambda one: one.name.casefold())


def _near(network: Network, place: str) -> Callable[[Organisation], bool]:
    """Whether an organisation is within reach of a place; of one that nobody knows, whether its words name it."""
    if not place:
        return lambda one: True
    try:
        wanted = network.gazetteer.resolve(place)
    except UnknownPlaceError:
        return lambda one: place.casefold() in " ".join(one.places).casefold()
    return lambda one: bool(its := resolved(network, one.places)) and can_meet(wanted, its)
