"""An organisation's needs and offers: where each stands, closing, reopening, confirming, removing; and mailed links."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response

from matcher.hints import hints
from matcher.masking import mask
from matcher.places import Gazetteer, UnknownPlaceError
from matcher.records import Listing, ListingId
from service import confirming, listing
from service.confirming import UnconfirmableError
from service.signing import LinkError
from service.store import confirmations, members, people
from service.store.confirmations import FIRST_SEEN, Confirmation
from service.store.members import Stored
from service.store.people import Access
from service.web import access, forms
from service.web.access import Acting, Here, Member
from service.web.forms import Sent
from service.web.organisations import back, common, stored_organisation
from service.web.presenting import Named, Words, long_date, naming, words
from service.web.rendering import page
from service.wiring import Commonweal

signed_in = APIRouter(dependencies=[Depends(access.checked_form)])
by_link = APIRouter(dependencies=[Depends(access.plain_form)])
"""The token in the address is all the authority that is needed here."""

DONE = {
    "added": "Listed. From the next round on it is suggested to others.",
    "changed": "Your change is saved.",
    "closed": "Closed: it is suggested no more. You can open it again.",
    "closed-before": "It was closed already.",
    "reopened": "Open again.",
    "open-before": "It was open already.",
    "confirmed": "Thank you: it is still true as of today.",
    "removed": "Removed: its text is gone from here, and it is suggested no more.",
    "removed-before": "It was removed already.",
}
"""What is said on the page that follows, by what was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One of an organisation's own listings and where it stands; its own people read its text as it was written."""

    words: Words
    text: str
    path: str
    checked: str
    by_coordinator: bool
    rests: bool
    is_over: bool
    unknown: tuple[str, ...]


def ever_own(here: Here, known: Member, listing: str) -> Stored[Listing]:
    """The listing in the address, where the visitor may act for its organisation; else there is no such page."""
    with here.database.read() as connection:
        stored = members.listing(connection, ListingId(listing))
    if stored is None or not known.may_act_for(stored.record.organisation):
        raise HTTPException(404, "There is no page at this address.")
    return stored


EverOwn = Annotated[Stored[Listing], Depends(ever_own)]


def own_listing(stored: EverOwn) -> Stored[Listing]:
    """The same, unless its text was removed."""
    if listing.is_removed(stored.record):
        raise HTTPException(404, "There is no page at this address.")
    return stored


Own = Annotated[Stored[Listing], Depends(own_listing)]


@signed_in.get("/organisations/{organisation:path}/listings")
def all_listings(
    request: Request,
    here: Here,
    known: Member,
    organisation: Acting,
    done: str = "",
    new: Annotated[str, Query(alias="listing")] = "",
) -> HTMLResponse:
    """Needs and offers by where they stand; of one that was just listed also what would make it clearer."""
    stored = stored_organisation(here, organisation)
    with here.database.read() as connection:
        own = members.listings_of(connection, organisation)
        said = confirmations.every(connection)
        coordinators = {one.id for one in people.with_access(connection, Access.COORDINATOR, Access.ADMINISTRATOR)}
        coordinators -= {one.person.id for one in people.of(connection, organisation)}
    named = naming({organisation: stored.record})
    is_own = organisation in known.acts_for
    there = [one for one in own if not listing.is_removed(one)]
    shown = [_kept(here, one, said.get(one.id), coordinators, named, is_own=is_own) for one in there]
    added = next((one for one in there if done == "added" and one.id == new), None)
    has_home = bool(stored.record.places)
    groups = {
        "Open": [one for one in shown if not one.is_over and not one.rests],
        "Resting": [one for one in shown if not one.is_over and one.rests],
        "Closed": [one for one in shown if one.is_over],
    }
    return page(
        request,
        "listings.html",
        **common(here, known, stored.record) | {"done": DONE.get(done, "")},
        groups={heading: of for heading, of in groups.items() if of},
        hints=hints(added, here.core.vocabulary, has_home=has_home) if added else (),
        change=f"{path_of(added.id)}/edit" if added else "",
    )


def _kept(
    here: Commonweal, one: Listing, said: Confirmation | None, coordinators: set[str], named: Named, *, is_own: bool
) -> Kept:
    today = here.now().date()
    is_over = one.closes is not None and one.closes < today
    return Kept(
        words=words(one, named, on=today),
        text=one.text if is_own else mask(one.text),
        path=path_of(one.id),
        checked=_checked(said) if said and not is_over else "",
        by_coordinator=said is not None and said.by in coordinators,
        rests=said is not None and said.rests(today),
        is_over=is_over,
        unknown=tuple(filter(None, (_unknown(here.core.gazetteer, place) for place in one.places))),  # type: ignore[arg-type]
    )


