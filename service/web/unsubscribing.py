"""No digests, or none for a while: by the link in a digest, without signing in. Its token is its only authority."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from matcher.records import OrganisationId
from service.digests import UNSUBSCRIBE
from service.signing import LinkError
from service.stationery import day
from service.store import members, people
from service.store.people import Acting
from service.web.access import Here
from service.web.rendering import page
from service.wiring import Commonweal

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

PAUSES = {"4-weeks": timedelta(weeks=4), "3-months": timedelta(weeks=13)}
ONE_CLICK = "One-Click"
"""What a mail program posts for its reader (RFC 8058)."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """One person's digests of one organisation."""

    acting: Acting
    organisation: str


@router.get("/unsubscribe/{token}")
def look(request: Request, here: Here, token: str) -> HTMLResponse:
    return _page(request, here, _read(here, token))


@router.post("/unsubscribe/{token}")
def choose(
    request: Request,
    here: Here,
    token: str,
    choice: Annotated[str, Form()] = "",
    one_click: Annotated[str, Form(alias="List-Unsubscribe")] = "",
) -> Response:
    """By the page's own form, or by a mail program, which gets no redirect."""
    subscribed = _read(here, token)
    chosen = "none" if one_click == ONE_CLICK else choice
    today = here.now().date()
    if chosen not in ("none", "again", *PAUSES):
        raise HTTPException(422, "Choose one of the buttons on the page.")
    with here.database.write() as connection:
        people.choose_digest(
            connection,
            subscribed.acting.person.id,
            subscribed.acting.organisation,
            digest=chosen != "none",
            from_=today + PAUSES[chosen] if chosen in PAUSES else None,
        )
    if one_click == ONE_CLICK:
        return _page(request, here, _read(here, token))
    return RedirectResponse(request.url.path, 303)


def _read(here: Commonweal, token: str) -> Subscribed:
    try:
        person, organisation = here.signing.read(UNSUBSCRIBE, token, 2)
    except LinkError as error:
        raise HTTPException(404, str(error)) from None
    id_ = OrganisationId(organisation)
    with here.database.read() as connection:
        acting = next((one for one in people.of(connection, id_) if one.person.id == person), None)
        stored = members.organisation(connection, id_)
    if acting is None or stored is None:
        raise HTTPException(404, "Nothing is sent by this any more: you do not act for this organisation.")
    return Subscribed(acting, stored.record.name)


def _page(request: Request, here: Commonweal, subscribed: Subscribed) -> HTMLResponse:
    acting, today = subscribed.acting, here.now().date()
    return page(
        request,
        "unsubscribe.html",
        organisation=subscribed.organisation,
        state="off" if not acting.digest else "paused" if _is_paused(acting.digest_from, today) else "on",
        until=day(acting.digest_from) if acting.digest_from else "",
    )


def _is_paused(digest_from: date | None, today: date) -> bool:
    return digest_from is not None and digest_from > today
