"""Looking for listings oneself, and asking for an introduction about one."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from matcher.errors import CommonwealError
from matcher.network import Network
from matcher.records import Kind, Listing, ListingId, OrganisationId, Standing, Visibility
from service.asking import LONGEST_NAME, LONGEST_TEXT
from service.finding import Search, find
from service.requesting import AlreadySuggestedError, request, week_is_full, why_not
from service.store import confirmations
from service.web import access, forms
from service.web.access import Here, Member, Visitor
from service.web.forms import Sent
from service.web.pages import Current
from service.web.presenting import Body, Named, cards, naming, words
from service.web.rendering import page
from service.web.suggestions import address, via
from service.wiring import Commonweal

router = APIRouter(
    include_in_schema=False, default_response_class=HTMLResponse, dependencies=[Depends(access.checked_form)]
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the asker's own open listings. `why_not`: what keeps an introduction from it; `instead`: where to go."""

    id: ListingId
    organisation: Body
    text: str
    why_not: str = ""
    instead: str = ""


@router.get("/find")
def looking(
    request: Request,
    here: Here,
    known: Member,
    network: Current,
    q: str = "",
    what: Annotated[Kind, Query()] = Kind.OFFER,
    theme: str = "",
    place: str = "",
    of: str = "",
    number: Annotated[int, Query(alias="page", ge=1, le=1000)] = 1,
) -> HTMLResponse:
    """What the visitor may see, by words or newest first."""
    organisation = _for_whom(known, network, of)
    themes = network.vocabulary.themes
    search = Search(
        words=" ".join(q.split())[:LONGEST_TEXT],
        kind=Kind.NEED if what is Kind.NEED else Kind.OFFER,
        theme=theme if theme in themes else "",
        place=place.strip()[:LONGEST_NAME],
        page=number,
    )
    own = known.acts_for if known.acts_for else (organisation,) if organisation else ()
    found = find(here, search, organisation=organisation, own=own, sees_all=known.is_coordinator)
    named = naming(network.organisations)
    read_as = Kind.NEED if search.kind is Kind.OFFER else Kind.OFFER
    return page(
        request,
        "find.html",
        search=search,
        organisation=named(organisation) if organisation else None,
        acts_for=[named(one) for one in known.acts_for],
        themes=forms.options(themes),
        found=found,
        cards=cards(found.suggestions, named, read_as=read_as),
        listings=[words(one, named, on=here.now().date()) for one in found.listings],
        hints=[
            (note.says, [(one, _path(search, organisation, place=one)) for one in note.nearest]) for note in found.notes
        ],
        earlier=_path(search, organisation, page=search.page - 1) if search.page > 1 else "",
        later=_path(search, organisation, page=search.page + 1) if search.page < found.pages else "",
        full=week_is_full(here, organisation, read_as) if organisation else "",
        ask=lambda listing: _ask_path(listing, organisation),
    )


def _for_whom(known: Visitor, network: Network, of: str) -> OrganisationId | None:
    """The organisation that looks: the one in the address, or the visitor's first; none for a coordinator by itself."""
    wanted = OrganisationId(of) if of else next(iter(known.acts_for), None)
    if wanted is None:
        return None
    if wanted not in network.organisations or not known.may_act_for(wanted):
        raise HTTPException(404, "There is no page at this address.")
    return wanted


def _path(search: Search, organisation: OrganisationId | None, **changed: Any) -> str:
    given = {"q": search.words, "what": search.kind, "theme": search.theme, "place": search.place}
    given |= {"of": organisation or "", **changed}
    return "/find?" + urlencode({name: value for name, value in given.items() if value})


def _ask_path(listing: str, organisation: OrganisationId | None) -> str:
    return "/find/ask?" + urlencode({"theirs": listing, **({"of": organisation} if organisation else {})})


@router.get("/find/ask")
def asking(
    request: Request, here: Here, known: Member, network: Current, theirs: str = "", of: str = ""
) -> HTMLResponse:
    """One listing, and which of one's own an introduction would be about."""
    return _asking(request, here, known, network, theirs, of)


