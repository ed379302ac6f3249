import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.comparing import FEWEST, Estimate, difference, estimate, holm, randomisation


def test_the_interval_is_that_of_the_normal_curve_where_there_is_much_to_see() -> None:
    values = np.random.default_rng(1).normal(0.5, 0.2, 400)
    found = estimate(values)
    error = values.std() / math.sqrt(400)
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=error / 4)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=error / 4)
    assert found.band == pytest.approx((found.high - found.low) / 2)
    assert found.queries == 400


def test_about_19_of_20_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(2)
    found = [estimate(rng.beta(2, 3, 60)) for _ in range(120)]
    held = sum(one.low <= 2 / 5 <= one.high for one in found)
    assert 105 <= held < 120


def test_the_same_values_have_the_same_interval() -> None:
    values = np.random.default_rng(4).random(30)
    assert estimate(values) == estimate(values.copy())


def test_values_all_alike_and_one_alone_have_no_width() -> None:
    assert estimate(np.full(30, 0.25)) == Estimate(0.25, 0.25, 0.25, 30)
    assert estimate(np.array([0.25])) == Estimate(0.25, 0.25, 0.25, 1)


def test_of_nothing_nothing_is_said() -> None:
    found = estimate(np.zeros(0))
    assert (math.isnan(found.mean), math.isnan(found.low), math.isnan(found.high)) == (True, True, True)
    assert not found.tells
    gap = difference(np.zeros(0), np.zeros(0))
    assert (math.isnan(gap.mean), gap.queries, gap.tells) == (True, 0, False)


def test_under_20_queries_are_too_few_to_tell() -> None:
    assert FEWEST == 20
    values = np.random.default_rng(5).random(20)
    assert (estimate(values).tells, estimate(values[:19]).tells) == (True, False)
    assert (difference(values, values / 2).tells, difference(values[:19], values[:19] / 2).tells) == (True, False)


def test_a_small_difference_that_every_query_shows_is_seen_through_noise_between_queries() -> None:
    rng = np.random.default_rng(6)
    theirs = rng.random(50)
    ours = theirs + 0.02 + rng.normal(0, 0.01, 50)
    gap = difference(ours, theirs)
    assert gap.mean == pytest.approx(0.02, abs=0.005)
    assert 0 < gap.low < gap.mean < gap.high
    assert gap.p_bootstrap < 0.01
    assert gap.p_randomisation < 0.01
    back = difference(theirs, ours)
    assert (back.mean, back.low, back.high) == pytest.approx((-gap.mean, -gap.high, -gap.low), abs=0.002)


def test_noise_is_no_difference() -> None:
    rng = np.random.default_rng(7)
    theirs = rng.random(50)
    gap = difference(theirs + np.where(np.arange(50) % 2, 0.1, -0.1), theirs)
    assert gap.low < 0 < gap.high
    assert min(gap.p_bootstrap, gap.p_randomisation) > 0.5


def test_a_system_does_not_differ_from_itself() -> None:
    values = np.random.default_rng(8).random(25)
    gap = difference(values, values)
    assert (gap.mean, gap.low, gap.high, gap.p_bootstrap, gap.p_randomisation) == (0, 0, 0, 1, 1)


def test_one_query_alone_proves_nothing() -> None:
    gap = difference(np.array([0.5]), np.array([0.25]))
    assert (gap.mean, gap.low, gap.high, gap.p_randomisation, gap.queries) == (0.25, 0.25, 0.25, 1, 1)


def test_randomisation_counts_the_32_ways_to_swap_5_pairs() -> None:
    """All five gaps are +1: of 32 ways to swap within pairs one gives as high a mean, one as low."""
    ours, theirs = np.array([1.0, 2, 3, 4, 5]), np.array([0.0, 1, 2, 3, 4])
    assert randomisation(ours, theirs, "greater") == pytest.approx(1 / 32)
    assert randomisation(ours, theirs, "two-sided") == pytest.approx(2 / 32)
    assert randomisation(ours, theirs, "less") == pytest.approx(1)
    assert randomisation(theirs, ours, "less") == pytest.approx(1 / 32)


def test_randomisation_raises_few_false_alarms() -> None:
    rng = np.random.default_rng(9)
    alarms = sum(randomisation(rng.random(25), rng.random(25), "two-sided") <= 0.05 for _ in range(100))
    assert alarms <= 12


def test_holm_steps_down() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1, 1]
    assert holm([]) == []


CHANCES = st.lists(st.floats(0, 1), max_size=12)


@given(CHANCES)
def test_holm_never_lowers_a_p_and_keeps_their_order(chances: list[float]) -> None:
    adjusted = holm(chances)
    assert len(adjusted) == len(chances)
    assert all(before <= after <= 1 for before, after in zip(chances, adjusted, strict=True))
    order = np.argsort(chances, kind="stable")
    assert np.all(np.diff(np.array(adjusted)[order]) >= 0)


@given(CHANCES, st.randoms(use_true_random=False))
def test_holm_asks_not_in_which_order_they_come(chances: list[float], chance: Random) -> None:
    order = list(range(len(chances)))
    chance.shuffle(order)
    shuffled = holm([chances[row] for row in order])
    assert shuffled == pytest.approx([holm(chances)[row] for row in order])
