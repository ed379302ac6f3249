"""Ways of choosing a week's suggestions. Each sees what is believed, never what is true."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from evaluation.simulation.equilibrium import BETA, equilibrium
from matcher.allocation import LEVELS, Market, allocate
from matcher.flow import Integers, Worths


@dataclass(frozen=True, slots=True, eq=False)
class Week:
    """What a policy may see: the week's market, and what each candidate is worth to either side by itself.

    `asking` is fit x how likely the asking side says yes, `giving` the same of the giving side.
    """

    market: Market
    asking: Worths
    giving: Worths


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """Rows of the market that are suggested, and by what the lists of either side are ordered, the highest first."""

    rows: Integers
    asking: Worths
    giving: Worths


Policy = Callable[[Week], Lists]

OWN_LIST = "own-list"
FLOW = "flow"
REFERENCE = "reference"

SHARP = 0.02
"""The scale at which, of 1, .5, .2, .1, .05, .02 and .01, the reference introduces most in markets of 100x70."""


def own_list(week: Week) -> Lists:
    """Each asker's best by its own liking, as many as it may have: nobody else is asked, nor how much they can take."""
    rows = _first(week.market, week.asking, all_caps=False)
    return Lists(rows, week.asking[rows], week.giving[rows])


def product(week: Week) -> Lists:
    """Each asker's best by both sides' liking together; how much the giving side can take is not looked at."""
    return _ordered(week.market.value, _first(week.market, week.market.value, all_caps=False))


def greedy(week: Week) -> Lists:
    """The best of all, then the next, wherever the caps leave room."""
    return _ordered(week.market.value, _first(week.market, week.market.value, all_caps=True))


def flow(week: Week) -> Lists:
    """The weekly round's own: the best there is for everybody together."""
    return _solved(week.market, LEVELS)


def not_concave(week: Week) -> Lists:
    """The flow where an organisation's first suggestion is worth no more than its third."""
    return _solved(week.market, ())


def not_small_first(week: Week) -> Lists:
    """The flow where a small organisation's suggestions are worth no more than a large one's."""
    return _solved(replace(week.market, worth=np.ones_like(week.market.worth)), LEVELS)


def not_burdened(week: Week) -> Lists:
    """The flow where introductions of the last weeks cost an organisation nothing."""
    return _solved(replace(week.market, burden=np.zeros_like(week.market.burden)), LEVELS)


def reference(week: Week) -> Lists:
    """Tomita et al. (RecSys 2023), cut to the same caps: what is matched most in equilibrium comes first."""
    return _equilibrium(week, BETA)


def sharp_reference(week: Week) -> Lists:
    """Tomita et al. with a scale of .02 instead of the published 1 for what is unseen in tastes: stronger here."""
    return _equilibrium(week, SHARP)


POLICIES: Mapping[str, Policy] = {
    OWN_LIST: own_list,
    "product": product,
    "greedy": greedy,
    REFERENCE: reference,
    "reference-sharp": sharp_reference,
    FLOW: flow,
    "flow-not-concave": not_concave,
    "flow-not-small-first": not_small_first,
    "flow-not-burdened": not_burdened,
}


def _equilibrium(week: Week, beta: float) -> Lists:
    matched = equilibrium(week.market.need, week.market.offer, week.asking + week.giving, beta)
    return _ordered(matched, _first(week.market, matched, all_caps=True))


def _solved(market: Market, levels: tuple[float, ...]) -> Lists:
    return _ordered(market.value, allocate(market, levels=levels).rows)


def _ordered(by: Worths, rows: Integers) -> Lists:
    return Lists(rows, by[rows], by[rows])


def _first(market: Market, by: Worths, *, all_caps: bool) -> Integers:
    """Rows by falling `by`, each taken where there is room; without `all_caps` only the asking side's caps count."""
    needs, asked = market.need_caps.tolist(), market.asking_caps.tolist()
    offers, given, totals = market.offer_caps.tolist(), market.giving_caps.tolist(), market.total_caps.tolist()
    met: set[frozenset[int]] = set()
    rows = np.argsort(-by, kind="stable")
    need, offer = market.need[rows], market.offer[rows]
    columns = (rows, need, offer, market.asks[need], market.gives[offer])
    taken = []
    for row, wanted, got, asks, gives in zip(*(column.tolist() for column in columns), strict=True):
        if needs[wanted] < 1 or asked[asks] < 1:
            continue
        if all_caps:
            couple = frozenset((asks, gives))
            if min(offers[got], given[gives], totals[asks], totals[gives]) < 1 or couple in met:
                continue
            met.add(couple)
            offers[got] -= 1
            given[gives] -= 1
            totals[asks] -= 1
            totals[gives] -= 1
        needs[wanted] -= 1
        asked[asks] -= 1
        taken.append(row)
    return np.array(sorted(taken), np.int64)
