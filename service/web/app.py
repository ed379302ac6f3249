"""The application: routes put together, and every refusal in words."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.staticfiles import StaticFiles

from service.delivery import Postman
from service.store.database import DatabaseError
from service.web import (
    access,
    api,
    attendees,
    coalitions,
    desk,
    finding,
    introductions,
    joining,
    limits,
    listings,
    organisations,
    oversight,
    packing,
    pages,
    reference,
    replying,
    reviewing,
    rooms,
    sessions,
    signin,
    suggestions,
    timetables,
    unsubscribing,
    writing,
)
from service.web.access import SignInNeeded, Visiting
from service.web.guard import Guard
from service.web.rendering import STATIC, page
from service.web.warming import NotReadyError, Warming
from service.wiring import VERSION, Commonweal

log = logging.getLogger(__name__)

HOSTS = ("127.0.0.1", "localhost", "[::1]")
"""This machine's own names. Besides these only the one in COMMONWEAL_BASE_URL is answered: another site may point its
name here, and would be one of ours to a browser."""

DESCRIPTION = """\
Commonweal suggests which organisation should meet which: who offers what another needs, each in its own words.

There is one question to ask, and it changes nothing. An answer names organisations and says why, never whom to write \
to: contact details pass only when both sides have said yes, and those inside texts are hidden.

A program asks for a person, with a token of theirs: `commonweal user token` makes one. It is told what \
that person may see."""
TAGS = [
    {"name": "matching", "description": "Whom a need or an offer could meet."},
    {"name": "operation", "description": "For whoever keeps it running."},
]


PARTS = (
    suggestions,
    introductions,
    api,
    signin,
    unsubscribing,
    replying,
    joining,
    desk,
    reviewing,
    sessions,
    attendees,
    coalitions,
    rooms,
    timetables,
    packing,
    oversight,
    pages,
    finding,
    writing,
    listings,
    organisations,
)
"""What has routes, the most visited first. The addresses of `organisations` come last: an id may hold whatever theirs
hold."""


def create_app(commonweal: Commonweal) -> FastAPI:
    """Pages and API of this Commonweal. Indexes are made and mails delivered in the background once it starts."""
    warming, postman = Warming(commonweal), Postman(commonweal)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        warming.start()
        postman.start()
        yield
        postman.stop()
        warming.stop()

    app = FastAPI(
        title="Commonweal",
        summary="Whom a need or an offer could meet, and why.",
        description=DESCRIPTION,
        version=VERSION,
        openapi_tags=TAGS,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.commonweal = commonweal
    app.state.warming = warming
    app.state.postman = postman
    app.state.limiter = limits.limiter()
    for part in PARTS:
        app.include_router(part.router)
    app.add_api_route("/api", api_reference, include_in_schema=False, response_class=HTMLResponse)
    app.mount("/static", _KeptFiles(directory=STATIC))
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(NotReadyError, _not_ready)
    app.add_exception_handler(SignInNeeded, _signed_out)
    app.add_exception_handler(DatabaseError, _no_database)
    address = urlsplit(commonweal.settings.address)
    hosts = [*HOSTS, address.hostname or ""]
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
    app.add_middleware(Guard, broken=_broken, is_secure=address.scheme == "https")
    return app


class _KeptFiles(StaticFiles):
    """Files of ours. Their addresses change with their content."""

    def file_response(self, *args: object, **options: object) -> Response:
        response = super().file_response(*args, **options)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def api_reference(request: Request, known: Visiting) -> HTMLResponse:
    """What the API takes and gives."""
    openapi = request.app.openapi()
    return page(
        request,
        "api.html",
        description=openapi["info"]["description"].split("\n\n"),
        operations=reference.operations(openapi, str(request.base_url).rstrip("/")),
        models=reference.models(openapi),
    )


SAYS = {
    404: "There is no page at this address.",
    405: "This cannot be done at this address.",
}


def _signed_out(request: Request, error: Exception) -> Response:
    """Sends people to where they sign in, and back from there to the page they wanted."""
    assert isinstance(error, SignInNeeded)
    wanted = error.to if request.method in ("GET", "HEAD") else "/"
    return RedirectResponse(signin.sign_in_path(wanted), 303)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    own_words = error.detail != HTTPStatus(error.status_code).phrase
    says = error.detail if own_words else SAYS.get(error.status_code, error.detail)
    response = _told_to_visitor(request, error.status_code, says)
    response.headers.update(error.headers or {})
    return response


def _unreadable(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = api.faults_in(error.errors())
    says = "The question cannot be read: " + "; ".join(f"{fault.field}: {fault.says}" for fault in faults)
    return _told(request, 422, says, faults)


def _not_ready(request: Request, _error: Exception) -> Response:
    response = _told(
        request, 503, "Commonweal is reading its listings and will be ready in a moment.", template="waiting.html"
    )
    response.headers["Retry-After"] = "5"
    return response


def _no_database(request: Request, error: Exception) -> Response:
    log.error("%s", error)
    if "locked" in str(error):
        says = "The database is in use by something else just now. Try again in a few seconds."
    else:
        says = "The database cannot be used just now. The log of `commonweal serve` says why."
    return _told(request, 503, says)


BROKEN = (
    "Something broke here, and not through what you did. Tell your coordinator what you were doing; "
    "the log of `commonweal serve` says where it broke."
)


async def _broken(request: Request) -> Response:
    return _told(request, 500, BROKEN)


def _told(
    request: Request, status: int, says: str, faults: list[api.Fault] | None = None, template: str = "problem.html"
) -> Response:
    """The same sentence as a page for people and as JSON for programs."""
    path = request.url.path
    if path.startswith("/api/") or path == "/healthz":
        return JSONResponse(api.Problem(detail=says, faults=faults or []).model_dump(), status)
    return page(request, template, status=status, says=says, title=TITLES.get(status, "This did not work"))


def _told_to_visitor(request: Request, status: int, says: str) -> Response:
    """The same on a page that also knows who is signed in, where no route has asked that yet."""
    if not hasattr(request.state, "visitor"):
        with suppress(DatabaseError):
            access.visitor(request, access.running(request))
    return _told(request, status, says)


TITLES = {
    403: "Not for you",
    404: "Not found",
    405: "Not possible here",
    409: "Somebody was first",
    422: "This cannot be read",
    429: "Too often",
    500: "Something broke",
    503: "Not just now",
}
