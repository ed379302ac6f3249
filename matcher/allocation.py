"""One week's suggestions out of all candidates: best first, nobody past a cap, and hardly anybody left out needlessly.

Whoever has nothing is served by moving up to `LONGEST` suggestions of others, none of whom ends with nothing. Where all
caps are 1 and nobody both asks and gives, every such move is found; elsewhere a rare one may be missed.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.encoding import FloatArray
from matcher.index import BoolArray

UNLIMITED = 1 << 30  # the cap of whoever set none
LONGEST = 8  # suggestions moved at most to serve one more organisation


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """The candidates of a round in columns, with who owns what and how much each can take.

    `need` and `offer` number listings on their own side; `asks` and `gives` map those numbers to organisations,
    numbered across both sides; `profiles` says which offers are only profiles; the caps follow the numbers of
    listings and of organisations. No candidate is between an organisation and itself.
    """

    need: NDArray[np.int64]
    offer: NDArray[np.int64]
    fit: FloatArray
    asks: NDArray[np.int64]
    gives: NDArray[np.int64]
    profiles: BoolArray
    need_caps: NDArray[np.int64]
    offer_caps: NDArray[np.int64]
    asking_caps: NDArray[np.int64]
    giving_caps: NDArray[np.int64]


class _Chosen:
    """What is chosen so far, as places in `order`. Two organisations meet once a round at most.

    The four caps that a candidate counts against are numbered in one row: of needs, offers, asking and giving.
    """

    def __init__(self, market: Market, order: NDArray[np.int64]) -> None:
        need, offer = market.need[order], market.offer[order]
        asks, gives = market.asks[need], market.gives[offer]
        caps = (market.need_caps, market.offer_caps, market.asking_caps, market.giving_caps)
        starts = np.cumsum([0, *(len(column) for column in caps)])
        self.places: set[int] = set()
        self.couples: set[tuple[int, int]] = set()
        self.organisations: list[tuple[int, int]] = list(zip(asks.tolist(), gives.tolist(), strict=True))
        self.caps: list[int] = np.concatenate(caps).tolist()
        self.counted: list[list[int]] = (np.stack([need, offer, asks, gives], axis=1) + starts[:4]).tolist()
        self.asking, self.giving = int(starts[2]), int(starts[3])
        self.under: list[set[int]] = [set() for _ in self.caps]

    def served(self, organisation: int) -> bool:
        return bool(self.under[self.asking + organisation] or self.under[self.giving + organisation])

    def full(self, place: int) -> tuple[int, ...]:
        """The caps that leave this candidate no room."""
        return tuple(cap for cap in self.counted[place] if len(self.under[cap]) >= self.caps[cap])

    def in_the_way(self, full: tuple[int, ...]) -> list[int]:
        """The suggestions of which any one, taken out, makes room under all these caps, weakest first."""
        return sorted(set.intersection(*(self.under[cap] for cap in full)), reverse=True)

    def room(self, place: int) -> bool:
        return not self.full(place) and self._couple(place) not in self.couples

    def add(self, place: int) -> None:
        self.places.add(place)
        self.couples.add(self._couple(place))
        for cap in self.counted[place]:
            self.under[cap].add(place)

    def remove(self, place: int) -> None:
        self.places.remove(place)
        self.couples.remove(self._couple(place))
        for cap in self.counted[place]:
            self.under[cap].remove(place)

    def _couple(self, place: int) -> tuple[int, int]:
        asks, gives = self.organisations[place]
        return (asks, gives) if asks < gives else (gives, asks)


def allocate(market: Market) -> list[int]:
    """The rows of the market that are suggested, best first.

    Ties go to real offers before profiles, then to the smaller need, then the smaller offer. First everybody's best
    possible first suggestion; then whoever has nothing takes a place from others who find another; then the rest by
    fit. Greedy: the fits can add up to less than in a joint optimum.
    """
    order = np.lexsort((market.offer, market.need, market.profiles[market.offer], -market.fit))
    chosen = _Chosen(market, order)
    for place, organisations in enumerate(chosen.organisations):
        if not all(map(chosen.served, organisations)) and chosen.room(place):
            chosen.add(place)
    _serve_the_left_out(chosen)
    for place in range(len(order)):
        if place not in chosen.places and chosen.room(place):
            chosen.add(place)
    return [int(order[place]) for place in sorted(chosen.places)]


def _serve_the_left_out(chosen: _Chosen) -> None:
    """Moves as few suggestions as will do: more are moved only when fewer help nobody any more.

    In one pass over the left out, full caps are tried once for each number of moves: that bounds the work of a pass,
    and what one organisation tried in vain is spared the next. What a pass misses is found by the one after it.
    """
    candidates: defaultdict[int, list[int]] = defaultdict(list)
    for place, organisations in enumerate(chosen.organisations):
        for organisation in organisations:
            candidates[organisation].append(place)
    moves = 1
    while moves <= LONGEST:
        left_out = [organisation for organisation in candidates if not chosen.served(organisation)]
        tried: dict[tuple[int, ...], int] = {}
        helped = [_serve(chosen, organisation, candidates, tried, moves) for organisation in left_out]
        moves += not any(helped)


def _serve(
    chosen: _Chosen,
    organisation: int,
    candidates: Mapping[int, Sequence[int]],
    tried: dict[tuple[int, ...], int],
    moves: int,
) -> bool:
    """Finds a suggestion for an organisation that has none, moving up to so many others; else changes nothing.

    Taking one out leaves at most one organisation with nothing: the other has the new suggestion. `tried` holds with
    how many moves full caps were tried.
    """
    for place in candidates[organisation]:
        full = chosen.full(place)
        if not full:
            chosen.add(place)
            return True
        if tried.get(full, 0) >= moves:
            continue
        tried[full] = moves
        for held in chosen.in_the_way(full):
            chosen.remove(held)
            chosen.add(place)
            bereft = [other for other in chosen.organisations[held] if not chosen.served(other)]
            if all(_serve(chosen, other, candidates, tried, moves - 1) for other in bereft):
                return True
            chosen.remove(place)
            chosen.add(held)
    return False
