"""The hard rules: each says which rows may not be suggested, with a sentence for people. No score overrules one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product

import numpy as np

from matcher.encoding import FloatArray
from matcher.index import BoolArray
from matcher.network import Entry, Network, Side, kinds_of
from matcher.records import History, Listing, ListingId, OrganisationId, Pair, Visibility

COOL_DOWN = timedelta(weeks=8)
SAME_TEXT = 0.9  # similarity to the declined version from which on a text is still the one that was declined


@dataclass(frozen=True)
class Past:
    """A history by listing and organisation, as the rules ask for it."""

    history: History
    declined: dict[ListingId, set[ListingId]]
    recent: dict[ListingId, set[ListingId]]
    forbidden: dict[ListingId, set[ListingId]]
    blocked: dict[OrganisationId, set[OrganisationId]]


@dataclass(frozen=True)
class Asking:
    """A listing that asks one side on a day, with what happened before."""

    entry: Entry
    on: date
    past: Past


Forbids = Callable[[Asking, Side], BoolArray]
Bars = Callable[[Side, date, Past], BoolArray]


@dataclass(frozen=True, slots=True)
class Rule:
    """`forbids` is true for each row that may not be suggested; `says` tells a person why.

    A rule that looks at each listing by itself has `bars` too: true for each row that it keeps from being suggested to
    anybody, and from asking in a round. A round finds these once: whoever is let ask, `forbids` would say the same.
    """

    name: str
    says: str
    forbids: Forbids
    bars: Bars | None = None


def past(history: History, network: Network, on: date) -> Past:
    """What of the history counts on that day: declines whose texts stand, releases less than eight weeks away."""
    recent = [pair for pair, day in history.suggested.items() if abs(on - day) < COOL_DOWN]
    blocked: dict[OrganisationId, set[OrganisationId]] = {}
    for block in history.blocked:
        for one in block:
            blocked.setdefault(one, set()).update(block - {one})
    standing = _standing(history, network)
    return Past(history, _both_ways(standing), _both_ways(recent), _both_ways(history.forbidden), blocked)


def about(past: Past, listings: Iterable[Listing]) -> Past:
    """What of it rules out single partners of these listings: little, and enough for rules without `bars`."""
    listings = list(listings)
    ids = [listing.id for listing in listings]
    declined, recent, forbidden = (
        {id_: partners[id_] for id_ in ids if id_ in partners}
        for partners in (past.declined, past.recent, past.forbidden)
    )
    blocked = {one.organisation: past.blocked[one.organisation] for one in listings if one.organisation in past.blocked}
    return Past(History(), declined, recent, forbidden, blocked)


def _both_ways(pairs: Iterable[Pair]) -> dict[ListingId, set[ListingId]]:
    partners: dict[ListingId, set[ListingId]] = {}
    for need, offer in pairs:
        partners.setdefault(need, set()).add(offer)
        partners.setdefault(offer, set()).add(need)
    return partners


def _standing(history: History, network: Network) -> list[Pair]:
    """The pairs a decline still rules out: the declined listings, and any of the same organisations' like them.

    A listing imported without an id has another one after every change of its text.
    """
    texts = {text for decline in history.declined.values() for text in (decline.need_text, decline.offer_text)}
    vectors = network.vectors_of(sorted(texts))
    standing: list[Pair] = []
    for (need, offer), decline in history.declined.items():
        needs = _same(network, network.needs, need, decline.need_text, vectors)
        offers = _same(network, network.offers, offer, decline.offer_text, vectors)
        standing += product(needs, offers)
    return standing


def _same(
    network: Network, side: Side, listing: ListingId, text: str, vectors: Mapping[str, FloatArray]
) -> list[ListingId]:
    """The listings of the declined one's organisation whose text is still the one that was declined."""
    owner = network.owner(listing)
    rows = side.of(owner) if owner else np.zeros(0, np.int64)
    entries = [side.entries[row] for row in rows]
    return [
        entry.listing.id
        for entry in entries
        if entry.listing.text == text or float(entry.vector @ vectors[text]) >= SAME_TEXT
    ]


def _none(side: Side) -> BoolArray:
    return np.zeros(len(side), bool)


def _these(side: Side, listings: AbstractSet[ListingId]) -> BoolArray:
    mask = _none(side)
    mask[[side.rows[listing] for listing in listings if listing in side.rows]] = True
    return mask


def own_organisation(asking: Asking, side: Side) -> BoolArray:
    mask = _none(side)
    mask[side.of(asking.entry.listing.organisation)] = True
    return mask


def not_open(asking: Asking, side: Side) -> BoolArray:
    if not asking.entry.listing.is_open(asking.on):
        return ~_none(side)
    return is_closed(side, asking.on, asking.past)


def is_closed(side: Side, on: date, _past: Past) -> BoolArray:
    return ~side.open(on)


def resting(asking: Asking, side: Side) -> BoolArray:
    if asking.entry.listing.id in asking.past.history.resting:
        return ~_none(side)
    return is_resting(side, asking.on, asking.past)


