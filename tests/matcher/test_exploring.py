from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from matcher.allocation import LEVELS, UNLIMITED, Market, allocate, objective
from matcher.exploring import SPREAD, Stratum, draw, strata


def market(
    asks: Sequence[int],
    gives: Sequence[int],
    *candidates: tuple[int, int, float],
    organisations: int | None = None,
    **caps: Sequence[int],
) -> Market:
    """Candidates as (need, offer, value); caps are 3 and 5 and none of listings, unless told otherwise."""
    count = organisations or 1 + max([*asks, *gives])
    usual = {"need_caps": [UNLIMITED] * len(asks), "offer_caps": [UNLIMITED] * len(gives)}
    usual |= {"asking_caps": [3] * count, "giving_caps": [3] * count, "total_caps": [5] * count}
    columns = {name: np.array(what, np.int64) for name, what in {**usual, **caps}.items()}
    return Market(
        need=np.array([need for need, _, _ in candidates], np.int64),
        offer=np.array([offer for _, offer, _ in candidates], np.int64),
        value=np.array([value for _, _, value in candidates]),
        asks=np.array(asks, np.int64),
        gives=np.array(gives, np.int64),
        worth=np.ones(count),
        burden=np.zeros(count),
        **columns,
    )


def within_all_caps(met: Market, rows: Sequence[int]) -> bool:
    """Counted again from the market's columns, one by one."""
    need, offer = met.need[list(rows)].tolist(), met.offer[list(rows)].tolist()
    asking, giving = [met.asks[n] for n in need], [met.gives[o] for o in offer]
    counted = (
        (need, met.need_caps),
        (offer, met.offer_caps),
        (asking, met.asking_caps),
        (giving, met.giving_caps),
        ([*asking, *giving], met.total_caps),
    )
    couples = Counter(frozenset(couple) for couple in zip(asking, giving, strict=True))
    return max(couples.values(), default=1) == 1 and all(
        count <= caps[one] for ones, caps in counted for one, count in Counter(ones).items()
    )


def outcomes(allocated: Sequence[int], found: Sequence[Stratum]) -> list[tuple[frozenset[int], float]]:
    """Every combination of draws with its probability."""
    certain = set(allocated) - {stratum.rows[0] for stratum in found}
    chance = float(np.prod([1 / len(stratum.rows) for stratum in found]))
    return [(frozenset(certain | set(drawn)), chance) for drawn in product(*(stratum.rows for stratum in found))]


def comers_and_goers(met: Market, stratum: Stratum) -> set[int]:
    """The organisations that may come in or drop out: on the side on which the rows of the stratum differ."""
    rows = list(stratum.rows)
    same_need = len(set(met.need[rows].tolist())) == 1
    return set((met.giving if same_need else met.asking)[rows].tolist())


def rows_of(found: Sequence[Stratum]) -> list[tuple[int, ...]]:
    return [stratum.rows for stratum in found]


TIED = market([0], [1, 2, 3], (0, 0, 0.5), (0, 1, 0.5), (0, 2, 0.2), asking_caps=[1, 3, 3, 3])
"""Alba needs what borea and ciano can give as well as each other, and wants one suggestion."""


def test_a_need_with_two_equal_offers_and_one_place_is_a_toss_up() -> None:
    assert rows_of(strata(TIED, np.array([0]))) == [(0, 1)]
    assert rows_of(strata(TIED, np.array([1]))) == [(1, 0)]


def test_an_offer_with_two_equal_needs_and_one_place_is_a_toss_up() -> None:
    asked = market([0, 1, 2], [3], (0, 0, 0.5), (1, 0, 0.49), (2, 0, 0.2), giving_caps=[3, 3, 3, 1])
    found = strata(asked, np.array([0]))
    assert rows_of(found) == [(0, 1)]
    assert found[0].propensity == 0.5


@pytest.mark.parametrize(
    ("spread", "found"), [(0.0, []), (-1.0, []), (0.01, [(0, 1)]), (0.7, [(0, 1, 2)]), (SPREAD, [(0, 1)])]
)
def test_as_much_counts_as_equal_as_the_spread_says_and_none_where_it_is_nothing(
    spread: float, found: list[tuple[int, ...]]
) -> None:
    assert rows_of(strata(TIED, np.array([0]), spread=spread)) == found


@pytest.mark.parametrize(("other", "is_as_good"), [(0.474, True), (0.464, False), (0.526, True), (0.536, False)])
def test_worths_count_with_what_a_first_suggestion_is_worth(other: float, is_as_good: bool) -> None:
    """0.5 and the first level are 0.62, of which the spread is 0.031."""
    met = replace(TIED, value=np.array([0.5, other, 0.1]))
    assert LEVELS[0] == 0.12
    assert bool(strata(met, np.array([0]))) is is_as_good


