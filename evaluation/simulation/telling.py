"""A simulation told: one table for each market, and one JSON document."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from evaluation.comparing import Difference
from evaluation.simulation.policies import POLICIES, REFERENCE
from evaluation.simulation.simulating import Mean, Simulated
from evaluation.telling import plain, table_of

FIGURES = {
    "expected": "introductions to be expected, over all weeks: exact, from who looks and who says yes",
    "first": "those of the first week, when all policies have the same market",
    "made": "introductions as chance had it, none beyond what a listing can take",
    "suggestions": "suggestions over all weeks",
    "suggested": "share of members with a suggestion in an average week",
    "introduced": "share of members with an introduction in any week",
    "envious": "share of members who would have had more introductions of another's list, in an average week",
    "envy": "how many more, a member and week",
    "gini": "how unequally organisations that offer are looked at: 0 all alike, near 1 all look at one",
    "to_small": "share of places in suggestions that small organisations have",
    "small_gain": "how far that lies above their share of listings",
    "over": "places beyond a cap, over all weeks",
    "longest": "the most suggestions one organisation had in a week",
    "repeats": "pairs suggested again within their rest",
    "seconds": "seconds to choose a week",
}
"""What is told of each policy."""

FORMATS = {
    **dict.fromkeys(("suggested", "introduced", "envious", "to_small"), ".1%"),
    "small_gain": "+.1%",
    **dict.fromkeys(("envy", "gini", "seconds"), ".3f"),
}
"""How figures are written; all others count, and have one digit where they are no whole numbers."""


def text(market: Simulated) -> str:
    figures = [figure for figure in FIGURES if figure not in ("expected", "suggestions")]
    head = ["policy", "expected", f"against {REFERENCE} (95%)", *(figure.replace("_", " ") for figure in figures)]
    rows = [
        [
            policy,
            told("expected", market.mean(policy, "expected")),
            gap(market.against(policy)),
            *(told(figure, market.mean(policy, figure)) for figure in figures),
        ]
        for policy in market.runs
    ]
    return f"{_title(market)}\n\n{table_of([head, *rows])}"


def _title(market: Simulated) -> str:
    world = market.world
    drawn = f"{market.seeds} seeds" if market.seeds > 1 else "1 seed: nothing can be said of chance"
    return (
        f"{world.name}: {len(world.asks)} needs, {len(world.gives)} offers, {len(world.small)} organisations, "
        f"{len(world.need)} candidates; {market.weeks} weeks, {drawn}\n"
        f"small organisations hold {market.small_listings.mean:.0%} of listings; means ± standard errors over seeds"
    )


def told(figure: str, of: Mean) -> str:
    """A mean with its standard error, where there is one to tell."""
    form = FORMATS.get(figure) or (".0f" if of.mean.is_integer() and not of.error > 0 else ".1f")
    return f"{of.mean:{form}}" + (f" ±{of.error:{form.removeprefix('+')}}" if of.error > 0 else "")


def says(policy: str) -> str:
    """What a policy does, in a sentence."""
    return " ".join((POLICIES[policy].__doc__ or "").split())


def gap(found: Difference | None) -> str:
    if found is None:
        return ""
    return f"{found.mean:+.1f} ({found.low:+.1f} to {found.high:+.1f})"


def document(markets: Sequence[Simulated]) -> dict[str, Any]:
    """The same as values for JSON; what is not a number is null there."""
    return {"figures": FIGURES, "markets": [_market(market) for market in markets]}


def _market(market: Simulated) -> dict[str, Any]:
    world = market.world
    return {
        "market": world.name,
        "needs": len(world.asks),
        "offers": len(world.gives),
        "organisations": len(world.small),
        "candidates": len(world.need),
        "small_listings": market.small_listings.mean,
        "weeks": market.weeks,
        "seeds": market.seeds,
        "noise": market.noise,
        "policies": [_policy(market, name) for name in market.runs],
    }


def _policy(market: Simulated, name: str) -> dict[str, Any]:
    against = market.against(name)
    described: dict[str, Any] = plain(
        {
            "policy": name,
            "says": says(name),
            "figures": {figure: asdict(market.mean(name, figure)) for figure in FIGURES},
            "by_week": [asdict(one) for one in market.by_week(name)],
            "lorenz": market.lorenz(name),
            "against_reference": None if against is None else asdict(against),
            "seeds": [{figure: getattr(run, figure) for figure in FIGURES} for run in market.runs[name]],
        }
    )
    return described
