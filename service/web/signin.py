"""Signing in by a mailed link, signing out, and one's own account."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.background import BackgroundTask

from matcher.records import OrganisationId
from service import signin
from service.signing import LinkError
from service.store import members, people, visits
from service.web import access, limits
from service.web.access import Here, Member, Visiting
from service.web.presenting import long_date
from service.web.rendering import page
from service.wiring import Commonweal

router = APIRouter(
    include_in_schema=False, default_response_class=HTMLResponse, dependencies=[Depends(access.checked_form)]
)

LONGEST = 320  # of a mail address
BROWSERS = (("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (("Android", "Android"), ("iPhone", "an iPhone"), ("iPad", "an iPad"), ("Windows", "Windows"),
           ("Mac OS", "a Mac"), ("Linux", "Linux"))  # fmt: skip
"""What browsers say of themselves, told apart by the first sign that is there: most claim to be others as well."""


@router.get("/")
def front(request: Request, known: Visiting) -> Response:
    """For strangers what this is; for others what waits for them."""
    if known is None:
        return page(request, "front.html")
    return RedirectResponse("/desk" if known.is_coordinator else "/suggestions", 303)


@router.get("/sign-in")
def sign_in(request: Request, known: Visiting, to: str = "/") -> HTMLResponse:
    return page(request, "sign-in.html", to=signin.safe_path(to), email="", says="")


@router.post("/sign-in")
def send_link(
    request: Request, here: Here, email: Annotated[str, Form()] = "", to: Annotated[str, Form()] = "/"
) -> Response:
    """Whether the address is known is not told: neither in words nor by how long the answer takes."""
    email, to = email.strip(), signin.safe_path(to)
    if not 3 <= len(email) <= LONGEST or "@" not in email:
        says = "Enter an email address, such as jo@example.org."
        return page(request, "sign-in.html", status=422, to=to, email=email[:LONGEST], says=says)
    limits.check(request, "sign-in", per_client="20/hour", key=people.address(email))
    later = BackgroundTask(_send, request, here, email, to)
    return RedirectResponse("/sign-in/sent", 303, background=later)


def _send(request: Request, here: Commonweal, email: str, to: str) -> None:
    if signin.request_link(here, email, to):
        request.app.state.postman.nudge()


@router.get("/sign-in/sent")
def sent(request: Request, here: Here, known: Visiting) -> HTMLResponse:
    is_posted = bool(here.settings.smtp_host)
    return page(request, "sign-in-sent.html", is_posted=is_posted, minutes=int(signin.LINK_LASTS.total_seconds() // 60))


@router.get("/sign-in/{token}")
def confirm(request: Request, here: Here, known: Visiting, token: str) -> HTMLResponse:
    """Opens the link without using it up: programs that look at mails do that, too."""
    try:
        person = signin.look_at(here, token)
    except (LinkError, signin.UsedError) as error:
        return page(request, "sign-in.html", status=410, to="/", email="", says=str(error))
    return page(request, "sign-in-confirm.html", person=person)


@router.post("/sign-in/{token}")
def enter(request: Request, here: Here, token: str) -> Response:
    try:
        begun = signin.use(here, token, request.headers.get("user-agent", ""))
    except (LinkError, signin.UsedError) as error:
        return page(request, "sign-in.html", status=410, to="/", email="", says=str(error))
    response = RedirectResponse(begun.goes_to, 303)
    access.begin(response, here, begun.token)
    return response


@router.post("/sign-out")
def sign_out(here: Here, known: Member) -> RedirectResponse:
    signin.end(here, known.person.id, known.visit.id)
    response = RedirectResponse("/", 303)
    access.end(response, here)
    return response


@router.get("/account")
def account(request: Request, here: Here, known: Member) -> HTMLResponse:
    """One's name, for whom one acts and whether their digest comes, and where one is signed in."""
    with here.database.read() as connection:
        organisations = members.these_organisations(connection, known.acts_for)
        acting = [
            (organisations[id_], one)
            for id_ in known.acts_for
            for one in people.of(connection, id_)
            if one.person.id == known.person.id
        ]
        signed_in = visits.of(connection, known.person.id, here.now())
    shown = [
        (visit, _browser(visit.browser), long_date(visit.began_at), visit.id == known.visit.id) for visit in signed_in
    ]
    return page(request, "account.html", acting=acting, visits=shown, today=here.now().date(), long_date=long_date)


@router.post("/account/name")
def rename(here: Here, known: Member, name: Annotated[str, Form(max_length=200)] = "") -> RedirectResponse:
    with here.database.write() as connection:
        people.rename(connection, known.person.id, " ".join(name.split()))
    return RedirectResponse("/account", 303)


@router.post("/account/digest")
def choose_digest(
    here: Here, known: Member, organisation: Annotated[str, Form()], digest: Annotated[bool, Form()] = False
) -> RedirectResponse:
    with here.database.write() as connection:
        if not people.choose_digest(connection, known.person.id, OrganisationId(organisation), digest=digest):
            raise HTTPException(404, "You do not act for this organisation.")
    return RedirectResponse("/account", 303)


@router.post("/account/visits/{visit}/end")
def end_visit(here: Here, known: Member, visit: str) -> RedirectResponse:
    signin.end(here, known.person.id, visit)
    return RedirectResponse("/account", 303)


def _browser(agent: str) -> str:
    """What a browser says of itself, in two words; what says something else is told as it is."""
    named = [next((name for sign, name in signs if sign in agent), "") for signs in (BROWSERS, SYSTEMS)]
    return " on ".join(filter(None, named)) or agent[:60] or "A browser"


def sign_in_path(to: str) -> str:
    return "/sign-in?" + urlencode({"to": to})
