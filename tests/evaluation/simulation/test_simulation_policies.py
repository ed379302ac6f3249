from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.simulation.policies import POLICIES, Week
from evaluation.simulation.weeks import live
from evaluation.simulation.worlds import World, draw, truth

Tiny, Seen = Callable[..., World], Callable[[World], Week]

CAREFUL = (
    "greedy",
    "reference",
    "reference-sharp",
    "flow",
    "flow-not-concave",
    "flow-not-small-first",
    "flow-not-burdened",
)
"""The policies that look at every cap."""

CROWDED = [candidate for need in range(4) for candidate in ((need, 0, 0.9), (need, need + 1, 0.5))]
"""Four askers like the same giver best, who wants one suggestion; each has another who is nearly as good."""


@pytest.fixture
def crowd(tiny: Tiny, seen: Seen) -> Week:
    world = tiny(
        CROWDED,
        asks=range(4),
        gives=range(4, 9),
        asking_caps=[1] * 9,
        giving_caps=[1] * 9,
        total_caps=[5] * 9,
        small=[False] * 9,
    )
    return seen(world)


def pairs(week: Week, name: str) -> list[tuple[int, int]]:
    rows = POLICIES[name](week).rows
    return list(zip(week.market.need[rows].tolist(), week.market.offer[rows].tolist(), strict=True))


@pytest.mark.parametrize("name", ["own-list", "product"])
def test_lists_made_one_by_one_all_name_the_same_giver(crowd: Week, name: str) -> None:
    assert pairs(crowd, name) == [(0, 0), (1, 0), (2, 0), (3, 0)]


@pytest.mark.parametrize("name", CAREFUL)
def test_no_policy_that_looks_at_caps_sends_the_giver_more_than_one(crowd: Week, name: str) -> None:
    chosen = pairs(crowd, name)
    assert [need for need, _ in chosen] == [0, 1, 2, 3]
    assert [offer for _, offer in chosen].count(0) == (0 if name == "reference" else 1)  # its price is too high for all


def test_greed_takes_the_best_and_leaves_what_it_blocks(tiny: Tiny, seen: Seen) -> None:
    """Taking .9 first leaves nothing for ciano; .8 and .7 together are worth more."""
    week = seen(
        tiny(
            [(0, 0, 0.9), (0, 1, 0.8), (1, 0, 0.7)],
            gives=(1, 3),
            asking_caps=[1] * 4,
            giving_caps=[1] * 4,
            total_caps=[5] * 4,
            small=[False] * 4,
        )
    )
    assert pairs(week, "greedy") == [(0, 0)]
    assert pairs(week, "flow-not-concave") == [(0, 1), (1, 0)]


def test_two_organisations_meet_once_a_week_whoever_asks(tiny: Tiny, seen: Seen) -> None:
    week = seen(tiny([(0, 0, 0.9), (1, 1, 0.8)], asks=(0, 1), gives=(1, 0)))
    assert [pairs(week, name) for name in CAREFUL] == [[(0, 0)]] * len(CAREFUL)
    assert pairs(week, "own-list") == [(0, 0), (1, 1)]


@pytest.mark.parametrize("name", POLICIES)
def test_a_need_is_suggested_to_no_more_than_it_can_take(tiny: Tiny, seen: Seen, name: str) -> None:
    week = seen(tiny([(0, 0, 0.9), (0, 1, 0.8)], gives=(1, 2), need_caps=(1, 1)))
    assert pairs(week, name) == [(0, 0)]


def test_own_lists_go_by_own_liking_and_the_product_by_both(tiny: Tiny, seen: Seen) -> None:
    world = tiny([(0, 0, 0.5), (0, 1, 0.5)], gives=(1, 2), asking_caps=(1, 1, 1))
    world.asking[:], world.giving[:] = [0.9, 0.6], [0.1, 0.8]
    assert pairs(seen(world), "own-list") == [(0, 0)]
    assert pairs(seen(world), "product") == [(0, 1)]


def test_a_small_organisation_comes_first_where_the_flow_is_to_see_to_it(tiny: Tiny, seen: Seen) -> None:
    week = seen(tiny([(0, 0, 0.50), (1, 0, 0.52)], giving_caps=(1, 1, 1)))
    week.market.worth[:] = [2, 1, 1]
    assert pairs(week, "flow") == [(0, 0)]
    assert pairs(week, "flow-not-small-first") == [(1, 0)]


def test_who_was_introduced_lately_comes_later_where_that_costs(tiny: Tiny, seen: Seen) -> None:
    week = seen(tiny([(0, 0, 0.52), (1, 0, 0.50)], giving_caps=(1, 1, 1)))
    week.market.burden[:] = [0.1, 0, 0]
    assert pairs(week, "flow") == [(1, 0)]
    assert pairs(week, "flow-not-burdened") == [(0, 0)]


def test_first_suggestions_count_for_more_where_the_flow_is_concave(tiny: Tiny, seen: Seen) -> None:
    """Alba's second suggestion is worth a little more than ciano's first."""
    week = seen(
        tiny(
            [(0, 0, 0.9), (0, 1, 0.52), (1, 1, 0.5)],
            gives=(1, 3),
            asking_caps=[3] * 4,
            giving_caps=[1] * 4,
            total_caps=[5] * 4,
            small=[False] * 4,
        )
    )
    assert pairs(week, "flow") == [(0, 0), (1, 1)]
    assert pairs(week, "flow-not-concave") == [(0, 0), (0, 1)]


@given(st.integers(0, 10_000), st.sampled_from(CAREFUL))
def test_caps_are_never_passed_and_no_pair_comes_twice(seed: int, name: str) -> None:
    from evaluation.simulation.figures import measured

    world = draw(12, 9, seed)
    weeks = list(live(world, truth(world, 0.1, seed), POLICIES[name], weeks=2, seed=seed))
    found = measured(world, weeks)
    assert (found.over, found.repeats) == (0, 0)


@given(st.integers(0, 10_000), st.sampled_from(sorted(POLICIES)))
def test_rows_are_ascending_and_never_the_same(seed: int, name: str) -> None:
    world = draw(12, 9, seed)
    (week,) = live(world, truth(world, 0.1, seed), POLICIES[name], weeks=1, seed=seed)
    assert (np.diff(week.rows) > 0).all()
