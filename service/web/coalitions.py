"""Needs of those who come to a session that take several partners, and who could cover them together."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from matcher.coalitions import Coalition, Coalitions
from matcher.errors import CommonwealError
from matcher.masking import mask
from matcher.network import Network
from matcher.records import ListingId, OrganisationId, Pair
from service.sessions import coalitions
from service.sessions.coalitions import Found
from service.store import reviews
from service.store.reviews import Choice
from service.store.sessions import Session
from service.web import access, forms
from service.web.access import Coordinator, Here
from service.web.forms import Sent
from service.web.pages import Current
from service.web.presenting import Named, naming
from service.web.rendering import page
from service.web.sessions import path_of, shown, stored

router = APIRouter(
    prefix="/desk/sessions/{session}/coalitions",
    include_in_schema=False,
    default_response_class=HTMLResponse,
    dependencies=[Depends(access.checked_form)],
)

MOST = 5  # partners of one coalition


@router.get("")
def every(
    request: Request, here: Here, known: Coordinator, network: Current, session: str, beyond: bool = False
) -> HTMLResponse:
    """Small sets of those who come; with `beyond` also of members who could be asked to come."""
    return _page(request, here, network, stored(here, session), beyond=beyond)


@router.post("", response_model=None)
def pair(
    request: Request, here: Here, known: Coordinator, network: Current, session: str, sent: Sent
) -> HTMLResponse | RedirectResponse:
    """Has the partners of one meet whoever needs them."""
    found, beyond = stored(here, session), bool(forms.text(sent, "beyond"))
    need = ListingId(forms.text(sent, "need"))
    wanted = [(need, ListingId(offer)) for offer in forms.texts(sent, "offer")[:MOST]]
    try:
        refused = coalitions.pair(here, found.id, known.person.id, wanted).refused
    except CommonwealError as error:
        refused = (str(error),)
    if refused:
        return _page(request, here, network, found, beyond=beyond, says=refused, status=409)
    return RedirectResponse(f"{path_of(found)}/coalitions{'?beyond=true' if beyond else ''}#{_anchor(need)}", 303)


def _page(
    request: Request,
    here: Here,
    network: Network,
    session: Session,
    *,
    beyond: bool,
    says: tuple[str, ...] = (),
    status: int = 200,
) -> HTMLResponse:
    found, named = coalitions.found(here, network, session.id, beyond=beyond), naming(network.organisations)
    with here.database.read() as connection:
        chosen = set(reviews.pairs(connection, session.id, [Choice.APPROVED]))
    return page(
        request,
        "session-coalitions.html",
        status=status,
        shown=shown(here, session),
        one=session,
        found=[_need(each, found, named, chosen) for each in found.coalitions],
        beyond=beyond,
        says=[mask(one) for one in says],
    )


def _need(each: Coalitions, found: Found, named: Named, chosen: set[Pair]) -> dict[str, Any]:
    return {
        "at": _anchor(each.need.id),
        "need": each.need.id,
        "who": named(each.need.organisation),
        "text": mask(each.need.text),
        "sets": [_set(each.need.id, one, found, named, chosen) for one in each.found],
    }


def _set(need: ListingId, one: Coalition, found: Found, named: Named, chosen: set[Pair]) -> dict[str, Any]:
    pairs = coalitions.pairs(need, one)
    absent = [partner for partner in one.partners if partner not in found.room]
    return {
        "partners": [(named(partner), partner in absent) for partner in one.partners],
        "covers": [
            (cover.part, [(named(share.organisation), mask(share.says)) for share in cover.by]) for cover in one.covers
        ],
        "open": [(left.part, mask(left.says)) for left in one.open],
        "lead": one.why,
        "offers": [offer for _, offer in pairs],
        "is_chosen": chosen.issuperset(pairs),
        "to_invite": [partner for partner in absent if partner not in found.on_list],
        "is_whole": not absent,
    }


def _anchor(need: ListingId | OrganisationId) -> str:
    return "need-" + "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in need.lower())
