"""Intervals and paired tests over per-query values (Sakai 2006; Smucker, Allan and Carterette 2007)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
"""One measure's value for each query, shape (queries,)."""

SEED = 20060806
RESAMPLES = 2000
PERMUTATIONS = 4999
FEWEST = 20  # queries below which nothing is said of a slice


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over queries with its 95% bootstrap interval."""

    mean: float
    low: float
    high: float
    queries: int

    @property
    def band(self) -> float:
        """Half the interval's width."""
        return (self.high - self.low) / 2

    @property
    def tells(self) -> bool:
        return self.queries >= FEWEST


@dataclass(frozen=True, slots=True)
class Difference:
    """How far one system lies above another, paired by query: mean, 95% bootstrap interval, two p-values.

    `p_bootstrap` is two-sided, by inverting the percentile interval; `p_randomisation` by swapping within pairs.
    """

    mean: float
    low: float
    high: float
    p_bootstrap: float
    p_randomisation: float
    queries: int

    @property
    def tells(self) -> bool:
        return self.queries >= FEWEST


def estimate(values: Values) -> Estimate:
    """The mean of `values` and its percentile bootstrap interval over queries; nan where there are none."""
    mean, means = _bootstrap(values)
    return Estimate(mean, *_middle(means), len(values))


def difference(ours: Values, theirs: Values) -> Difference:
    """`ours` minus `theirs`, row i of both being the same query."""
    gaps = ours - theirs
    mean, means = _bootstrap(gaps)
    p_bootstrap = min(1.0, 2 * min(float(np.mean(means <= 0)), float(np.mean(means >= 0)))) if len(gaps) else np.nan
    p_randomisation = randomisation(ours, theirs, "two-sided")
    return Difference(mean, *_middle(means), p_bootstrap, p_randomisation, len(gaps))


def _middle(means: Values) -> tuple[float, float]:
    """What the middle 95% lie between."""
    low, high = np.quantile(means, [0.025, 0.975]) if len(means) else (float("nan"), float("nan"))
    return float(low), float(high)


def _bootstrap(values: Values) -> tuple[float, Values]:
    """The mean, and its distribution when queries are drawn again with replacement."""
    if not len(values):
        return float("nan"), np.zeros(0)
    if np.ptp(values) == 0:
        return float(values[0]), np.full(RESAMPLES, values[0])
    from scipy.stats import bootstrap

    drawn = bootstrap(
        (values,), np.mean, n_resamples=RESAMPLES, method="percentile", rng=np.random.default_rng(SEED)
    ).bootstrap_distribution
    return float(values.mean()), np.asarray(drawn, np.float64)


def randomisation(ours: Values, theirs: Values, alternative: str) -> float:
    """The p-value of a paired randomisation test on the difference of means; 1 where there is nothing to tell."""
    if len(ours) < 2 or np.array_equal(ours, theirs):
        return 1.0
    from scipy.stats import permutation_test

    tested = permutation_test(
        (ours - theirs,),
        np.mean,
        permutation_type="samples",
        alternative=alternative,
        n_resamples=PERMUTATIONS,
        vectorized=True,
        rng=np.random.default_rng(SEED),
    )
    return float(tested.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment (Holm 1979): each at or below .05 may be called a difference, all at once."""
    order = np.argsort(p_values, kind="stable")
    scaled = np.array(p_values, np.float64)[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(scaled))
    return [float(p) for p in adjusted]