def test_small_first_and_burden_count() -> None:
    small = replace(TIED, worth=np.array([1.0, 1.0, 1.5, 1.0]))
    assert strata(small, np.array([0])) == []
    assert rows_of(strata(replace(small, value=np.array([0.5, 0.44, 0.2])), np.array([0]))) == [(0, 1)]
    tired = replace(TIED, burden=np.array([0.0, 0.0, 0.06, 0.0]))
    assert strata(tired, np.array([0])) == []
    assert rows_of(strata(replace(tired, value=np.array([0.5, 0.56, 0.2])), np.array([0]))) == [(0, 1)]


def test_who_has_another_suggestion_neither_drops_out_nor_comes_in() -> None:
    busy = market([0, 4], [1, 2], (0, 0, 0.5), (0, 1, 0.5), (1, 0, 0.5), (1, 1, 0.5), asking_caps=[1] * 5)
    assert strata(busy, np.array([0, 2])) == []  # borea has both
    assert strata(busy, np.array([0, 3])) == []  # borea and ciano have one each: neither has nothing


@pytest.mark.parametrize(
    "caps",
    [{"offer_caps": [9, 0, 9]}, {"giving_caps": [3, 3, 0, 3]}, {"total_caps": [5, 5, 0, 5]}],
    ids=["offer", "giving", "total"],
)
def test_who_can_take_none_does_not_come_in(caps: dict[str, list[int]]) -> None:
    met = replace(TIED, **{name: np.array(room) for name, room in caps.items()})
    assert strata(met, np.array([0])) == []


@pytest.mark.parametrize(
    "caps",
    [{"need_caps": [9, 0, 9]}, {"asking_caps": [3, 0, 3, 3]}, {"total_caps": [5, 0, 5, 5]}],
    ids=["need", "asking", "total"],
)
def test_who_may_ask_for_none_does_not_come_in(caps: dict[str, list[int]]) -> None:
    asked = market([0, 1, 2], [3], (0, 0, 0.5), (1, 0, 0.5), (2, 0, 0.2), giving_caps=[3, 3, 3, 1])
    assert rows_of(strata(asked, np.array([0]))) == [(0, 1)]
    met = replace(asked, **{name: np.array(room) for name, room in caps.items()})
    assert strata(met, np.array([0])) == []


def test_what_was_fixed_is_in_no_stratum() -> None:
    assert strata(TIED, np.array([0]), fixed=[0]) == []
    assert strata(TIED, np.array([0]), fixed=[1]) == []


def test_nothing_is_drawn_where_nothing_was_allocated() -> None:
    nothing = np.zeros(0, np.int64)
    assert strata(TIED, nothing) == []
    assert draw(nothing, [], np.random.default_rng(1)).tolist() == []


def test_two_that_could_take_the_same_third_do_not_both_hope_for_it() -> None:
    shared = market([0, 1], [2, 3, 4], (0, 0, 0.5), (0, 1, 0.5), (1, 1, 0.5), (1, 2, 0.5), asking_caps=[1] * 5)
    assert rows_of(strata(shared, np.array([0, 3]))) == [(0, 1)]


def test_a_suggestion_is_in_one_stratum_though_both_sides_could_stand_in() -> None:
    """The need's own choice comes first; the offer's would draw the same suggestion a second time."""
    both = market([0, 1], [2, 3], (0, 0, 0.5), (0, 1, 0.5), (1, 0, 0.5), asking_caps=[1] * 4, giving_caps=[1] * 4)
    assert rows_of(strata(both, np.array([0]))) == [(0, 1)]


FOUR = market(
    [0, 1, 2],
    [3, 4, 5, 6, 7],
    (0, 0, 0.50),
    (0, 1, 0.49),
    (0, 2, 0.51),
    (1, 3, 0.40),
    (1, 4, 0.40),
    (2, 4, 0.90),
    asking_caps=[1, 1, 1] + [3] * 5,
)


def test_each_outcome_of_a_market_of_three_needs_has_the_probability_that_is_stored() -> None:
    """Alba draws among three; borea's other choice is busy with ciano."""
    allocation = allocate(FOUR)
    found = strata(FOUR, allocation.rows)
    assert allocation.rows.tolist() == [2, 3, 5]
    assert rows_of(found) == [(2, 0, 1)]
    assert outcomes(allocation.rows.tolist(), found) == [
        (frozenset({2, 3, 5}), 1 / 3),
        (frozenset({0, 3, 5}), 1 / 3),
        (frozenset({1, 3, 5}), 1 / 3),
    ]


def test_a_draw_keeps_what_is_certain_and_one_of_each_stratum() -> None:
    two = [Stratum((2, 0, 1)), Stratum((7, 4))]
    seen = {tuple(draw(np.array([2, 5, 7]), two, np.random.default_rng(seed)).tolist()) for seed in range(60)}
    assert seen == {(0, 4, 5), (0, 5, 7), (1, 4, 5), (1, 5, 7), (2, 4, 5), (2, 5, 7)}


def test_the_same_seed_draws_the_same() -> None:
    drawn = [draw(np.array([0]), [Stratum((0, 1))], np.random.default_rng([2026, 22])).tolist() for _ in range(2)]
    assert drawn[0] == drawn[1]


