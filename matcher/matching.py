"""Suggestions for one listing, and a whole week's: the same ranking for pages, command line, round and evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from matcher.allocation import UNLIMITED, Market, allocate
from matcher.eligibility import MEMBER_RULES, RULES, Asking, Past, Rule, eligible, past
from matcher.eligibility import objections as rule_objections
from matcher.encoding import FloatArray, Progress, silent
from matcher.explaining import Reasons, explain
from matcher.features import features
from matcher.network import Entry, Network, Side
from matcher.ranking import Ranker
from matcher.records import History, Kind, Listing, OrganisationId, Standing, Suggestion
from matcher.retrieval import DEPTH, retrieve

NEEDS_CAP = 3  # suggestions a week for one organisation's needs


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """One query's candidates in columns, in the order in which they are shown."""

    rows: NDArray[np.int64]
    score: FloatArray
    fit: FloatArray


def rank(asking: Asking, side: Side, ranker: Ranker, *, rules: Sequence[Rule], depth: int = DEPTH) -> Ranked:
    """What the listing could meet, by fit; ties go to the higher score, then to the smaller id."""
    entry = asking.entry
    found = retrieve(entry, side, eligible(asking, side, rules), lexical_weight=ranker.lexical_weight, depth=depth)
    fit = ranker.fit(features(entry, side, found))
    order = np.lexsort((found.rows, -found.score, -fit))
    return Ranked(found.rows[order], found.score[order], fit[order])


def suggest(
    network: Network,
    listing: Listing,
    *,
    ranker: Ranker,
    on: date,
    history: History | None = None,
    rules: Sequence[Rule] = RULES,
    limit: int = 10,
    threshold: float | None = None,
    explained: int | None = None,
) -> list[Suggestion]:
    """Up to `limit` suggestions for a stored listing or a draft, best first, each with reasons.

    `threshold` is the least fit shown, the ranker's when None; 0 shows whatever was retrieved. Only the first
    `explained` get reasons, all when None: where hundreds are wanted, explaining takes most of the time.
    """
    entry = network.find(listing) or network.draft(listing)
    side = network.side_opposite(listing.kind)
    asking = Asking(entry, on, past(_about(history or History(), listing.organisation, network), network, on))
    ranked = rank(asking, side, ranker, rules=rules, depth=max(limit, DEPTH))
    least = ranker.threshold if threshold is None else threshold
    shown = np.flatnonzero(ranked.fit >= least)[:limit]
    pairs = [_ordered(entry, side.entries[row]) for row in ranked.rows[shown]]
    return _suggestions(network, pairs, ranked.fit[shown], ranked.score[shown], ranker, on, explained)


def _about(history: History, organisation: OrganisationId, network: Network) -> History:
    """The history without other organisations' declines: to see which still stand, their texts are compared."""
    declined = {
        pair: decline
        for pair, decline in history.declined.items()
        if organisation in (network.owner(pair[0]), network.owner(pair[1]))
    }
    return replace(history, declined=declined)


def _ordered(asking: Entry, other: Entry) -> tuple[Entry, Entry]:
    return (asking, other) if asking.listing.kind is Kind.NEED else (other, asking)


def _suggestions(
    network: Network,
    pairs: Sequence[tuple[Entry, Entry]],
    fit: FloatArray,
    score: FloatArray,
    ranker: Ranker,
    on: date,
    explained: int | None = None,
) -> list[Suggestion]:
    told = explain(network, pairs[:explained], on)
    unexplained: list[Reasons] = [((), (), ())] * (len(pairs) - len(told))
    return [
        Suggestion(
            need=need.listing,
            offer=offer.listing,
            fit=float(fits),
            strength=ranker.strength(float(fits)),
            score=float(scores),
            reasons=reasons,
            mismatches=mismatches,
            cautions=cautions,
        )
        for (need, offer), fits, scores, (reasons, mismatches, cautions) in zip(
            pairs, fit, score, told + unexplained, strict=True
        )
    ]


