"""What was suggested to an organisation, and its replies."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from matcher.records import OrganisationId
from service import introductions
from service.introductions import AnsweredError, ClosedError, UnknownSuggestionError
from service.store import rounds, suggested
from service.store.introductions import Answer, Via
from service.web import access, consent
from service.web.access import Here, Member, Visitor
from service.web.consent import REASONS, Shown
from service.web.presenting import Body, naming
from service.web.rendering import page
from service.wiring import Commonweal

router = APIRouter(
    include_in_schema=False, default_response_class=HTMLResponse, dependencies=[Depends(access.checked_form)]
)
Text = Annotated[str, Form(max_length=introductions.LONGEST_WHY)]


@router.get("/suggestions")
def every(request: Request, here: Here, known: Member, organisation: str = "") -> HTMLResponse:
    """This week's suggestions and those before, for each organisation that the reader acts for."""
    now = here.now()
    groups: list[tuple[Body, list[Shown], list[Shown]]] = []
    with here.database.read() as connection:
        for one in sides_of(known, organisation):
            found = suggested.released_for(connection, one)
            reading = consent.reading(connection, one, found, now)
            shown = [consent.shown(each, reading) for each in found]
            this_week = rounds.week_of(now.date())
            fresh = [each for each in shown if each.may_agree or each.week.week == this_week]
            groups.append((naming(reading.organisations)(one), fresh, [each for each in shown if each not in fresh]))
    return page(request, "suggestions.html", groups=groups, reasons=REASONS, acts=bool(known.acts_for or organisation))


@router.get("/suggestions/{key}")
def one(request: Request, here: Here, known: Member, key: str, organisation: str = "") -> HTMLResponse:
    return _page(request, here, known, key, organisation)


@router.post("/suggestions/{key}/reply", response_model=None)
def reply(
    request: Request,
    here: Here,
    known: Member,
    key: str,
    organisation: Annotated[str, Form()],
    answer: Annotated[str, Form()] = "",
    no: Text = "",
    words: Text = "",
) -> Response:
    """`answer`, or `no`: why it is not for the organisation."""
    (side,) = sides_of(known, organisation)
    said, why = answered(answer, no, words)
    try:
        introductions.reply(here, side, key, known.person.id, said, why=why, via=via(known, side))
    except UnknownSuggestionError as error:
        raise HTTPException(404, str(error)) from None
    except (AnsweredError, ClosedError) as error:
        return _page(request, here, known, key, organisation, notice=str(error))
    return RedirectResponse(address(f"/suggestions/{key}", known, side), 303)


@router.post("/suggestions/{key}/undo", response_model=None)
def undo(request: Request, here: Here, known: Member, key: str, organisation: Annotated[str, Form()]) -> Response:
    (side,) = sides_of(known, organisation)
    try:
        introductions.take_back(here, side, key, known.person.id, via=via(known, side))
    except UnknownSuggestionError as error:
        raise HTTPException(404, str(error)) from None
    except (AnsweredError, ClosedError) as error:
        return _page(request, here, known, key, organisation, notice=str(error))
    return RedirectResponse(address(f"/suggestions/{key}", known, side), 303)


def sides_of(known: Visitor, organisation: str) -> tuple[OrganisationId, ...]:
    """The one that is named, where the visitor may act for it; else all that they act for."""
    if not organisation:
        return known.acts_for
    return (access.acted_for(known, organisation),)


def via(known: Visitor, organisation: OrganisationId) -> Via:
    """A coordinator who acts for an organisation besides is one of its people."""
    return Via.PAGE if organisation in known.acts_for else Via.COORDINATOR


def answered(answer: str, no: str, words: str) -> tuple[Answer, str]:
    """What the buttons say, and why, as far as somebody said so."""
    why = ": ".join(part for part in ("" if no == "other" else no.strip(), words.strip()) if part)
    if no:
        return Answer.NOT_FOR_US, why
    try:
        return Answer(answer), why
    except ValueError:
        raise HTTPException(422, "Choose one of the buttons on the page.") from None


def _page(
    request: Request, here: Commonweal, known: Visitor, key: str, organisation: str, notice: str = ""
) -> HTMLResponse:
    with here.database.read() as connection:
        for side in sides_of(known, organisation):
            found = suggested.find(connection, side, key)
            if found is not None:
                reading = consent.reading(connection, side, (found,), here.now())
                shown = consent.shown(found, reading)
                status = 409 if notice else 200
                return page(request, "suggestion.html", status=status, one=shown, reasons=REASONS, notice=notice)
    raise HTTPException(404, "There is no such suggestion for you.")


def address(path: str, known: Visitor, side: OrganisationId) -> str:
    """The page at this path as this side reads it."""
    return path if known.acts_for == (side,) else f"{path}?{urlencode({'organisation': side})}"