def _asking(
    request: Request,
    here: Commonweal,
    known: Visitor,
    network: Network,
    theirs: str,
    of: str,
    *,
    chosen: str = "",
    says: str = "",
    instead: str = "",
    status: int = 200,
) -> HTMLResponse:
    found = _seen(known, network, theirs)
    organisations = [OrganisationId(of)] if of and known.may_act_for(OrganisationId(of)) else list(known.acts_for)
    named = naming(network.organisations)
    opposite = Kind.OFFER if found.kind is Kind.NEED else Kind.NEED
    choices = _choices(here, known, network, organisations, found, named)
    possible = [one.id for one in choices if not one.why_not]
    whys = {one.why_not for one in choices}
    prefilled = {"kind": opposite, "resource": found.resource, "themes": "; ".join(found.themes)}
    given = urlencode({name: value for name, value in prefilled.items() if value})
    return page(
        request,
        "find-ask.html",
        status=status,
        theirs=words(found, named, on=here.now().date()),
        opposite=opposite,
        choices=choices,
        can_ask=bool(possible),
        why_none=whys.pop() if len(whys) == 1 else "",
        chosen=chosen or (possible[0] if len(possible) == 1 else ""),
        of=of,
        says=says,
        instead=instead,
        add=[(named(one), f"{named(one).path}/listings/new?{given}") for one in organisations],
        name_whose=len(organisations) > 1,
    )


def _seen(known: Visitor, network: Network, listing: str) -> Listing:
    """The listing, where the visitor may see it."""
    try:
        entry = network.entry(ListingId(listing))
    except KeyError:
        raise HTTPException(404, "There is no page at this address.") from None
    is_member = entry.organisation is not None and entry.organisation.standing is Standing.MEMBER
    is_open_to_all = is_member and entry.listing.visibility is Visibility.NETWORK
    if not (known.is_coordinator or is_open_to_all or entry.listing.organisation in known.acts_for):
        raise HTTPException(404, "There is no page at this address.")
    return entry.listing


def _choices(
    here: Commonweal,
    known: Visitor,
    network: Network,
    organisations: list[OrganisationId],
    theirs: Listing,
    named: Named,
) -> list[Choice]:
    """Those that can be asked with first."""
    kind, today = Kind.OFFER if theirs.kind is Kind.NEED else Kind.NEED, here.now().date()
    with here.database.read() as connection:
        resting = confirmations.resting(connection, today)
    side = network.needs if kind is Kind.NEED else network.offers
    own = [side.entries[row].listing for organisation in organisations for row in side.of(organisation)]
    open_ = [one for one in own if one.kind is kind and one.is_open(today) and one.id not in resting]
    return sorted((_choice(here, known, one, theirs, named) for one in open_), key=lambda one: bool(one.why_not))


def _choice(here: Commonweal, known: Visitor, one: Listing, theirs: Listing, named: Named) -> Choice:
    refused = why_not(here, one.organisation, one.id, theirs.id)
    instead = ""
    if isinstance(refused, AlreadySuggestedError):
        instead = address(f"/suggestions/{refused.key}", known, one.organisation)
    return Choice(one.id, named(one.organisation), one.text, str(refused or ""), instead)


@router.post("/find/ask")
def ask_for(request_: Request, here: Here, known: Member, network: Current, sent: Sent) -> Response:
    """Asks for the introduction: it counts as one's own yes, and the other side is asked."""
    own, theirs, of = (forms.text(sent, name) for name in ("own", "theirs", "of"))
    owner = network.owner(ListingId(own))
    if owner is None or not known.may_act_for(owner):
        says = "Choose which of yours it is about."
        return _asking(request_, here, known, network, theirs, of, says=says, status=422)
    _seen(known, network, theirs)
    try:
        key = request(here, owner, ListingId(own), ListingId(theirs), known.person.id, via=via(known, owner))
    except AlreadySuggestedError as error:
        there = address(f"/suggestions/{error.key}", known, owner)
        return _asking(
            request_, here, known, network, theirs, of, chosen=own, says=str(error), instead=there, status=409
        )
    except CommonwealError as error:
        return _asking(request_, here, known, network, theirs, of, chosen=own, says=str(error), status=409)
    return RedirectResponse(address(f"/introductions/{key}", known, owner), 303)