def objections(network: Network, suggestion: Suggestion, *, on: date, before: Past) -> list[str]:
    """Why a suggestion that was proposed earlier may not be made any more; none where it still may."""
    need, offer = network.find(suggestion.need), network.find(suggestion.offer)
    if need is None or offer is None:
        return ["One of the two has been changed or taken back since."]
    found = rule_objections(Asking(need, on, before), network.offers, offer.listing.id, MEMBER_RULES)
    found += rule_objections(Asking(offer, on, before), network.needs, need.listing.id, MEMBER_RULES)
    return list(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Proposal:
    """A week's suggestions, best first, and the members with none: True where something fitted but had no room."""

    suggestions: tuple[Suggestion, ...]
    left_out: dict[OrganisationId, bool]


def propose(
    network: Network,
    *,
    ranker: Ranker,
    on: date,
    history: History,
    progress: Progress = silent,
    needs_cap: int = NEEDS_CAP,
) -> Proposal:
    """A round over all open listings of members, both directions, solved for everybody at once."""
    before = past(history, network, on)
    asked = _candidates(network, network.needs, network.offers, ranker, on, before, progress)
    given = _candidates(network, network.offers, network.needs, ranker, on, before, progress)
    need, offer, fit, score = _united(asked, (given[1], given[0], *given[2:]), len(network.offers))
    market, organisations = _market(network, need, offer, fit, needs_cap, history)
    chosen = np.array(allocate(market), np.int64)
    pairs = [
        (network.needs.entries[n], network.offers.entries[o]) for n, o in zip(need[chosen], offer[chosen], strict=True)
    ]
    suggestions = _suggestions(network, pairs, fit[chosen], score[chosen], ranker, on)
    served = {listing.organisation for one in suggestions for listing in (one.need, one.offer)}
    could = {organisations[code] for code in np.union1d(market.asks[need], market.gives[offer])}
    return Proposal(
        tuple(suggestions),
        {
            organisation.id: organisation.id in could
            for organisation in sorted(network.organisations.values(), key=lambda one: one.id)
            if organisation.standing is Standing.MEMBER and organisation.id not in served
        },
    )


Columns = tuple[NDArray[np.int64], NDArray[np.int64], FloatArray, FloatArray]
"""Rows of the asking side, rows of the other, fit, score."""


def _candidates(
    network: Network, side: Side, other: Side, ranker: Ranker, on: date, before: Past, progress: Progress
) -> Columns:
    rows, others, fits, scores = [], [], [], []
    open_rows = np.flatnonzero(side.members_may_see & side.open(on))
    what = "looking for offers" if side is network.needs else "looking for needs"
    for done, row in enumerate(open_rows.tolist(), 1):
        ranked = rank(Asking(side.entries[row], on, before), other, ranker, rules=MEMBER_RULES)
        fitting = ranked.fit >= ranker.threshold
        rows.append(np.full(int(fitting.sum()), row, np.int64))
        others.append(ranked.rows[fitting])
        fits.append(ranked.fit[fitting])
        scores.append(ranked.score[fitting])
        progress(what, done, len(open_rows))
    none: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    return (
        np.concatenate(rows or none),
        np.concatenate(others or none),
        np.concatenate(fits or none).astype(np.float32),
        np.concatenate(scores or none).astype(np.float32),
    )


def _united(asked: Columns, given: Columns, offers: int) -> Columns:
    """The pairs that either direction found, once each, with the better of two fits, ordered by need and offer."""
    need, offer = np.concatenate([asked[0], given[0]]), np.concatenate([asked[1], given[1]])
    fit, score = np.concatenate([asked[2], given[2]]), np.concatenate([asked[3], given[3]])
    key = need * max(1, offers) + offer
    order = np.lexsort((-score, -fit, key))
    first = order[np.unique(key[order], return_index=True)[1]]
    return need[first], offer[first], fit[first], score[first]


def _market(
    network: Network,
    need: NDArray[np.int64],
    offer: NDArray[np.int64],
    fit: FloatArray,
    needs_cap: int,
    history: History,
) -> tuple[Market, list[OrganisationId]]:
    organisations = sorted(network.organisations)
    codes = {organisation: code for code, organisation in enumerate(organisations)}
    needs, offers = network.needs.entries, network.offers.entries
    return (
        Market(
            need=need,
            offer=offer,
            fit=fit,
            asks=np.array([codes[entry.listing.organisation] for entry in needs], np.int64),
            gives=np.array([codes[entry.listing.organisation] for entry in offers], np.int64),
            profiles=network.offers.profiles,
            need_caps=_capacities(needs, history),
            offer_caps=_capacities(offers, history),
            asking_caps=np.full(len(organisations), needs_cap, np.int64),
            giving_caps=np.array([_attention(network, organisation) for organisation in organisations], np.int64),
        ),
        organisations,
    )


def _capacities(entries: Sequence[Entry], history: History) -> NDArray[np.int64]:
    """How many more partners each listing can take."""
    listings = [entry.listing for entry in entries]
    left = [UNLIMITED if one.capacity is None else one.capacity - history.taken.get(one.id, 0) for one in listings]
    return np.array(left, np.int64)


def _attention(network: Network, organisation: OrganisationId) -> int:
    """How many suggestions about its offers an organisation wants in a week: its own cap, else its size's."""
    record = network.organisations[organisation]
    if record.attention_cap is not None:
        return record.attention_cap
    size = network.vocabulary.sizes.get(record.size)
    return size.attention_cap if size else NEEDS_CAP
