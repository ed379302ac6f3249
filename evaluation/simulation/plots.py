"""The simulation's pictures, drawn as the evaluation's are (evaluation/plots.py)."""

import math
from collections.abc import Sequence
from typing import Literal

from matplotlib.axes import Axes
from scipy import stats

from evaluation.plots import EDGE, GREEN, INK, QUIET, ROW, RULE, dot, drawn, interval, name_rows, square
from evaluation.simulation.policies import FLOW, OWN_LIST, REFERENCE
from evaluation.simulation.simulating import Mean, Simulated

COMPARED = (OWN_LIST, REFERENCE, FLOW)
"""The policies that have a line of their own where all would be too many."""

_LINES = {OWN_LIST: (EDGE, (0, (1, 2))), REFERENCE: (INK, (0, (5, 2))), FLOW: (GREEN, "solid")}


def introductions(market: Simulated, salt: str) -> str:
    """Introductions to be expected of each policy, with what they lie between by chance."""
    rows = [(policy, _ends(market.mean(policy, "expected"), market.seeds)) for policy in market.runs]

    def draw(axes: Axes) -> None:
        for row, (policy, ends) in enumerate(rows):
            interval(axes, row, ends, _colour(policy), _shape(policy))
            axes.text(1.03, row, f"{ends[0]:.1f}", transform=axes.get_yaxis_transform(), va="center")
        axes.set_xlim(0, 1.05 * max(ends[2] for _, ends in rows) or 1)
        axes.set_xlabel(f"introductions to be expected in {market.weeks} weeks")
        _named(axes, [policy for policy, _ in rows])

    told = ", ".join(f"{policy} {ends[0]:.1f}" for policy, ends in rows)
    return drawn(draw, salt, f"Introductions to be expected: {told}.", len(rows) * ROW, left=124, right=40)


def by_week(market: Simulated, salt: str) -> str:
    """Introductions to be expected week by week."""
    lines = {policy: [one.mean for one in market.by_week(policy)] for policy in market.runs}
    if market.weeks < 2:
        return ""

    def draw(axes: Axes) -> None:
        weeks = range(1, market.weeks + 1)
        for policy, means in sorted(lines.items(), key=lambda line: line[0] in COMPARED):
            _line(axes, policy, list(weeks), means)
        axes.set_xlim(1, market.weeks)
        axes.set_ylim(0, 1.08 * max(max(means) for means in lines.values()) or 1)
        axes.set_xticks(weeks if market.weeks <= 12 else range(1, market.weeks + 1, math.ceil(market.weeks / 12)))
        axes.set_xlabel("week")
        axes.set_ylabel("introductions to be expected")
        _legend(axes, "upper right")

    told = "; ".join(f"{policy} from {means[0]:.1f} to {means[-1]:.1f}" for policy, means in lines.items())
    return drawn(draw, salt, f"Introductions to be expected by week: {told}.", 210, left=54, right=16)


def exposure(market: Simulated, salt: str) -> str:
    """How looks are shared out among the organisations that offer."""
    curves = {policy: curve for policy in COMPARED if policy in market.runs and (curve := market.lorenz(policy))}
    if not curves:
        return ""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=EDGE, linewidth=1)
        for policy, curve in curves.items():
            _line(axes, policy, [step / (len(curve) - 1) for step in range(len(curve))], curve)
        square(axes, "organisations that offer, least looked at first", "share of looks")
        _legend(axes, "upper left")

    told = ", ".join(f"{policy} {market.mean(policy, 'gini').mean:.2f}" for policy in curves)
    return drawn(draw, salt, f"Gini index of how much organisations are looked at: {told}.", 250, left=54, right=16)


def small_share(market: Simulated, salt: str) -> str:
    """Small organisations' share of places in suggestions beside that of listings; intervals are of the difference."""
    held = market.small_listings.mean
    rows = [(policy, _ends(market.mean(policy, "small_gain"), market.seeds, held)) for policy in market.runs]

    def draw(axes: Axes) -> None:
        axes.axvline(held, color=EDGE, linewidth=1, linestyle=(0, (4, 3)))
        for row, (policy, ends) in enumerate(rows):
            interval(axes, row, ends, _colour(policy), _shape(policy))
            axes.text(1.03, row, f"{ends[0]:.1%}", transform=axes.get_yaxis_transform(), va="center")
        axes.set_xlim(0, min(1, 1.15 * max(held, *(ends[2] for _, ends in rows))) or 1)
        axes.set_xlabel("share of suggestions; broken line: of listings")
        _named(axes, [policy for policy, _ in rows])
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")

    told = ", ".join(f"{policy} {ends[0]:.1%}" for policy, ends in rows)
    said = f"Small organisations hold {held:.1%} of listings. Their share of suggestions: {told}."
    return drawn(draw, salt, said, len(rows) * ROW, left=124, right=44)


def overload(market: Simulated, salt: str) -> str:
    """Places beyond a cap."""
    rows = [(policy, market.mean(policy, "over").mean) for policy in market.runs]

    def draw(axes: Axes) -> None:
        most = max(over for _, over in rows) or 1
        for row, (policy, over) in enumerate(rows):
            axes.plot([0, over], [row, row], color=RULE, linewidth=6, solid_capstyle="butt", zorder=1)
            dot(axes, over, row, _colour(policy), _shape(policy))
            axes.text(1.03, row, f"{over:.0f}", transform=axes.get_yaxis_transform(), va="center")
        axes.set_xlim(-0.05 * most, 1.05 * most)
        axes.set_xlabel(f"places beyond a cap in {market.weeks} weeks")
        _named(axes, [policy for policy, _ in rows])

    told = ", ".join(f"{policy} {over:.0f}" for policy, over in rows)
    return drawn(draw, salt, f"Places beyond a cap: {told}.", len(rows) * ROW, left=124, right=44)


def _ends(found: Mean, seeds: int, above: float = 0.0) -> tuple[float, float, float]:
    """The mean, and its 95% interval over seeds (Student's t), moved up by `above`."""
    reach = 0.0 if math.isnan(found.error) else float(stats.t.ppf(0.975, seeds - 1)) * found.error
    return above + found.mean, above + found.mean - reach, above + found.mean + reach


def _colour(policy: str) -> str:
    return GREEN if policy == FLOW else INK


def _shape(policy: str) -> str:
    return "s" if policy == FLOW else "o"


def _named(axes: Axes, policies: Sequence[str]) -> None:
    name_rows(axes, policies)
    for label, policy in zip(axes.get_yticklabels(), policies, strict=True):
        label.set_fontweight("bold" if policy == FLOW else "normal")


def _line(axes: Axes, policy: str, across: Sequence[float], up: Sequence[float]) -> None:
    colour, dashes = _LINES.get(policy, (RULE, "solid"))
    axes.plot(across, up, color=colour, linestyle=dashes, linewidth=2 if policy == FLOW else 1.5, label=policy)


def _legend(axes: Axes, where: Literal["upper left", "upper right"]) -> None:
    """The compared policies, and one line for all the others."""
    lines = dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
    named = {name: lines.pop(name) for name in COMPARED[::-1] if name in lines}
    if lines:
        named["the others"] = next(iter(lines.values()))
    axes.legend(named.values(), named.keys(), loc=where, frameon=False, fontsize=9.5, labelcolor=QUIET)
