"""Suggestions for one listing: the same ranking for pages, command line, round and evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from matcher.eligibility import MEMBER_RULES, RULES, Asking, Past, Rule, eligible, past
from matcher.eligibility import objections as rule_objections
from matcher.encoding import FloatArray
from matcher.explaining import Reasons, explain
from matcher.features import features
from matcher.index import BoolArray
from matcher.network import Entry, Network, Side
from matcher.ranking import Ranker
from matcher.records import History, Kind, Listing, OrganisationId, Suggestion
from matcher.retrieval import DEPTH, retrieve


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """One query's candidates in columns, in the order in which they are shown."""

    rows: NDArray[np.int64]
    score: FloatArray
    fit: FloatArray


def rank(asking: Asking, side: Side, ranker: Ranker, *, rules: Sequence[Rule], depth: int = DEPTH) -> Ranked:
    """What the listing could meet, by fit; ties go to the higher score, then to the smaller id."""
    return ranked(asking.entry, side, eligible(asking, side, rules), ranker, depth=depth)


def ranked(
    entry: Entry,
    side: Side,
    among: BoolArray,
    ranker: Ranker,
    *,
    depth: int = DEPTH,
    similar: FloatArray | None = None,
) -> Ranked:
    """The same of the rows where `among` is true. `similar` is as in `retrieve`."""
    found = retrieve(entry, side, among, lexical_weight=ranker.lexical_weight, depth=depth, similar=similar)
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
    return suggestions(network, pairs, ranked.fit[shown], ranked.score[shown], ranker, on, explained)


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


def suggestions(
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
    return objections_of(network, need, offer, on=on, before=before)


def objections_of(network: Network, need: Entry, offer: Entry, *, on: date, before: Past) -> list[str]:
    """The sentences of the rules that forbid this pair to members, whichever of the two asks."""
    found = rule_objections(Asking(need, on, before), network.offers, offer.listing.id, MEMBER_RULES)
    found += rule_objections(Asking(offer, on, before), network.needs, need.listing.id, MEMBER_RULES)
    return list(dict.fromkeys(found))