def _checked(said: Confirmation) -> str:
    """When somebody said last that it is true."""
    if said.by == FIRST_SEEN:
        return "nobody has checked it here yet"
    return f"{'listed' if said.is_listing else 'checked'} on {long_date(said.confirmed_on)}"


def path_of(listing: ListingId) -> str:
    return f"/listings/{quote(listing, safe='')}"


@lru_cache(maxsize=1024)  # looking for the nearest spelling takes a tenth of a second
def _unknown(gazetteer: Gazetteer, place: str) -> str:
    """What is to be said of a place that nobody knows; empty of one that is known."""
    try:
        gazetteer.resolve(place)
    except UnknownPlaceError as error:
        nearest = " or ".join(error.nearest)
        remedy = f"did you mean {nearest}?" if nearest else "try its county, or a postcode district."
        return f"No place called “{place}” is known, so it is left out: {remedy}"
    return ""


@signed_in.post("/listings/{listing:path}/close")
def close(here: Here, known: Member, stored: Own) -> Response:
    is_closed = listing.close(here, known.person, stored.record.id)
    return back(stored.record.organisation, "listings", "closed" if is_closed else "closed-before")


@signed_in.post("/listings/{listing:path}/reopen")
def reopen(here: Here, known: Member, stored: Own) -> Response:
    is_reopened = listing.reopen(here, known.person, stored.record.id)
    return back(stored.record.organisation, "listings", "reopened" if is_reopened else "open-before")


@signed_in.post("/listings/{listing:path}/confirm")
def confirm(here: Here, known: Member, stored: Own) -> Response:
    listing.confirm(here, known.person, stored.record.id)
    return back(stored.record.organisation, "listings", "confirmed")


@signed_in.get("/listings/{listing:path}/remove")
def removing(request: Request, here: Here, known: Member, stored: Own) -> HTMLResponse:
    """What removing does, and the button that does it."""
    record = stored.record
    owner = stored_organisation(here, record.organisation).record
    is_own = record.organisation in known.acts_for
    shown = _kept(here, record, None, set(), naming({owner.id: owner}), is_own=is_own)
    return page(request, "listing-remove.html", **common(here, known, owner), one=shown)


@signed_in.post("/listings/{listing:path}/remove")
def remove(here: Here, known: Member, stored: EverOwn) -> Response:
    is_removed = listing.remove(here, known.person, stored.record.id)
    return back(stored.record.organisation, "listings", "removed" if is_removed else "removed-before")


@by_link.get("/confirm/{token}")
def look_at_link(request: Request, here: Here, token: str) -> HTMLResponse:
    """The listing with the buttons that say whether it is still true; nothing changes yet."""
    return _by_link(request, here, token)


@by_link.post("/confirm/{token}")
def use_link(request: Request, here: Here, token: str, sent: Sent) -> HTMLResponse:
    """Says so without signing in. Once more says the same again, and does no harm."""
    try:
        found, person = confirming.look_at(here, token)
    except (LinkError, UnconfirmableError):
        return _by_link(request, here, token)
    if forms.text(sent, "is") == "over":
        is_closed = listing.close(here, person, found.id)
        return _by_link(request, here, token, done=DONE["closed" if is_closed else "closed-before"])
    listing.confirm(here, person, found.id)
    return _by_link(request, here, token, done=DONE["confirmed"])


def _by_link(request: Request, here: Commonweal, token: str, done: str = "") -> HTMLResponse:
    try:
        found, _ = confirming.look_at(here, token)
    except (LinkError, UnconfirmableError) as error:
        return page(request, "confirm.html", status=410, says=str(error), words=None, done="", token="", edit="/")
    with here.database.read() as connection:
        owner = members.these_organisations(connection, [found.organisation])[found.organisation]
    shown = words(found, naming({owner.id: owner}), on=here.now().date())
    is_over = found.closes is not None and found.closes < here.now().date()
    return page(
        request,
        "confirm.html",
        says="",
        words=shown,
        done=done,
        is_over=is_over,
        token=token,
        edit=f"{path_of(found.id)}/edit",
    )


router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
router.include_router(signed_in)
router.include_router(by_link)
