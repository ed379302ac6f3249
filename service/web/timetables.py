"""A session's timetable: solved, repaired, and moved by hand."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from matcher.errors import CommonwealError
from matcher.network import Network
from matcher.records import OrganisationId
from matcher.timetable import Meeting, couple
from service.sessions import preparing, timetabling
from service.store import sessions, timetables
from service.store.sessions import Session
from service.web import access, forms
from service.web.access import Coordinator, Here
from service.web.forms import Sent
from service.web.pages import Current
from service.web.presenting import naming
from service.web.rendering import page
from service.web.sessions import path_of, shown, stored

router = APIRouter(
    prefix="/desk/sessions/{session}",
    include_in_schema=False,
    default_response_class=HTMLResponse,
    dependencies=[Depends(access.checked_form)],
)


@router.get("/timetable")
def timetable(
    request: Request,
    here: Here,
    known: Coordinator,
    network: Current,
    session: str,
    preview: str = "",
    others: Annotated[int, Query(ge=0)] = 0,
) -> HTMLResponse:
    """Slots and tables; with `preview` what solving would change. `others` were moved for the one just put."""
    return _timetable(request, here, network, stored(here, session), preview, others=others)


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


@router.post("/timetable/move", response_model=None)
def move(
    request: Request, here: Here, known: Coordinator, network: Current, session: str, sent: Sent
) -> HTMLResponse | RedirectResponse:
    """Puts a meeting where it is to stay, and repairs the rest around it; with `free` it may be moved again."""
    found = stored(here, session)
    pair = couple(*(OrganisationId(forms.text(sent, name)) for name in ("one", "other")))
    others = 0
    seen, slot, table = (forms.number(forms.text(sent, name)) for name in ("seen", "slot", "table"))
    try:
        if forms.text(sent, "free"):
            timetabling.release(here, found.id, pair, seen=seen)
        else:
            solved = timetabling.move(here, found.id, Meeting(*pair, slot, table), seen=seen)
            others = sum(after.couple != pair for _, after in solved.moved) + len(solved.gone)
    except timetabling.TakenError as error:
        named = naming(network.organisations)
        by = f" It is {named(error.by.one).name} with {named(error.by.other).name}." if error.by else ""
        return _timetable(request, here, network, found, says=f"{error}{by}", status=409)
    except CommonwealError as error:
        return _timetable(request, here, network, found, says=str(error), status=409)
    return RedirectResponse(f"{path_of(found)}/timetable?others={others}#m-{'-'.join(pair)}", 303)


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
    others: int = 0,
) -> HTMLResponse:
    named = naming(network.organisations)
    with here.database.read() as connection:
        table = timetables.load(connection, session.id)
        wanted = timetabling.pairs(connection, session.id)
        listed = sessions.attendees(connection, session.id)
        seated = preparing.seated(connection, session, listed)
    met = {one for each in (table.meetings if table else ()) for one in each.couple}
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
            (session.begins(slot), [each for each in (table.kept if table else ()) if each.meeting.slot == slot])
            for slot in range(session.slots)
        ],
        begins=[session.begins(slot) for slot in range(session.slots)],
        unplaced=[(pair, _why(why, named)) for pair, why in table.unplaced.items() if pair in wanted] if table else [],
        placed=seated.placed if seated else 0,
        misfits=seated.misfits if seated else (),
        change=change,
        others=others,
        idle=[named(one).name for one in sessions.present(listed) if one not in met] if table else [],
        named=named,
        says=says,
    )


def _why(why: str, named: Any) -> str:
    """A reason, with the organisation's name in the place of its id."""
    who = re.match(r"(\S+) meets others", why)
    return why.replace(who[1], named(who[1]).name, 1) if who else why
