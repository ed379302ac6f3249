"""A session's pairings, what is said in the room, and what is promised there."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from matcher.errors import CommonwealError
from matcher.masking import mask
from matcher.network import Network
from matcher.records import Kind, Listing, ListingId, OrganisationId, Suggestion
from service.entering import RefusedError
from service.listing import UnseenError
from service.review.queue import queue
from service.sessions import capturing, planning, promising
from service.store import promises, reviews, sessions
from service.store.sessions import Session
from service.web import access, forms
from service.web.access import Coordinator, Here
from service.web.forms import Sent
from service.web.pages import Current
from service.web.presenting import Named, cards, naming, unmet
from service.web.rendering import page
from service.web.sessions import path_of, shown, stored

router = APIRouter(
    prefix="/desk/sessions/{session}",
    include_in_schema=False,
    default_response_class=HTMLResponse,
    dependencies=[Depends(access.checked_form)],
)


@router.get("/pairings")
def pairings(request: Request, here: Here, known: Coordinator, network: Current, session: str) -> HTMLResponse:
    """Who is to meet whom, and who fits nobody."""
    return _pairings(request, here, network, stored(here, session))


@router.post("/pairings", response_model=None)
def solve(
    request: Request, here: Here, known: Coordinator, network: Current, session: str
) -> HTMLResponse | RedirectResponse:
    """Solves them for whoever comes, around what is decided."""
    found = stored(here, session)
    try:
        planning.solve(here, found.id)
    except CommonwealError as error:
        return _pairings(request, here, network, found, says=str(error), status=409)
    return RedirectResponse(f"{path_of(found)}/pairings", 303)


def _pairings(
    request: Request, here: Here, network: Network, session: Session, says: str = "", status: int = 200
) -> HTMLResponse:
    named = naming(network.organisations)
    with here.database.read() as connection:
        plan = sessions.plan(connection, session.id)
        decided = reviews.of(connection, session.id)
        present = sessions.present(sessions.attendees(connection, session.id))
    by_key = {reviews.key_of(session.id, *one.pair): one for one in plan.proposal.suggestions} if plan else {}
    approved = {key: one.suggestion for key, one in decided.items() if one.decision is reviews.Choice.APPROVED}
    agreed = {side.organisation for one in approved.values() for side in (one.need, one.offer) if _meets(one, present)}
    why = plan.proposal.unmet if plan else {}
    return page(
        request,
        "session-pairings.html",
        status=status,
        shown=shown(here, session),
        one=session,
        plan=plan,
        pairs=[
            (
                named(one.need.organisation),
                named(one.offer.organisation),
                one.strength,
                decided[key].decision if key in decided else reviews.Choice.UNDECIDED,
                key,
            )
            for key, one in by_key.items()
        ],
        left_out=[(named(id_), what) for id_, what in plan.proposal.left_out.items() if id_ not in agreed]
        if plan
        else [],
        beside=[
            (named(one.need.organisation), named(one.offer.organisation), key, why.get(one.pair, ""))
            for key, one in approved.items()
            if key not in by_key and _meets(one, present)
        ],
        unmet=[
            unmet(pair, says, named, network)
            for pair, says in why.items()
            if reviews.key_of(session.id, *pair) not in approved
        ],
        counts=queue(here, session.id).counts,
        says=says,
    )


def _meets(one: Suggestion, present: Collection[OrganisationId]) -> bool:
    return one.need.organisation in present and one.offer.organisation in present


@router.get("/capture")
def capture(
    request: Request, here: Here, known: Coordinator, network: Current, session: str, said: str = ""
) -> HTMLResponse:
    """What was just said in the room, and whom of those present it could meet."""
    return _capture(request, here, network, stored(here, session), said=network.listings.get(ListingId(said)))


@router.post("/capture", response_model=None)
def capture_it(
    request: Request, here: Here, known: Coordinator, network: Current, session: str, sent: Sent
) -> HTMLResponse | RedirectResponse:
    """Lists what was said."""
    found = stored(here, session)
    typed = {name: forms.text(sent, name) for name in ("organisation", "kind", "text")}
    kind = Kind.NEED if typed["kind"] == "need" else Kind.OFFER
    try:
        id_ = capturing.capture(
            here,
            found.id,
            known.person,
            OrganisationId(typed["organisation"]),
            kind,
            typed["text"],
            forms.text(sent, "looked"),
        )
    except UnseenError as error:
        return _capture(request, here, network, found, typed=typed, says=str(error), looked=error.looked, status=422)
    except (CommonwealError, RefusedError) as error:
        return _capture(request, here, network, found, typed=typed, says=str(error), status=422)
    return RedirectResponse(f"{path_of(found)}/capture?said={id_}", 303)


@router.post("/capture/pair", response_model=None)
def pair(
    request: Request, here: Here, known: Coordinator, network: Current, session: str, sent: Sent
) -> HTMLResponse | RedirectResponse:
    """Adds it with a partner to the pairings."""
    found, said = stored(here, session), network.listings.get(ListingId(forms.text(sent, "said")))
    if said is None:
        raise HTTPException(404, "This was never said, or is listed no more.")
    try:
        capturing.pair(here, found.id, known.person.id, said, forms.text(sent, "other"))
    except CommonwealError as error:
        return _capture(request, here, network, found, said=said, says=str(error), status=409)
    return RedirectResponse(f"{path_of(found)}/capture?said={said.id}", 303)


def _capture(
    request: Request,
    here: Here,
    network: Network,
    session: Session,
    *,
    said: Listing | None = None,
    typed: dict[str, str] | None = None,
    says: str = "",
    looked: str = "",
    status: int = 200,
) -> HTMLResponse:
    named = naming(network.organisations)
    with here.database.read() as connection:
        room = sessions.present(sessions.attendees(connection, session.id))
        chosen = set(reviews.pairs(connection, session.id, [reviews.Choice.APPROVED]))
    found = capturing.partners(here, session.id, said) if said and said.organisation in room else ()
    read_as = Kind.NEED if said and said.kind is Kind.NEED else Kind.OFFER
    return page(
        request,
        "session-capture.html",
        status=status,
        shown=shown(here, session),
        one=session,
        room=sorted((named(one) for one in room), key=lambda one: one.name.casefold()),
        typed={"organisation": "", "kind": "offer", "text": "", **(typed or {})},
        says=says,
        looked=looked,
        said=said and {"id": said.id, "text": mask(said.text), "who": named(said.organisation)},
        partners=[
            (card, one.offer.id if read_as is Kind.NEED else one.need.id, one.pair in chosen)
            for card, one in zip(cards(found, named, read_as=read_as), found, strict=True)
        ],
    )


@router.get("/promises")
def all_promises(request: Request, here: Here, known: Coordinator, network: Current, session: str) -> HTMLResponse:
    """What was promised here and at the session before, and what came of it."""
    return _promises(request, here, network, stored(here, session))


@router.post("/promises", response_model=None)
def promise(
    request: Request, here: Here, known: Coordinator, network: Current, session: str, sent: Sent
) -> HTMLResponse | RedirectResponse:
    """Notes one, says what came of one (`settle`), or takes that back (`reopen`)."""
    found, act, which = stored(here, session), forms.text(sent, "do"), forms.text(sent, "promise")
    typed = {name: forms.text(sent, name) for name in ("organisation", "says", "due")}
    try:
        if act == "settle":
            promising.settle(here, found.id, which, typed["says"])
        elif act == "reopen":
            promising.reopen(here, found.id, which)
        else:
            promising.note(here, found.id, known.person.id, typed)
    except CommonwealError as error:
        status = 409 if isinstance(error, promising.FirstError) else 422
        return _promises(request, here, network, found, says=mask(str(error)), typed=typed, of=which, status=status)
    return RedirectResponse(f"{path_of(found)}/promises", 303)


def _promises(
    request: Request,
    here: Here,
    network: Network,
    session: Session,
    *,
    says: str = "",
    typed: Mapping[str, str] | None = None,
    of: str = "",
    status: int = 200,
) -> HTMLResponse:
    """With what was `typed` into the form `of` a promise, or into that of a new one."""
    named = naming(network.organisations)
    with here.database.read() as connection:
        before = sessions.load(connection, session.follows) if session.follows else None
        found = promises.of(connection, [one.id for one in (before, session) if one])
        listed = sessions.attendees(connection, session.id)
    today = here.now().date()

    due = max(today, session.day)
    return page(
        request,
        "session-promises.html",
        status=status,
        shown=shown(here, session),
        one=session,
        before=before,
        earlier=[told_of(one, named, due) for one in found if before and one.session == before.id],
        now=[told_of(one, named, due) for one in found if one.session == session.id],
        room=sorted((named(one.organisation) for one in listed), key=lambda one: one.name.casefold()),
        says=says,
        typed={"organisation": "", "says": "", "due": "", **(typed or {})},
        of=of,
    )


def told_of(one: promises.Promise, named: Named, today: date) -> dict[str, Any]:
    """A promise as it is shown; it is due where its day is not after `today`."""
    return {
        "one": one,
        "who": named(one.organisation),
        "says": mask(one.says),
        "outcome": mask(one.outcome),
        "is_due": one.kept_at is None and one.due is not None and one.due <= today,
    }
