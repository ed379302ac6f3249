"""Looking through the listings one may see: by words through the matching, or newest first."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256

import numpy as np

from matcher.eligibility import NETWORK_RULES, RULES, Asking, Rule, eligible, past
from matcher.index import BoolArray
from matcher.lexical import terms
from matcher.network import Entry, Network, Side
from matcher.records import Kind, Listing, ListingId, OrganisationId, Suggestion
from service.asking import CLOSE, MOST_SUGGESTIONS, Note, ask, known_place
from service.store import confirmations, rounds
from service.wiring import Commonweal

A_PAGE = 10
MOST_LESS_NEAR = 10
HALF = 0.5  # of the words: who types one or two wants to see where they stand, whatever else the text is about
_BETWEEN_TEXTS = ("forbidden", "declined", "suggested lately")
"""Rules about two listings: they say what comes of asking for an introduction, not what may be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What somebody looks for: `kind` is that of the listings. Without words it is everything, newest first."""

    words: str = ""
    kind: Kind = Kind.OFFER
    theme: str = ""
    place: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One page of the results: with words as suggestions, best first, without them as listings.

    The first `near` suggestions of the page are close to what was looked for, the others less so.
    """

    suggestions: tuple[Suggestion, ...] = ()
    listings: tuple[Listing, ...] = ()
    total: int
    near: int = 0
    notes: tuple[Note, ...] = ()

    @property
    def pages(self) -> int:
        return -(-self.total // A_PAGE)


def find(
    commonweal: Commonweal,
    search: Search,
    *,
    organisation: OrganisationId | None = None,
    own: Collection[OrganisationId] = (),
    sees_all: bool = False,
) -> Found:
    """What of the search one may see, page by page.

    `organisation` looks: what it excludes, or is kept from, is left out, and so is what the `own` organisations list.
    """
    places, notes = known_place(commonweal.core.gazetteer, search.place)
    rules = _rules(search, own, is_placed=bool(places), sees_all=sees_all)
    if not search.words:
        return replace(_browsed(commonweal, search, organisation, places, rules), notes=notes)
    asks_as = Kind.NEED if search.kind is Kind.OFFER else Kind.OFFER
    place = search.place if places else ""
    answer = ask(commonweal, search.words, asks_as, organisation, place, MOST_SUGGESTIONS, rules, close=0)
    near, less_near = _worth_showing(commonweal, search, answer.suggestions)
    worth = (*near, *less_near)
    begins = _span(search).start
    return Found(
        suggestions=worth[_span(search)], total=len(worth), near=max(0, min(len(near) - begins, A_PAGE)), notes=notes
    )


def _worth_showing(
    commonweal: Commonweal, search: Search, suggestions: Iterable[Suggestion]
) -> tuple[list[Suggestion], list[Suggestion]]:
    """What fits or has the words, and then some near misses; each best first."""
    network, ranker = commonweal.live.current(), commonweal.core.ranker
    asked = set(terms([search.words])[0])
    near, less_near = [], []
    for one in suggestions:
        listing = one.need if search.kind is Kind.NEED else one.offer
        shared = len(asked.intersection(network.entry(listing.id).terms))
        if one.fit >= ranker.threshold or (shared and shared >= HALF * len(asked)):
            near.append(one)
        elif one.fit >= ranker.threshold * CLOSE or shared:
            less_near.append(one)
    return near, less_near[:MOST_LESS_NEAR]


def _span(search: Search) -> slice:
    return slice((search.page - 1) * A_PAGE, search.page * A_PAGE)


def _rules(search: Search, own: Collection[OrganisationId], *, is_placed: bool, sees_all: bool) -> tuple[Rule, ...]:
    kept_out = (*_BETWEEN_TEXTS, *(() if is_placed else ("out of reach",)))
    rules = [rule for rule in (RULES if sees_all else NETWORK_RULES) if rule.name not in kept_out]
    rules.append(Rule("own organisations", "It is your own.", lambda _asking, side: _owned(side, own)))
    if search.theme:
        rules.append(Rule("theme", "It is about something else.", lambda _asking, side: ~_about(side, search.theme)))
    return tuple(rules)


def _owned(side: Side, own: Collection[OrganisationId]) -> BoolArray:
    mask = np.zeros(len(side), bool)
    for organisation in own:
        mask[side.of(organisation)] = True
    return mask


def _about(side: Side, theme: str) -> BoolArray:
    return np.array([theme in entry.themes for entry in side.entries], bool)


def _browsed(
    commonweal: Commonweal,
    search: Search,
    organisation: OrganisationId | None,
    places: tuple[str, ...],
    rules: Sequence[Rule],
) -> Found:
    """Listed needs or offers: what was written or confirmed last first, what was on one day mixed by organisation."""
    network, today = commonweal.live.current(), commonweal.now().date()
    with commonweal.database.read() as connection:
        history = rounds.history(connection, today)
        known = confirmations.every(connection)
    side = network.needs if search.kind is Kind.NEED else network.offers
    looking = _looking(network, organisation, places)
    # declines are about texts: comparing them would take an encoder, and no rule here asks for them
    before = past(replace(history, declined={}, paused=history.paused - {looking.listing.organisation}), network, today)
    among = eligible(Asking(looking, today, before), side, rules) & ~side.profiles
    listings = [side.entries[row].listing for row in np.flatnonzero(among)]

    days = {one.id: known[one.id].confirmed_on if one.id in known else date.min for one in listings}
    found = _mixed(sorted(listings, key=lambda one: (-days[one.id].toordinal(), one.id)), days, today)
    return Found(listings=found[_span(search)], total=len(listings))


def _mixed(listings: Sequence[Listing], days: Mapping[ListingId, date], on: date) -> tuple[Listing, ...]:
    """Those of one day in turns, in each of which an organisation has one; which comes first is another every day."""
    before = Counter[tuple[date, OrganisationId]]()
    keys: dict[ListingId, tuple[int, int, str]] = {}
    for one in listings:
        day = days[one.id]
        before[day, one.organisation] += 1
        chance = sha256(f"{on} {one.organisation}".encode()).hexdigest()
        keys[one.id] = -day.toordinal(), before[day, one.organisation], chance
    return tuple(sorted(listings, key=lambda one: (keys[one.id], one.id)))


def _looking(network: Network, organisation: OrganisationId | None, places: tuple[str, ...]) -> Entry:
    """Somebody who looks without a text: nothing of it is compared."""
    looking = Listing(id=ListingId("search"), organisation=organisation or OrganisationId(""), kind=Kind.NEED, text="")
    resolved = tuple(place for name in places for place in network.gazetteer.resolve(name))
    nothing = np.zeros((0, 0), np.float32)
    return Entry(looking, network.organisations.get(looking.organisation), (), nothing, (), resolved, (), 0)
