"""A week's suggestions out of all candidates, solved for everybody at once.

What adds up and the caps on either side are one flow (flow.py), solved exactly. Two limits are none of a flow: how many
suggestions an organisation gets on both sides together, and that two organisations meet once a round. Each such limit
has a price, which rises while the limit is passed and falls while it is not reached (Lagrangian relaxation: Held, Wolfe
and Crowder 1974; each price with its own step: Riedmiller and Braun 1993). What the prices leave over is trimmed, and
the room that makes is filled. No allocation is worth more than the relaxed one, so how much is missing is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np

from matcher.flow import SCALE, Half, Integers, Worths, places, solve
from matcher.index import BoolArray

UNLIMITED = 1 << 30  # the cap of whoever set none
LEVELS = (0.12, 0.04, 0.01)
"""What an organisation's first, second and third suggestion on one side are worth besides their value."""

ROUNDS = 60  # of prices at most
NEAR = 3e-3  # a gap from which on what is kept is solved once more
ENOUGH = 1e-3  # a gap with which we stop, once
WORK = 60_000  # listings times rounds of prices have come to this: all else that a week computes grows with listings
CLOSED = 1e-9  # a gap that is only what sums of floats differ by
STEP, FASTER, SLOWER = 0.06, 1.2, 0.5  # how far a price goes first, while it keeps its direction, and when it turns


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """The candidates of a round in columns, with who owns what and how much each can take.

    `need` and `offer` number listings on their own side; `asks` and `gives` map those numbers to organisations,
    numbered across both sides. `value` is what a candidate is worth by itself. The caps follow the numbers of listings
    and of organisations, as do `worth`, the factor on `LEVELS` (0 or more), and `burden`, what each suggestion of an
    organisation costs. No candidate is between an organisation and itself.
    """

    need: Integers
    offer: Integers
    value: Worths
    asks: Integers
    gives: Integers
    need_caps: Integers
    offer_caps: Integers
    asking_caps: Integers
    giving_caps: Integers
    total_caps: Integers
    worth: Worths
    burden: Worths

    @property
    def asking(self) -> Integers:
        """Each candidate's organisation that asks."""
        return self.asks[self.need]

    @property
    def giving(self) -> Integers:
        return self.gives[self.offer]

    @property
    def listings(self) -> int:
        """How many there are, whether or not they have candidates."""
        return len(self.asks) + len(self.gives)


@dataclass(frozen=True, slots=True, eq=False)
class Allocation:
    """The rows of the market that are suggested, ascending; what they are worth, and what none is worth more than.

    `bound` is for allocations that have the pinned rows, too; `unmet` are those that no cap left room for.
    """

    rows: Integers
    value: float
    bound: float
    unmet: Integers

    @property
    def gap(self) -> float:
        """The share of the bound that is at most missing: what worths are rounded by, where nothing is."""
        return max(0.0, self.bound - self.value) / abs(self.bound) if self.bound else 0.0


def objective(market: Market, rows: Sequence[int] | Integers, levels: Sequence[float] = LEVELS) -> float:
    """What these suggestions are worth together: values, what they cost, and each organisation's first ones."""
    chosen = np.asarray(rows, np.int64)
    total = float(market.value[chosen].sum())
    for organisations in (market.asking[chosen], market.giving[chosen]):
        counts = np.bincount(organisations, minlength=len(market.worth))
        reached = np.concatenate([[0.0], np.cumsum(levels)])[np.minimum(counts, len(levels))]
        total += float((market.worth * reached - market.burden * counts).sum())
    return total


class Limit(IntEnum):
    """What a candidate counts against, in the order of `full`'s columns."""

    NEED = 0
    OFFER = 1
    ASKING = 2
    GIVING = 3
    ASKER = 4  # the total of the organisation that asks
    GIVER = 5
    COUPLE = 6


def full(market: Market, chosen: Integers, rows: Integers) -> BoolArray:
    """Which limits leave each of these rows no room beside the chosen: shape (rows, limits)."""
    caps = caps_of(market)
    return np.asarray(caps.after(chosen).room[caps.counted[rows]] <= 0)


