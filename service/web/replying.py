"""Replying by the link in a mail, without signing in. Its token is its only authority, and opens nothing else."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from service import introductions
from service.introductions import AnsweredError, ClosedError, UnknownSuggestionError
from service.reply_links import read_address
from service.signing import LinkError
from service.store import people, suggested
from service.store.introductions import Via
from service.web import access, consent
from service.web.access import Here
from service.web.consent import REASONS, Done
from service.web.rendering import page
from service.web.suggestions import Text, answered
from service.wiring import Commonweal

router = APIRouter(
    include_in_schema=False, default_response_class=HTMLResponse, dependencies=[Depends(access.plain_form)]
)


@router.get("/reply/{token}")
def look(request: Request, here: Here, token: str, done: str = "") -> HTMLResponse:
    """One suggestion with the buttons to reply. Nothing is replied by looking, nor by what looks at mails."""
    return _by_link(request, here, token, done=done)


@router.post("/reply/{token}", response_model=None)
def reply_by_link(
    request: Request,
    here: Here,
    token: str,
    answer: Annotated[str, Form()] = "",
    no: Text = "",
    words: Text = "",
    undo: Annotated[str, Form()] = "",
) -> Response:
    try:
        key, organisation, person = read_address(here, token)
        if undo:
            introductions.take_back(here, organisation, key, person, via=Via.LINK)
        else:
            said, why = answered(answer, no, words)
            introductions.reply(here, organisation, key, person, said, why=why, via=Via.LINK)
    except (AnsweredError, ClosedError, UnknownSuggestionError, LinkError) as error:
        return _by_link(request, here, token, notice=str(error))
    return RedirectResponse(f"{request.url.path}?done={Done.UNDO if undo else Done.REPLY}#said", 303)


def _by_link(request: Request, here: Commonweal, token: str, *, notice: str = "", done: str = "") -> HTMLResponse:
    """Whoever has the link speaks for the organisation, and is not signed in: no contact detail stands here."""
    try:
        key, organisation, person = read_address(here, token)
    except LinkError as error:
        return page(request, "reply.html", status=410, one=None, notice=str(error), reasons=REASONS)
    with here.database.read() as connection:
        acts = organisation in people.acts_for(connection, person)
        found = suggested.find(connection, organisation, key) if acts else None
        if found is None:
            says = "This link does not work any more: you do not act for the organisation, or the suggestion is gone."
            return page(request, "reply.html", status=410, one=None, notice=says, reasons=REASONS)
        one = consent.shown(found, consent.reading(connection, organisation, (found,), here.now()))
        emailed = consent.emailed(connection, found, organisation, person, here.now())
    return page(
        request,
        "reply.html",
        status=409 if notice else 200,
        one=one,
        emailed=emailed,
        notice=notice,
        told=one.told(done),
        reasons=REASONS,
    )
