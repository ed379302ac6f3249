"""Introductions: where each stands, who is to move and by when, whom to write to, and what came of it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from matcher.records import OrganisationId
from service import introductions
from service.introductions import UnknownSuggestionError
from service.letters import CHECKLIST
from service.store import introductions as stored
from service.store import suggested
from service.store.database import Connection
from service.store.introductions import Outcome, State
from service.store.people import Person
from service.telling import speaking
from service.web import access, consent
from service.web.access import Here, Member, Visitor
from service.web.consent import REASONS, Shown
from service.web.presenting import Body
from service.web.rendering import page
from service.web.suggestions import address, may_say_yes, sides_of, via

router = APIRouter(
    include_in_schema=False, default_response_class=HTMLResponse, dependencies=[Depends(access.checked_form)]
)

OUTCOMES = {
    Outcome.MET: "We met",
    Outcome.ARRANGED: "A meeting is arranged",
    Outcome.NO_ANSWER: "No answer",
    Outcome.NOT_GOING_AHEAD: "Not going ahead",
}


@router.get("/introductions")
def every(request: Request, here: Here, known: Member, organisation: str = "") -> HTMLResponse:
    """Those of each organisation that the reader acts for, the newest first, in the order of who is to move."""
    groups: list[tuple[Body, list[Shown]]] = []
    with here.database.read() as connection:
        for one in sides_of(known, organisation):
            begun = suggested.begun_for(connection, one)
            reading = consent.reading(connection, one, begun, here.now())
            groups.append((reading.named(one), [consent.shown(found, reading, briefly=True) for found in begun]))
    return page(request, "introductions.html", groups=groups, acts=bool(known.acts_for or organisation))


@router.get("/introductions/{key}")
def one(request: Request, here: Here, known: Member, key: str, organisation: str = "") -> HTMLResponse:
    """One introduction. Whom to write to is shown to the two sides' own people, when both have said yes."""
    with here.database.read() as connection:
        for side in sides_of(known, organisation):
            found = suggested.find(connection, side, key)
            if found is not None and found.introduction is not None:
                said = found.introduction.outcomes.get(side)
                since = found.introduction.introduced_at
                return page(
                    request,
                    "introduction.html",
                    one=consent.shown(found, consent.reading(connection, side, (found,), here.now())),
                    emailed=consent.emailed(connection, found, side, known.person.id, here.now()),
                    write_to=_write_to(connection, known, side, key),
                    outcomes=OUTCOMES,
                    asks=said is not None or (since is not None and since.date() < here.now().date()),
                    checklist=CHECKLIST,
                    said=said.outcome if said else None,
                    for_them=side not in known.acts_for,
                    may_say_yes=may_say_yes(connection, known, side),
                    reasons=REASONS,
                )
    raise HTTPException(404, "There is no such introduction for you.")


def _write_to(connection: Connection, known: Visitor, side: OrganisationId, key: str) -> tuple[Person, ...]:
    """Who speaks for the other side: for those who act for this one, and only where both said yes."""
    begun = stored.load(connection, key)
    if begun is None or begun.state is not State.INTRODUCED or side not in known.acts_for:
        return ()
    return speaking(connection, begun, stored.other_side(begun.suggestion, side))


@router.post("/introductions/{key}/outcome")
def outcome(
    here: Here,
    known: Member,
    key: str,
    organisation: Annotated[str, Form()],
    answer: Annotated[Outcome, Form()],
) -> RedirectResponse:
    (side,) = sides_of(known, organisation)
    try:
        introductions.say(here, side, key, known.person.id, answer, via=via(known, side))
    except UnknownSuggestionError:
        raise HTTPException(404, "There is no such introduction for you.") from None
    return RedirectResponse(address(f"/introductions/{key}", known, side), 303)
