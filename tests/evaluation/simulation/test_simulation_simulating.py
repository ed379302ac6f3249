import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from evaluation.simulation.figures import Figures
from evaluation.simulation.simulating import Mean, Simulated, mean, simulate, sized
from matcher.encoding import silent


def without_seconds(runs: Simulated) -> dict[str, list[Figures]]:
    return {name: [replace(figures, seconds=0.0) for figures in of] for name, of in runs.runs.items()}


@pytest.fixture(scope="module")
def market() -> Simulated:
    return simulate(sized(30, 20), seeds=3, weeks=3)


def test_the_same_seeds_give_the_same_figures(market: Simulated) -> None:
    again = simulate(sized(30, 20), seeds=3, weeks=3)
    assert without_seconds(again) == without_seconds(market)


def test_a_policy_has_the_same_figures_whoever_else_is_run(market: Simulated) -> None:
    alone = simulate(sized(30, 20), seeds=2, weeks=3, policies=["flow"])
    assert without_seconds(alone)["flow"] == without_seconds(market)["flow"][:2]
    assert alone.against("flow") is None


def test_a_mean_has_the_standard_error_of_its_seeds() -> None:
    assert mean(np.array([1.0, 2.0, 3.0])) == Mean(2.0, pytest.approx(1 / math.sqrt(3)))
    one = mean(np.array([1.0]))
    assert (one.mean, math.isnan(one.error)) == (1.0, True)


def test_the_difference_is_paired_by_seed(market: Simulated) -> None:
    ours, theirs = market.values("flow", "expected"), market.values("reference", "expected")
    found = market.against("flow")
    assert found is not None
    assert (found.mean, found.queries) == (pytest.approx((ours - theirs).mean()), 3)
    assert market.against("reference") is None


def test_weeks_add_up_to_the_whole(market: Simulated) -> None:
    assert sum(one.mean for one in market.by_week("flow")) == pytest.approx(market.mean("flow", "expected").mean)
    assert market.mean("flow", "expected").error == pytest.approx(stats.sem(market.values("flow", "expected")))


def test_progress_counts_every_policy_of_every_seed() -> None:
    told: list[tuple[str, int, int]] = []
    simulate(
        sized(4, 4),
        seeds=2,
        weeks=1,
        policies=["greedy", "flow"],
        progress=lambda *what: told.append(what) or silent(*what),
    )
    assert told == [("market 4x4", done, 4) for done in (1, 2, 3, 4)]


def test_own_lists_overload_and_the_flow_does_not(market: Simulated) -> None:
    assert market.mean("own-list", "over").mean > 10
    assert {name: market.mean(name, "over").mean for name in market.runs if name not in ("own-list", "product")} == {
        name: 0 for name in market.runs if name not in ("own-list", "product")
    }