def test_over_two_thousand_seeds_each_is_drawn_as_often_as_its_propensity_says() -> None:
    met = market(
        [0, 1],
        [2, 3, 4, 5, 6],
        (0, 0, 0.5),
        (0, 1, 0.5),
        (0, 2, 0.5),
        (1, 3, 0.5),
        (1, 4, 0.5),
        asking_caps=[1, 1] + [3] * 5,
    )
    allocated = allocate(met).rows
    found = strata(met, allocated)
    drawn: Counter[int] = Counter()
    both: Counter[tuple[int, ...]] = Counter()
    for seed in range(2000):
        rows = draw(allocated, found, np.random.default_rng(seed)).tolist()
        drawn.update(rows)
        both[tuple(rows)] += 1
    propensities = {row: stratum.propensity for stratum in found for row in stratum.rows}
    assert propensities == {0: 1 / 3, 1: 1 / 3, 2: 1 / 3, 3: 1 / 2, 4: 1 / 2}
    assert all(binomtest(drawn[row], 2000, chance).pvalue > 0.01 for row, chance in propensities.items())
    assert all(binomtest(both[one, other], 2000, 1 / 6).pvalue > 0.01 for one in (0, 1, 2) for other in (3, 4))


@st.composite
def markets(draw: st.DrawFn) -> tuple[Market, list[int], float]:
    """Up to six organisations, values of which many are alike, scarce caps; a pinned row or none; a spread."""
    count = draw(st.integers(2, 6))
    owners = st.lists(st.integers(0, count - 1), min_size=1, max_size=6)
    asks, gives = draw(owners), draw(owners)
    pairs = [(need, offer) for need, asker in enumerate(asks) for offer, giver in enumerate(gives) if asker != giver]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=16)) if pairs else []
    values = draw(st.lists(st.sampled_from([0.2, 0.39, 0.4, 0.41]), min_size=len(chosen), max_size=len(chosen)))

    def room(number: int, most: int) -> list[int]:
        return draw(st.lists(st.integers(0, most), min_size=number, max_size=number))

    met = market(
        asks,
        gives,
        *((need, offer, value) for (need, offer), value in zip(sorted(chosen), values, strict=True)),
        organisations=count,
        need_caps=room(len(asks), 2),
        offer_caps=room(len(gives), 2),
        asking_caps=room(count, 2),
        giving_caps=room(count, 2),
        total_caps=room(count, 3),
    )
    pinned = draw(st.lists(st.sampled_from(range(len(chosen))), unique=True, max_size=2)) if chosen else []
    return met, pinned, draw(st.sampled_from([0.0, 0.05, 0.5]))


@given(markets())
def test_every_combination_of_draws_keeps_all_caps_and_has_its_propensity(
    case: tuple[Market, list[int], float],
) -> None:
    met, pinned, spread = case
    allocated = allocate(met, pinned=pinned).rows
    found = strata(met, allocated, spread=spread, fixed=pinned)
    every = outcomes(allocated.tolist(), found)
    assert all(within_all_caps(met, sorted(rows)) for rows, _ in every)
    assert sum(chance for _, chance in every) == pytest.approx(1)
    propensities = {row: stratum.propensity for stratum in found for row in stratum.rows}
    for row in range(len(met.need)):
        included = sum(chance for rows, chance in every if row in rows)
        assert included == pytest.approx(propensities.get(row, 1.0 if row in allocated else 0.0))
    assert set(pinned).isdisjoint(propensities)
    assert found == [] or spread > 0


@given(markets())
def test_nobody_may_come_in_or_drop_out_twice_and_who_drops_out_has_nothing_else(
    case: tuple[Market, list[int], float],
) -> None:
    met, pinned, spread = case
    allocated = allocate(met, pinned=pinned).rows
    found = strata(met, allocated, spread=spread, fixed=pinned)
    movers = [comers_and_goers(met, stratum) for stratum in found]
    assert sum(map(len, movers)) == len(set().union(*movers))
    assert all(len(of_one) == len(stratum.rows) for of_one, stratum in zip(movers, found, strict=True))
    for stratum in found:
        assert stratum.rows[0] in allocated
        assert len({(met.need[row], met.asking[row]) for row in stratum.rows}) == 1 or (
            len({(met.offer[row], met.giving[row]) for row in stratum.rows}) == 1
        )
        others = [row for row in allocated.tolist() if row != stratum.rows[0]]
        busy = {*met.asking[others].tolist(), *met.giving[others].tolist()}
        assert busy.isdisjoint(comers_and_goers(met, stratum))


@given(markets())
def test_no_draw_is_worth_less_than_the_spread_of_what_was_drawn_between(
    case: tuple[Market, list[int], float],
) -> None:
    met, pinned, spread = case
    allocated = allocate(met, pinned=pinned).rows
    found = strata(met, allocated, spread=spread, fixed=pinned)
    lost = sum(spread * (met.value[stratum.rows[0]] + LEVELS[0]) for stratum in found)
    for rows, _ in outcomes(allocated.tolist(), found):
        assert objective(met, sorted(rows)) >= objective(met, allocated) - lost - 1e-9