def allocate(market: Market, *, levels: Sequence[float] = LEVELS, pinned: Sequence[int] = ()) -> Allocation:
    """The suggestions of a week: no cap is passed, no two organisations meet twice, and hardly more is to be had.

    Rows in `pinned` come first, in their order, as far as the caps allow. The rest is the best there is but for what
    `gap` says, the rounding of flow.SCALE included. Raises ValueError for levels that rise.
    """
    if any(later > earlier for earlier, later in pairwise([*levels, 0.0])):
        raise ValueError(
            f"levels {tuple(levels)} rise, or are negative: a later suggestion would be worth more than one before"
        )
    caps = caps_of(market)
    granted, unmet = grant(caps, pinned)
    problem = _Problem.beside(market, caps, granted, levels)
    prices = _Prices.none(len(caps.room) - caps.flow)
    best, value, bound = granted, objective(market, granted, levels), np.inf
    for number in range(1, ROUNDS + 1):
        chosen = problem.solved(prices.prices)
        over = problem.over(chosen)
        relaxed = objective(market, np.append(granted, chosen), levels) - float(prices.prices @ over)
        bound = min(bound, relaxed + problem.rounding)
        kept = problem.filled(problem.trimmed(chosen))
        worth = objective(market, np.append(granted, kept), levels)
        if CLOSED < bound - problem.rounding - worth <= NEAR * abs(bound):
            kept = problem.filled(problem.refitted(kept))
            worth = objective(market, np.append(granted, kept), levels)
        if worth > value:
            best, value = np.append(granted, kept), worth
        missing = bound - problem.rounding - value
        if missing <= CLOSED or (missing <= ENOUGH * abs(bound) and number * market.listings >= WORK):
            break
        prices = prices.moved(over)
    return Allocation(np.sort(best), value, max(bound, value), unmet)


@dataclass(frozen=True, slots=True, eq=False)
class Caps:
    """All that is counted, numbered in one row: needs, offers, asking, giving; from `flow` on totals and couples.

    `counted[c]` has a number for each `Limit` that candidate c counts against; `room` is how much each still takes.
    """

    counted: Integers
    room: Integers
    flow: int

    def used(self, rows: Integers) -> Integers:
        return np.bincount(self.counted[rows].ravel(), minlength=len(self.room))

    def after(self, rows: Integers) -> "Caps":
        return Caps(self.counted, self.room - self.used(rows), self.flow)


def caps_of(market: Market) -> Caps:
    asking, giving = market.asking, market.giving
    couples = np.minimum(asking, giving) * len(market.worth) + np.maximum(asking, giving)
    distinct, couple = np.unique(couples, return_inverse=True)
    rooms = (market.need_caps, market.offer_caps, market.asking_caps, market.giving_caps, market.total_caps)
    starts = np.cumsum([0, *(len(room) for room in rooms)])
    numbers = (market.need, market.offer, asking, giving, asking, giving, couple)
    counted = np.stack([n + starts[kind] for n, kind in zip(numbers, (0, 1, 2, 3, 4, 4, 5), strict=True)], axis=1)
    return Caps(
        counted, np.concatenate([*(room.clip(0) for room in rooms), np.ones(len(distinct), np.int64)]), int(starts[4])
    )


