"""Why a round did not choose a candidate that fits: which limit was reached, and who is next when there is room."""

from collections.abc import Mapping

import numpy as np

from matcher.allocation import LEVELS, Limit, Market, full
from matcher.candidates import Candidates
from matcher.flow import Integers, Worths
from matcher.index import BoolArray
from matcher.network import Network
from matcher.ranking import Ranker
from matcher.records import PassedOver
from matcher.weighing import Weighed

TOLD_FIRST = (Limit.COUPLE, Limit.NEED, Limit.OFFER, Limit.GIVING, Limit.ASKING, Limit.GIVER, Limit.ASKER)
"""In which order limits are told: the nearer to the pair, the sooner."""

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

    In the order of candidates. Where more room at one limit would do, whoever would add most with it is next in line.
    """
    strong, _, _ = ranker.cuts
    drawn_from = np.fromiter(propensities, np.int64, len(propensities))
    rows = np.setdiff1d(np.union1d(np.flatnonzero(candidates.fit >= strong), drawn_from), chosen)
    reached = full(weighed.market, chosen, rows)
    adds = _adds(weighed.market, chosen, rows)
    next_in_line: dict[tuple[Limit, int], int] = {}
    for place in np.lexsort((-rows, adds)).tolist():  # the last one that is put down is the best
        row = int(rows[place])
        if row not in propensities and adds[place] > 0 and (limit := _only(weighed, reached[place], row)) is not None:
            held = Limit.ASKER if limit is Limit.GIVER else limit  # one total, whichever side comes up against it
            next_in_line[held, _holder(weighed, limit, row)] = row
    first_in_line = set(next_in_line.values())
    found = []
    for row, limits in zip(rows.tolist(), reached, strict=True):
        if row in propensities:
            why = BY_CHANCE
        elif limits.any():
            why = why_full(network, weighed, limits, row) + ("; next in line." if row in first_in_line else ".")
        else:
            why = _unlimited(weighed, row)
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


def _adds(market: Market, chosen: Integers, rows: Integers) -> Worths:
    """What each of these rows would add beside the chosen, were there room."""
    adds = market.value[rows].copy()
    for owners in (market.asking, market.giving):
        had = np.bincount(owners[chosen], minlength=len(market.worth))[owners[rows]]
        level = np.array([*LEVELS, 0.0])[np.minimum(had, len(LEVELS))]
        adds += level * market.worth[owners[rows]] - market.burden[owners[rows]]
    return adds


def _only(weighed: Weighed, reached: BoolArray, row: int) -> Limit | None:
    """The one limit that stands against the row; None where there are several, or whoever set it wants none."""
    against = [limit for limit in TOLD_FIRST if reached[limit]]
    if len(against) != 1 or against[0] is Limit.COUPLE or _cap(weighed, against[0], row) == 0:
        return None
    return against[0]


def why_full(network: Network, weighed: Weighed, reached: BoolArray, row: int) -> str:
    """The limits that stand against the row, each said once, without a full stop."""
    return "; ".join(_says(network, weighed, limit, row) for limit in TOLD_FIRST if reached[limit])


def _holder(weighed: Weighed, limit: Limit, row: int) -> int:
    """The number of the listing or organisation whose limit it is; of a couple's, the asking organisation's."""
    market = weighed.market
    need, offer = market.need[row], market.offer[row]
    if limit in (Limit.NEED, Limit.OFFER):
        return int(need if limit is Limit.NEED else offer)
    return int(market.gives[offer] if limit in (Limit.GIVING, Limit.GIVER) else market.asks[need])


def _cap(weighed: Weighed, limit: Limit, row: int) -> int:
    market = weighed.market
    caps = {
        Limit.NEED: market.need_caps,
        Limit.OFFER: market.offer_caps,
        Limit.ASKING: market.asking_caps,
        Limit.GIVING: market.giving_caps,
    }
    return int(caps.get(limit, market.total_caps)[_holder(weighed, limit, row)])


def _says(network: Network, weighed: Weighed, limit: Limit, row: int) -> str:
    market = weighed.market
    asker, giver = (
        network.organisations[weighed.organisations[code]].name
        for code in (market.asks[market.need[row]], market.gives[market.offer[row]])
    )
    if limit is Limit.COUPLE:
        return f"{asker} and {giver} are suggested to each other for something else this week"
    if limit in (Limit.NEED, Limit.OFFER):
        return f"With this week's suggestions the {limit.name.lower()} has as many partners as it can take"
    name = giver if limit in (Limit.GIVING, Limit.GIVER) else asker
    what = {Limit.ASKING: "for what it needs", Limit.GIVING: "for what it offers"}.get(limit, "in all")
    cap = _cap(weighed, limit, row)
    if cap == 0 and limit is Limit.GIVING:  # the other limits are the network's: nobody wants them
        return f"{name} wants none {what}"
    return f"{name} was at its limit this week, {cap} {what}"
