"""Pairings of a room against every set there is: as many served as can be, the small first, then the most worth."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.allocation import LEVELS, UNLIMITED, Market, allocate, objective
from matcher.serving import serve

ORGANISATIONS = 5
LISTINGS = 7  # on each side; listing n is organisation n % ORGANISATIONS's


@dataclass(frozen=True)
class Drawn:
    """A small market, as (need, offer, value), with caps and worths of organisations and listings."""

    candidates: tuple[tuple[int, int, float], ...]
    needs: tuple[int, ...]
    offers: tuple[int, ...]
    asking: tuple[int, ...]
    giving: tuple[int, ...]
    total: tuple[int, ...]
    worth: tuple[float, ...]

    def market(self) -> Market:
        need, offer, value = zip(*self.candidates, strict=True) if self.candidates else ((), (), ())
        owners = np.arange(LISTINGS) % ORGANISATIONS
        return Market(
            need=np.array(need, np.int64),
            offer=np.array(offer, np.int64),
            value=np.array(value, np.float64),
            asks=owners,
            gives=owners,
            need_caps=np.array(self.needs, np.int64),
            offer_caps=np.array(self.offers, np.int64),
            asking_caps=np.array(self.asking, np.int64),
            giving_caps=np.array(self.giving, np.int64),
            total_caps=np.array(self.total, np.int64),
            worth=np.array(self.worth, np.float64),
            burden=np.zeros(ORGANISATIONS),
        )


pairs = st.tuples(st.integers(0, LISTINGS - 1), st.integers(0, LISTINGS - 1)).filter(
    lambda pair: pair[0] % ORGANISATIONS != pair[1] % ORGANISATIONS
)
values = st.integers(1, 99).map(lambda hundredths: hundredths / 100)


@st.composite
def markets(draw: st.DrawFn) -> Drawn:
    chosen = sorted(draw(st.sets(pairs, max_size=9)))

    def caps(count: int, *of: int) -> tuple[int, ...]:
        return tuple(draw(st.lists(st.sampled_from(of), min_size=count, max_size=count)))

    return Drawn(
        candidates=tuple((need, offer, draw(values)) for need, offer in chosen),
        needs=caps(LISTINGS, 1, UNLIMITED),
        offers=caps(LISTINGS, 0, 1, UNLIMITED),
        asking=caps(ORGANISATIONS, 1, 2, UNLIMITED),
        giving=caps(ORGANISATIONS, 0, 1, 2),
        total=caps(ORGANISATIONS, 1, 2, 3),
        worth=tuple(1.5 if small else 1.0 for small in caps(ORGANISATIONS, 0, 1)),
    )


def served(market: Market, rows: Sequence[int]) -> set[int]:
    return {int(one) for row in rows for one in (market.asking[row], market.giving[row])}


def is_allowed(market: Market, rows: Sequence[int]) -> bool:
    chosen = np.array(rows, np.int64)
    asking, giving = market.asking[chosen], market.giving[chosen]
    held = (
        (market.need[chosen], market.need_caps),
        (market.offer[chosen], market.offer_caps),
        (asking, market.asking_caps),
        (giving, market.giving_caps),
        (np.concatenate([asking, giving]), market.total_caps),
    )
    couples = {frozenset(couple) for couple in zip(asking.tolist(), giving.tolist(), strict=True)}
    return len(couples) == len(rows) and all(
        (np.bincount(numbers, minlength=len(caps)) <= caps).all() for numbers, caps in held
    )


def rank(market: Market, rows: Sequence[int]) -> tuple[int, float, float]:
    """What comes first: how many are served, how much these count, what it is worth."""
    who = served(market, rows)
    return len(who), round(sum(market.worth[one] for one in who), 6), objective(market, rows)


def every_set(market: Market, pinned: Sequence[int] = ()) -> list[tuple[int, ...]]:
    rows = range(len(market.value))
    sets = chain.from_iterable(combinations(rows, size) for size in range(len(rows) + 1))
    return [one for one in sets if set(pinned) <= set(one) and is_allowed(market, one)]


@given(markets())
def test_no_set_serves_more_or_smaller_ones_or_is_worth_more(drawn: Drawn) -> None:
    market = drawn.market()
    found = serve(market)
    best = max(rank(market, one) for one in every_set(market))
    assert is_allowed(market, found.rows.tolist())
    assert rank(market, found.rows.tolist())[:2] == best[:2]
    assert found.value == pytest.approx(best[2], abs=1e-4)
    assert found.bound >= best[2]
    assert found.gap <= 1e-3 or found.value == 0


@given(markets(), st.lists(st.integers(0, 8), max_size=3))
def test_pins_stand_as_far_as_there_is_room_and_the_rest_is_best_around_them(drawn: Drawn, pins: list[int]) -> None:
    market = drawn.market()
    pinned = [pin for pin in dict.fromkeys(pins) if pin < len(market.value)]
    found = serve(market, pinned=pinned)
    granted = [pin for pin in pinned if pin not in found.unmet.tolist()]
    assert set(granted) <= set(found.rows.tolist())
    assert found.unmet.tolist() == allocate(market, pinned=pinned).unmet.tolist()
    best = max(rank(market, one) for one in every_set(market, granted))
    assert rank(market, found.rows.tolist())[:2] == best[:2]
    assert found.value == pytest.approx(best[2], abs=1e-4)


@given(markets(), st.integers(0, ORGANISATIONS - 1))
def test_whoever_comes_besides_lowers_nobodys_number_of_served(drawn: Drawn, late: int) -> None:
    without = tuple(c for c in drawn.candidates if late not in (c[0] % ORGANISATIONS, c[1] % ORGANISATIONS))
    market, fewer = drawn.market(), replace(drawn, candidates=without).market()
    assert len(served(market, serve(market).rows.tolist())) >= len(served(fewer, serve(fewer).rows.tolist()))


def small(*candidates: tuple[int, int, float], total: int = 3, worth: Sequence[float] = (1, 1, 1, 1, 1)) -> Market:
    many = (UNLIMITED,) * LISTINGS
    each = (total,) * ORGANISATIONS
    return Drawn(candidates, many, many, each, each, each, tuple(worth)).market()


def test_two_that_serve_four_go_before_one_that_is_worth_more_than_both() -> None:
    market = small((0, 1, 0.01), (0, 2, 0.9), (3, 2, 0.01), total=1)
    assert serve(market).rows.tolist() == [0, 2]


def test_of_as_many_the_small_are_served() -> None:
    assert serve(small((0, 1, 0.9), (0, 2, 0.1), total=1, worth=(1, 1, 1.5, 1, 1))).rows.tolist() == [1]
    assert serve(small((0, 1, 0.9), (0, 2, 0.1), total=1)).rows.tolist() == [0]


def test_of_equals_the_first_row_is_taken() -> None:
    assert serve(small((0, 1, 0.5), (0, 2, 0.5), (0, 3, 0.5), total=1)).rows.tolist() == [0]


def test_a_market_without_candidates_is_served_by_nothing() -> None:
    found = serve(small())
    assert (found.rows.tolist(), found.value, found.bound, found.unmet.tolist()) == ([], 0.0, 0.0, [])


def test_what_lessens_the_whole_is_left_out_where_it_serves_nobody_more() -> None:
    market = replace(small((0, 1, 0.5), (1, 2, 0.001), (3, 2, 0.5)), burden=np.full(ORGANISATIONS, 0.2))
    assert serve(market, levels=LEVELS).rows.tolist() == [0, 2]
