"""Policies side by side: the same markets, the same chances, seed by seed."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import stats

from evaluation.comparing import Difference, difference
from evaluation.simulation import figures
from evaluation.simulation.figures import Figures
from evaluation.simulation.policies import POLICIES, REFERENCE
from evaluation.simulation.weeks import live
from evaluation.simulation.worlds import World, draw, truth
from matcher.encoding import Progress, silent
from matcher.flow import Worths

Worlds = Callable[[int], World]
"""The market of a seed."""

NOISE = 0.1


@dataclass(frozen=True, slots=True)
class Mean:
    """Over seeds, with its standard error; nan where there is but one seed."""

    mean: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """One kind of market: each policy's figures seed by seed. `world` is the market of the first seed."""

    world: World
    weeks: int
    noise: float
    small_listings: Mean
    runs: Mapping[str, Sequence[Figures]]

    @property
    def seeds(self) -> int:
        return len(next(iter(self.runs.values())))

    def values(self, policy: str, figure: str) -> Worths:
        return np.array([getattr(run, figure) for run in self.runs[policy]], np.float64)

    def mean(self, policy: str, figure: str) -> Mean:
        return mean(self.values(policy, figure))

    def by_week(self, policy: str) -> list[Mean]:
        """Introductions to be expected in each week."""
        return [mean(values) for values in np.array([run.by_week for run in self.runs[policy]]).T]

    def lorenz(self, policy: str) -> list[float]:
        """The curve of exposure, seed by seed averaged; empty where a seed has none."""
        curves = [run.lorenz for run in self.runs[policy]]
        return np.mean(curves, axis=0).tolist() if all(curves) else []

    def against(self, policy: str, other: str = REFERENCE) -> Difference | None:
        """How many introductions more a policy makes than the other one in the same markets; None without the other."""
        if other not in self.runs or policy == other:
            return None
        return difference(self.values(policy, "expected"), self.values(other, "expected"))


def mean(values: Worths) -> Mean:
    return Mean(float(values.mean()), float(stats.sem(values)) if len(values) > 1 else math.nan)


def sized(needs: int, offers: int) -> Worlds:
    """Drawn markets of that many listings, another one for each seed."""
    return partial(draw, needs, offers)


def simulate(
    worlds: Worlds,
    *,
    seeds: int,
    weeks: int,
    noise: float = NOISE,
    policies: Sequence[str] = tuple(POLICIES),
    progress: Progress = silent,
) -> Simulated:
    """Each policy through the weeks of every seed's market. The same seeds give the same figures but for seconds."""
    runs: dict[str, list[Figures]] = {name: [] for name in policies}
    drawn = []
    for seed in range(seeds):
        world = worlds(seed)
        drawn.append(world)
        for number, name in enumerate(policies):
            lived = live(world, truth(world, noise, seed), POLICIES[name], weeks=weeks, seed=seed)
            runs[name].append(figures.measured(world, list(lived)))
            progress(f"market {world.name}", seed * len(policies) + number + 1, seeds * len(policies))
    held = np.array([world.small_listings for world in drawn])
    return Simulated(world=drawn[0], weeks=weeks, noise=noise, small_listings=mean(held), runs=runs)
