"""The simulation's page, one HTML file that needs nothing beside it, and the same as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from evaluation.comparing import FEWEST
from evaluation.report import SIMULATION, environment, write_whole
from evaluation.simulation import plots, telling
from evaluation.simulation.policies import FLOW, REFERENCE
from evaluation.simulation.simulating import Simulated


def write_report(markets: Sequence[Simulated], folder: Path) -> Path:
    """Writes simulation.html and simulation.json, each whole or not at all, and returns where the page is."""
    told = json.dumps(telling.document(markets), indent=2, allow_nan=False) + "\n"
    write_whole({"simulation.json": told, SIMULATION: page(markets)}, folder)
    return folder / SIMULATION


def page(markets: Sequence[Simulated]) -> str:
    """The page as HTML. The same input gives the same page."""
    names = list(dict.fromkeys(name for market in markets for name in market.runs))
    return (
        environment()
        .get_template(SIMULATION)
        .render(
            markets=[_shown(market, number) for number, market in enumerate(markets, 1)],
            policies={name: telling.says(name) for name in names},
            figures=telling.FIGURES,
            FLOW=FLOW,
            REFERENCE_POLICY=REFERENCE,
            gap=telling.gap,
            told=telling.told,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What the template shows of one market."""

    number: int
    of: Simulated
    verdict: str
    introductions: Markup
    by_week: Markup
    exposure: Markup
    small_share: Markup
    overload: Markup


def _shown(market: Simulated, number: int) -> _Shown:
    return _Shown(
        number=number,
        of=market,
        verdict=_verdict(market),
        introductions=Markup(plots.introductions(market, f"introductions-{number}")),  # noqa: S704  # escaped by plots
        by_week=Markup(plots.by_week(market, f"weeks-{number}")),  # noqa: S704
        exposure=Markup(plots.exposure(market, f"exposure-{number}")),  # noqa: S704
        small_share=Markup(plots.small_share(market, f"small-{number}")),  # noqa: S704
        overload=Markup(plots.overload(market, f"over-{number}")),  # noqa: S704
    )


def _verdict(market: Simulated) -> str:
    """The flow beside the reference in words; empty where one of them was not run."""
    found = market.against(FLOW) if FLOW in market.runs else None
    if found is None:
        return ""
    reached = f"The flow makes {market.mean(FLOW, 'expected').mean:.1f} introductions to be expected"
    if not found.tells:
        return f"{reached}; fewer than {FEWEST} seeds are too few to tell it from the reference."
    side = "more than" if found.low > 0 else "fewer than" if found.high < 0 else "not told apart from"
    return (
        f"{reached}: {side} the reference's {market.mean(REFERENCE, 'expected').mean:.1f}, by "
        f"{found.mean:+.1f} ({found.low:+.1f} to {found.high:+.1f})."
    ).replace("-", "\N{MINUS SIGN}")
