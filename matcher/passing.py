"""Why a round did not choose a candidate that fits: which limit was reached, and who is next when there is room."""

from collections.abc import Mapping

import numpy as np

from matcher.allocation import Limit, full
from matcher.candidates import Candidates
from matcher.flow import Integers
from matcher.network import Network
from matcher.ranking import Ranker
from matcher.records import PassedOver
from matcher.weighing import Weighed

TOLD_FIRST = (Limit.COUPLE, Limit.NEED, Limit.OFFER, Limit.GIVING, Limit.ASKING, Limit.GIVER, Limit.ASKER)
"""Of several limits that are reached the first of these is told: the nearer to the pair, the sooner."""

BY_CHANCE = "It was as good as what was chosen in its place: chance decided."
TOO_SOON = "One of the two was introduced lately, and it was not worth asking them again so soon."
TOO_LATE = "Room for it came only when chance had decided about another."


def passed_over(
    network: Network,
    candidates: Candidates,
    weighed: Weighed,
    chosen: Integers,
    propensities: Mapping[int, float],
    ranker: Ranker,
) -> list[PassedOver]:
    """The strong candidates that were not chosen, and those of `propensities`, which chance might have chosen.

    In the order of candidates. Of those held back by the same limit the one that is worth most is next in line.
    """
    strong, _, _ = ranker.cuts
    drawn_from = np.fromiter(propensities, np.int64, len(propensities))
    rows = np.setdiff1d(np.union1d(np.flatnonzero(candidates.fit >= strong), drawn_from), chosen)
    reached = full(weighed.market, chosen, rows)
    held = {
        row: None if row in propensities else _first(limits)
        for row, limits in zip(rows.tolist(), reached.tolist(), strict=True)
    }
    best_first = sorted(held, key=lambda row: (-weighed.market.value[row], row))
    next_in_line = {
        (limit, _held_by(weighed, limit, row)): row for row in best_first[::-1] if (limit := held[row]) is not None
    }
    found = []
    for row, limit in held.items():
        if limit is None:
            why = BY_CHANCE if row in propensities else _unlimited(weighed, row)
        else:
            is_next = next_in_line[limit, _held_by(weighed, limit, row)] == row and limit is not Limit.COUPLE
            why = _says(network, weighed, limit, row) + ("; next in line." if is_next else ".")
        need = network.needs.entries[candidates.need[row]].listing
        offer = network.offers.entries[candidates.offer[row]].listing
        found.append(
            PassedOver(
                need=need.id,
                offer=offer.id,
                between=(need.organisation, offer.organisation),
                fit=float(candidates.fit[row]),
                strength=ranker.strength(float(candidates.fit[row])),
                propensity=propensities.get(row, 0.0),
                why=why,
            )
        )
    return found


def _unlimited(weighed: Weighed, row: int) -> str:
    """Whatever fits beside the rest and adds something is allocated: this adds nothing, or chance made room for it."""
    market = weighed.market
    burden = market.burden[market.asks[market.need[row]]] + market.burden[market.gives[market.offer[row]]]
    return TOO_SOON if market.value[row] <= burden else TOO_LATE


def _first(reached: list[bool]) -> Limit | None:
    return next((limit for limit in TOLD_FIRST if reached[limit]), None)


def _held_by(weighed: Weighed, limit: Limit, row: int) -> int:
    """The number of the listing or organisation whose limit it is; of a couple's, the asking organisation's."""
    market = weighed.market
    need, offer = market.need[row], market.offer[row]
    if limit in (Limit.NEED, Limit.OFFER):
        return int(need if limit is Limit.NEED else offer)
    return int(market.gives[offer] if limit in (Limit.GIVING, Limit.GIVER) else market.asks[need])


def _says(network: Network, weighed: Weighed, limit: Limit, row: int) -> str:
    market = weighed.market
    asker, giver = int(market.asks[market.need[row]]), int(market.gives[market.offer[row]])
    held = giver if limit in (Limit.GIVING, Limit.GIVER) else asker

    def name(code: int) -> str:
        return network.organisations[weighed.organisations[code]].name

    match limit:
        case Limit.COUPLE:
            return f"{name(asker)} and {name(giver)} are suggested to each other for something else this week"
        case Limit.NEED | Limit.OFFER:
            return f"With this week's suggestions the {limit.name.lower()} has as many partners as it can take"
        case Limit.ASKING:
            return f"{name(held)} was at its limit this week, {market.asking_caps[held]} for what it needs"
        case Limit.GIVING:
            return f"{name(held)} was at its limit this week, {market.giving_caps[held]} for what it offers"
        case _:
            return f"{name(held)} was at its limit this week, {market.total_caps[held]} in all"
