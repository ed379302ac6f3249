"""Markets to simulate: who needs and offers what, what is believed of each pair, and what is true of it.

Policies see beliefs only. Fit is calibrated by construction: of pairs with a fit of .6, sixty percent are drawn as
worth a yes. Willingness is true on average too: each side's own is drawn around what is believed (Beta distributed).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.allocation import UNLIMITED
from matcher.flow import Integers, Worths
from matcher.weighing import NEEDS_CAP, TOTAL_CAP

SIZES = ("micro", "small", "medium", "large")
SMALL = 2  # the first of SIZES that are called small
MIX = (0.27, 0.18, 0.24, 0.31)  # of organisations; this and the next two are the example network's
LISTINGS = (2.6, 2.6, 3.7, 5.0)  # that an organisation has, by size
PER_ORGANISATION = 3.6  # listings, over all sizes
ATTENTION = (2, 3, 4, 5)  # data/vocabulary/sizes.toml

UNSAID = {"need": 0.9, "offer": 0.2}  # listings that do not say how many partners they can take
SINGLE = {"need": 0.0, "offer": 0.1}  # that can take one; the others say two to MOST
MOST = 5

TASTES = 6  # dimensions in which a need and an offer are near or not
MARGIN = -2.2  # the log-odds that an average pair fits
AFFINITY = 1.1  # what one standard deviation of nearness adds to it
POPULAR = 0.05  # of offers, at least one, fit nearly everybody: they are what crowds are about
APPEAL = 2.0  # what that adds
SHOWN = 0.15  # the least fit of a candidate
DEPTH = 30  # candidates that each listing finds at most

ASKING, GIVING = 0.55, 0.36  # how likely an average side says yes to what fits: the prior's means in the example
SPREAD = 0.5  # standard deviation of its log-odds between organisations, and once more between pairs


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """A market before its first week: candidates in columns, what is believed of them, and who can take how much.

    `asking` and `giving` are the likelihoods of a yes of either side to what fits, where nobody has been introduced
    lately. Organisations are numbered across both sides; `small` says who is micro or small.
    """

    name: str
    need: Integers
    offer: Integers
    fit: Worths
    asking: Worths
    giving: Worths
    asks: Integers
    gives: Integers
    need_caps: Integers
    offer_caps: Integers
    asking_caps: Integers
    giving_caps: Integers
    total_caps: Integers
    small: NDArray[np.bool_]

    @property
    def small_listings(self) -> float:
        """The share of needs and offers that small organisations hold."""
        return float(self.small[np.concatenate([self.asks, self.gives])].mean())


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Of each candidate: how likely either side says yes when it looks, 0 where the pair is not worth it."""

    asking: Worths
    giving: Worths


def draw(needs: int, offers: int, seed: int) -> World:
    """A market of that many listings. The same seed gives the same one."""
    rng = np.random.default_rng([seed, needs, offers])
    organisations = max(2, round((needs + offers) / PER_ORGANISATION))
    size = rng.choice(len(SIZES), organisations, p=MIX)
    asks, gives, size = _owned(needs, offers, size, rng)
    need, offer, fit = _fitting(needs, offers, rng)
    other = asks[need] != gives[offer]
    need, offer, fit = need[other], offer[other], fit[other]
    return World(
        name=f"{needs}x{offers}",
        need=need,
        offer=offer,
        fit=fit,
        asking=_willing(ASKING, asks[need], rng),
        giving=_willing(GIVING, gives[offer], rng),
        asks=asks,
        gives=gives,
        need_caps=_capacities("need", needs, rng),
        offer_caps=_capacities("offer", offers, rng),
        asking_caps=np.full(len(size), NEEDS_CAP),
        giving_caps=np.array(ATTENTION)[size],
        total_caps=np.full(len(size), TOTAL_CAP),
        small=size < SMALL,
    )


def _owned(needs: int, offers: int, size: Integers, rng: np.random.Generator) -> tuple[Integers, Integers, Integers]:
    """Who asks, who gives, and the sizes of those who do either: the larger, the more listings."""
    share = np.array(LISTINGS)[size]
    owner = rng.choice(len(size), needs + offers, p=share / share.sum())
    held, number = np.unique(owner, return_inverse=True)
    return number[:needs], number[needs:], size[held]


def _fitting(needs: int, offers: int, rng: np.random.Generator) -> tuple[Integers, Integers, Worths]:
    """The pairs that either listing has among its best `DEPTH`, ordered by need and offer, with their fit."""
    wanted, given = rng.standard_normal((needs, TASTES)), rng.standard_normal((offers, TASTES))
    appeal = np.zeros(offers)
    appeal[rng.permutation(offers)[: max(1, round(POPULAR * offers))]] = APPEAL
    margin = MARGIN + AFFINITY * (wanted @ given.T) / np.sqrt(TASTES) + appeal
    among_offers = (-margin).argsort(axis=1, kind="stable").argsort(axis=1) < DEPTH
    among_needs = (-margin).argsort(axis=0, kind="stable").argsort(axis=0) < DEPTH
    fit = 1 / (1 + np.exp(-margin))
    need, offer = np.nonzero((among_offers | among_needs) & (fit >= SHOWN))
    return need, offer, fit[need, offer]


def _willing(mean: float, owner: Integers, rng: np.random.Generator) -> Worths:
    by_organisation = rng.normal(0, SPREAD, int(owner.max(initial=-1)) + 1)
    odds = np.log(mean / (1 - mean)) + by_organisation[owner] + rng.normal(0, SPREAD, len(owner))
    return np.asarray(1 / (1 + np.exp(-odds)))


def _capacities(kind: str, listings: int, rng: np.random.Generator) -> Integers:
    said = np.where(rng.random(listings) < SINGLE[kind] / (1 - UNSAID[kind]), 1, rng.integers(2, MOST + 1, listings))
    return np.where(rng.random(listings) < UNSAID[kind], UNLIMITED, said)


def truth(world: World, noise: float, seed: int) -> Truth:
    """What is true of each candidate, around what is believed.

    With `noise` 0 willingness is what is believed; with 1 it is settled beforehand, a yes or a no; in between its
    variance is that share of the most there can be.
    """
    rng = np.random.default_rng([seed, len(world.need)])
    worth_it = rng.random(len(world.need)) < world.fit
    return Truth(worth_it * _strayed(world.asking, noise, rng), worth_it * _strayed(world.giving, noise, rng))


def _strayed(mean: Worths, noise: float, rng: np.random.Generator) -> Worths:
    if noise == 0:
        return mean
    if noise == 1:
        return (rng.random(len(mean)) < mean).astype(np.float64)
    weight = 1 / noise - 1
    return rng.beta(mean * weight, (1 - mean) * weight)
