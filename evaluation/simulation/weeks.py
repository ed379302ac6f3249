"""Week after week in one market: suggestions are read, some become introductions, and the next week remembers."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evaluation.simulation.policies import Policy, Week
from evaluation.simulation.worlds import Truth, World
from matcher.allocation import Market
from matcher.eligibility import COOL_DOWN
from matcher.flow import Integers, Worths, places
from matcher.likelihood import vigour
from matcher.weighing import BURDEN, MOST, SMALL_FIRST

Flags = NDArray[np.bool_]

REST = COOL_DOWN.days // 7
"""Weeks for which a suggested pair is not suggested again, and for which an introduction weighs on an organisation."""


@dataclass(frozen=True, slots=True, eq=False)
class Lived:
    """One week as it went.

    `open` are the world's candidates that could be suggested, and `yes` how likely both sides of each say yes when both
    look. `rows` are those of `open` that were suggested; of these, `asking_place` and `giving_place` are the places in
    either side's list, from 0, and `introduced` says which became introductions. Caps are what listings could still
    take.
    """

    open: Integers
    yes: Worths
    rows: Integers
    asking_place: Integers
    giving_place: Integers
    introduced: Flags
    need_caps: Integers
    offer_caps: Integers
    seconds: float

    @property
    def suggested(self) -> Integers:
        """The world's candidates that were suggested."""
        return self.open[self.rows]

    @property
    def looks(self) -> Worths:
        """How likely both sides were to look at each suggestion."""
        return examination(self.asking_place) * examination(self.giving_place)

    @property
    def chances(self) -> Worths:
        """How likely each suggestion was to become an introduction."""
        return self.looks * self.yes[self.rows]


def live(world: World, truth: Truth, policy: Policy, *, weeks: int, seed: int) -> Iterator[Lived]:
    """Weeks one after the other. The seed is for what chance decides, and it decides alike whatever the policy."""
    need_caps, offer_caps = world.need_caps.copy(), world.offer_caps.copy()
    last = np.full(len(world.need), -REST)
    apart = np.ones(len(world.need), bool)
    introduced = np.zeros((weeks, len(world.small)), np.int64)
    for week in range(weeks):
        load = introduced[max(0, week - REST) : week].sum(axis=0)
        rested = week - last >= REST
        open_ = np.flatnonzero(apart & rested & (need_caps[world.need] > 0) & (offer_caps[world.offer] > 0))
        seen = _week(world, open_, need_caps.copy(), offer_caps.copy(), load)
        began = time.perf_counter()
        lists = policy(seen)
        seconds = time.perf_counter() - began
        suggested = open_[lists.rows]
        lived = Lived(
            open=open_,
            yes=(truth.asking * truth.giving)[open_] * _vigour_of_both(world, open_, load).prod(axis=0),
            rows=lists.rows,
            asking_place=places(world.asks[world.need[suggested]], lists.asking),
            giving_place=places(world.gives[world.offer[suggested]], lists.giving),
            introduced=np.zeros(len(suggested), bool),
            need_caps=seen.market.need_caps,
            offer_caps=seen.market.offer_caps,
            seconds=seconds,
        )
        luck = np.random.default_rng([seed, week]).random(len(world.need))[suggested]
        met = _met(world, suggested, luck < lived.chances, luck, need_caps, offer_caps)
        yield replace(lived, introduced=met)
        last[suggested] = week
        apart[suggested[met]] = False
        np.add.at(introduced[week], world.asks[world.need[suggested[met]]], 1)
        np.add.at(introduced[week], world.gives[world.offer[suggested[met]]], 1)


def _vigour_of_both(world: World, candidates: Integers, load: Integers) -> Worths:
    """What introductions of the last weeks leave of either side's likelihood, shape (2, candidates): as believed."""
    sides = np.stack([world.asks[world.need[candidates]], world.gives[world.offer[candidates]]])
    return vigour(load[sides].astype(np.float64))


def _week(world: World, open_: Integers, need_caps: Integers, offer_caps: Integers, load: Integers) -> Week:
    asking_vigour, giving_vigour = _vigour_of_both(world, open_, load)
    fit = world.fit[open_]
    asking, giving = world.asking[open_] * asking_vigour, world.giving[open_] * giving_vigour
    market = Market(
        need=world.need[open_],
        offer=world.offer[open_],
        value=fit * asking * giving,
        asks=world.asks,
        gives=world.gives,
        need_caps=need_caps,
        offer_caps=offer_caps,
        asking_caps=world.asking_caps,
        giving_caps=world.giving_caps,
        total_caps=world.total_caps,
        worth=np.where(world.small, SMALL_FIRST, 1.0),
        burden=BURDEN * np.minimum(load, MOST),
    )
    return Week(market, fit * asking, fit * giving)


def examination(place: Integers) -> Worths:
    """How likely a suggestion in that place of a list is looked at: 1 / log2(2 + place).

    The logarithmic examination of Su, Bayoumi and Joachims, "Optimizing Rankings for Recommendation in Matching
    Markets" (WWW 2022), one of those that Tomita et al. (2023) measure with.
    """
    return np.asarray(1 / np.log2(2 + place))


def _met(
    world: World, suggested: Integers, agreed: Flags, luck: Worths, need_caps: Integers, offer_caps: Integers
) -> Flags:
    """Which agreements become introductions: a listing takes what it can, the luckier first. Lowers the caps."""
    met = np.zeros(len(suggested), bool)
    for row in np.lexsort((luck, ~agreed))[: agreed.sum()]:
        need, offer = world.need[suggested[row]], world.offer[suggested[row]]
        if need_caps[need] > 0 and offer_caps[offer] > 0:
            need_caps[need] -= 1
            offer_caps[offer] -= 1
            met[row] = True
    return met