def is_resting(side: Side, _on: date, past: Past) -> BoolArray:
    return _these(side, past.history.resting)


def no_capacity(asking: Asking, side: Side) -> BoolArray:
    listing = asking.entry.listing
    if listing.capacity is not None and listing.capacity <= asking.past.history.taken.get(listing.id, 0):
        return ~_none(side)
    return is_full(side, asking.on, asking.past)


def is_full(side: Side, _on: date, past: Past) -> BoolArray:
    return side.full(past.history.taken)


def out_of_reach(asking: Asking, side: Side) -> BoolArray:
    if asking.entry.remote:
        return _none(side)
    return ~(side.meets(asking.entry.places) | side.remote)


def excluded(asking: Asking, side: Side) -> BoolArray:
    mask = _none(side)
    organisation = asking.entry.organisation
    for exclusion in organisation.excludes if organisation else ():
        mask[side.of_kind(exclusion.what)] = True
    for what in kinds_of(organisation):
        mask[side.excluding(what)] = True
    return mask


def blocked_pair(asking: Asking, side: Side) -> BoolArray:
    mask = _none(side)
    for organisation in asking.past.blocked.get(asking.entry.listing.organisation, ()):
        mask[side.of(organisation)] = True
    return mask


def paused(asking: Asking, side: Side) -> BoolArray:
    if asking.entry.listing.organisation in asking.past.history.paused:
        return ~_none(side)
    return is_paused(side, asking.on, asking.past)


def is_paused(side: Side, on: date, past: Past) -> BoolArray:
    mask = _none(side)
    for organisation in past.history.paused:
        mask[side.of(organisation)] = True
    return mask


def forbidden_pair(asking: Asking, side: Side) -> BoolArray:
    return _these(side, asking.past.forbidden.get(asking.entry.listing.id, set()))


def declined_pair(asking: Asking, side: Side) -> BoolArray:
    return _these(side, asking.past.declined.get(asking.entry.listing.id, set()))


def recently_suggested(asking: Asking, side: Side) -> BoolArray:
    return _these(side, asking.past.recent.get(asking.entry.listing.id, set()))


def members_only(asking: Asking, side: Side) -> BoolArray:
    return is_kept_from_members(side, asking.on, asking.past)


def is_kept_from_members(side: Side, _on: date, _past: Past) -> BoolArray:
    return ~side.members_may_see


def network_only(_asking: Asking, side: Side) -> BoolArray:
    return np.array([entry.listing.visibility is not Visibility.NETWORK for entry in side.entries], bool)


RULES = (
    Rule("own organisation", "Both listings are the same organisation's.", own_organisation),
    Rule("not open", "One of the two is not open on that day.", not_open, is_closed),
    Rule("resting", "Nobody has said for a long time that one of the two is still true.", resting, is_resting),
    Rule("no capacity", "One of the two has no capacity left.", no_capacity, is_full),
    Rule("out of reach", "Their places do not meet, and neither works at a distance.", out_of_reach),
    Rule("excluded", "One of the two organisations does not want to meet the other, or its kind.", excluded),
    Rule("blocked", "These two organisations are not to be introduced.", blocked_pair),
    Rule("paused", "One of the two organisations wants no suggestions for now.", paused, is_paused),
    Rule("forbidden", "A coordinator ruled this pair out.", forbidden_pair),
    Rule("declined", "One side said no to this, and neither text has changed since.", declined_pair),
    Rule("suggested lately", "This was suggested within the last eight weeks.", recently_suggested),
)
"""What holds always, in the order in which it is told."""

MEMBER_RULES = (
    *RULES,
    Rule("members only", "It is not from a member, or is for coordinators' eyes.", members_only, is_kept_from_members),
)
"""What holds besides where members are to be shown the result."""

NETWORK_RULES = (
    *MEMBER_RULES,
    Rule("network only", "It is only for those it is suggested to.", network_only),
)
"""What holds besides where a member looks for itself: nothing it finds was suggested to it."""


def eligible(asking: Asking, side: Side, rules: Sequence[Rule] = RULES) -> BoolArray:
    """True for each row of the side that no rule forbids."""
    forbidden = _none(side)
    for rule in rules:
        forbidden |= rule.forbids(asking, side)
    return ~forbidden


def barred(side: Side, on: date, past: Past, rules: Sequence[Rule]) -> BoolArray:
    """True for each row that a rule keeps from asking and from being suggested, whoever is on the other side."""
    found = _none(side)
    for rule in rules:
        if rule.bars is not None:
            found |= rule.bars(side, on, past)
    return found


def objections(asking: Asking, side: Side, listing: ListingId, rules: Sequence[Rule] = RULES) -> list[str]:
    """The sentences of the rules that forbid this one listing; none where it may be suggested."""
    row = side.rows[listing]
    return [rule.says for rule in rules if rule.forbids(asking, side)[row]]