def grant(caps: Caps, pinned: Sequence[int]) -> tuple[Integers, Integers]:
    """The pinned rows, each once and in their order, for which there is room beside those before; and the others."""
    left, granted, unmet = caps.room.copy(), [], []
    for row in dict.fromkeys(pinned):
        if (left[caps.counted[row]] > 0).all():
            left[caps.counted[row]] -= 1
            granted.append(row)
        else:
            unmet.append(row)
    return np.array(granted, np.int64), np.array(unmet, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """What is left to solve beside what was granted. Rows are the market's throughout; `open` are those still open.

    `asked` and `given` have what each organisation's next suggestions are worth besides their value.
    """

    market: Market
    caps: Caps
    open: Integers
    asked: Worths
    given: Worths

    @staticmethod
    def beside(market: Market, caps: Caps, granted: Integers, levels: Sequence[float]) -> "_Problem":
        left = caps.after(granted)
        asked, given = (worths_after(market, levels, owners[granted]) for owners in (market.asking, market.giving))
        return _Problem(market, left, np.flatnonzero((left.room[caps.counted] > 0).all(axis=1)), asked, given)

    def solved(self, prices: Worths) -> Integers:
        """The best candidates when each limit costs its price, whether or not the limits are passed."""
        market, of_limits = self.market, self.caps.counted[self.open, Limit.ASKER :] - self.caps.flow
        needs, offers, asking, giving = np.split(self.caps.room[: self.caps.flow], self._flow_parts)
        value = market.value[self.open] - prices[of_limits].sum(axis=1)
        asks = Half(market.need[self.open], market.asks, needs, asking, self.asked)
        gives = Half(market.offer[self.open], market.gives, offers, giving, self.given)
        return self.open[solve(value, asks, gives)]

    @property
    def _flow_parts(self) -> Integers:
        market = self.market
        return np.cumsum([len(market.asks), len(market.gives), len(market.worth)])

    def over(self, chosen: Integers) -> Integers:
        """By how much each limit is passed; below 0 where there is room."""
        return (self.caps.used(chosen) - self.caps.room)[self.caps.flow :]

    @property
    def rounding(self) -> float:
        """What the best may be worth beyond the solver's best, because worths are rounded to whole numbers."""
        most = min(len(self.open), int(self.market.asking_caps.clip(0, len(self.open)).sum()))
        return 3 * most / SCALE

    def trimmed(self, chosen: Integers) -> Integers:
        """Those within all limits: of a couple the one of most value, of an organisation those worth most to it."""
        chosen = chosen[places(self.caps.counted[chosen, Limit.COUPLE], self.market.value[chosen]) == 0]
        owners = np.concatenate([self.market.asking[chosen], self.market.giving[chosen]])
        worth = [
            self.market.value[chosen] + _at(worths, places(owner, self.market.value[chosen]), owner)
            for worths, owner in zip((self.asked, self.given), np.split(owners, 2), strict=True)
        ]
        room = np.split(self.caps.room[self.caps.flow :], [len(self.market.worth)])[0]
        kept = places(owners, np.concatenate(worth)) < room[owners]
        return np.asarray(chosen[np.logical_and(*np.split(kept, 2))], np.int64)

    def refitted(self, kept: Integers) -> Integers:
        """Solved again within caps that hold the limits as `kept` does: at least as good, and within all limits."""
        market, count = self.market, len(self.market.worth)
        needs, offers, asking, giving = np.split(self.caps.room[: self.caps.flow], self._flow_parts)
        asked, given = (np.bincount(owners[kept], minlength=count) for owners in (market.asking, market.giving))
        total = self.caps.room[self.caps.flow : self.caps.flow + count]
        giving = np.minimum(giving, given + (total - asked - given) // 2)
        asking = np.minimum(asking, total - giving)
        is_kept = np.isin(self.open, kept)
        first = places(self.caps.counted[self.open, Limit.COUPLE], np.where(is_kept, np.inf, market.value[self.open]))
        rows = self.open[first == 0]
        asks = Half(market.need[rows], market.asks, needs, asking, self.asked)
        gives = Half(market.offer[rows], market.gives, offers, giving, self.given)
        return np.asarray(rows[solve(market.value[rows], asks, gives)])

    def filled(self, chosen: Integers) -> Integers:
        """With what fits beside them and adds something, the most worth first."""
        left = self.caps.after(chosen).room
        asking, giving = self.market.asking, self.market.giving
        asked, given = (np.bincount(owners[chosen], minlength=len(self.market.worth)) for owners in (asking, giving))

        def adds(rows: Integers) -> Worths:
            at_asking, at_giving = asking[rows], giving[rows]
            besides = _at(self.asked, asked[at_asking], at_asking) + _at(self.given, given[at_giving], at_giving)
            return self.market.value[rows] + besides

        fitting = self.open[(left[self.caps.counted[self.open]] > 0).all(axis=1)]
        more = []
        for row in fitting[np.argsort(-adds(fitting), kind="stable")].tolist():
            counted = self.caps.counted[row]
            if (left[counted] > 0).all() and adds(np.array([row]))[0] > 0:
                left[counted] -= 1
                asked[asking[row]] += 1
                given[giving[row]] += 1
                more.append(row)
        return np.append(chosen, np.array(more, np.int64))


def worths_after(market: Market, levels: Sequence[float], had: Integers) -> Worths:
    """What each organisation's suggestions after those it `had` are worth besides their value; the last row goes on."""
    counts = np.bincount(had, minlength=len(market.worth))
    padded = np.array([*levels, 0.0])
    places = np.minimum(np.arange(len(padded))[:, None] + counts, len(levels))
    return np.asarray(padded[places] * market.worth - market.burden)


def _at(worths: Worths, place: Integers, organisations: Integers) -> Worths:
    return np.asarray(worths[np.minimum(place, len(worths) - 1), organisations])


@dataclass(frozen=True, slots=True, eq=False)
class _Prices:
    """What it costs to count against each limit, how far each price moves next, and which way it went last."""

    prices: Worths
    steps: Worths
    went: Integers

    @staticmethod
    def none(limits: int) -> "_Prices":
        return _Prices(np.zeros(limits), np.full(limits, STEP), np.zeros(limits, np.int64))

    def moved(self, over: Integers) -> "_Prices":
        way = np.sign(np.where(self.prices > 0, over, np.maximum(over, 0)))
        steps = self.steps * np.select([way * self.went > 0, way * self.went < 0], [FASTER, SLOWER], 1.0)
        return _Prices(np.maximum(0, self.prices + steps * way), steps, np.where(way != 0, way, self.went))
