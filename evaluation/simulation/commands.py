"""`commonweal simulate`: ways of choosing a week's suggestions, compared before anybody is sent one."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evaluation.commands import misused, needs_extras, progress_shown

if TYPE_CHECKING:
    from evaluation.simulation.simulating import Worlds
    from matcher.encoding import Progress

app = typer.Typer()

MARKETS = ("example", "30x20", "100x70")
LARGEST = 2000
"""Needs, and offers, of a drawn market at most: it is drawn with every need beside every offer."""

_SIZED = re.compile(r"([1-9]\d*)x([1-9]\d*)")


@app.command()
def simulate(
    markets: Annotated[
        list[str] | None,
        typer.Option(
            "--market", metavar="example|NEEDSxOFFERS", help="May be given again. [default: " + ", ".join(MARKETS) + "]"
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Markets drawn of each kind.")] = 20,
    weeks: Annotated[int, typer.Option(min=1, max=520, help="Rounds, one after the other.")] = 6,
    policies: Annotated[
        list[str] | None, typer.Option("--policy", metavar="NAME", help="Only this one; may be given again.")
    ] = None,
    noise: Annotated[
        float, typer.Option(min=0, max=1, help="How far members stray from what is believed of them, 0 to 1.")
    ] = 0.1,
    report: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Write simulation.html and .json here.")] = None,
    encoder: Annotated[str, typer.Option(help="Another entry of models/encoders.toml, for the example.")] = "",
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout, all else on stderr.")] = False,
) -> None:
    """Simulates weeks of suggestions and compares ways of choosing them: introductions, shares, envy, overload.

    Example: `commonweal simulate --market example --report var/report`

    Example, one size and two policies: `commonweal simulate --market 300x200 --policy flow --policy reference`
    """
    from json import dumps

    named = list(dict.fromkeys(markets or MARKETS))
    for name in named:
        _check(name)
    needs_extras()
    from evaluation.simulation import telling
    from evaluation.simulation.policies import POLICIES
    from evaluation.simulation.simulating import simulate

    chosen = list(dict.fromkeys(policies or POLICIES))
    for name in chosen:
        if name not in POLICIES:
            misused(f"--policy is '{name}'; write {', '.join(POLICIES)}")
    with progress_shown(quiet=json) as progress:
        found = [
            simulate(
                _worlds(name, encoder, progress),
                seeds=seeds,
                weeks=weeks,
                noise=noise,
                policies=chosen,
                progress=progress,
            )
            for name in named
        ]
    if report:
        from evaluation.simulation.report import write_report

        typer.echo(f"report: {write_report(found, report)}", err=True)
    typer.echo(dumps(telling.document(found), indent=2) if json else "\n\n".join(map(telling.text, found)))


def _check(name: str) -> None:
    sized = _SIZED.fullmatch(name)
    if name != "example" and not sized:
        misused(f"--market is '{name}'; write example, or needs x offers such as 30x20")
    if sized and max(map(int, sized.groups())) > LARGEST:
        misused(f"--market is '{name}'; write at most {LARGEST} needs and {LARGEST} offers")


def _worlds(name: str, encoder: str, progress: "Progress") -> "Worlds":
    from evaluation.simulation.simulating import sized

    if found := _SIZED.fullmatch(name):
        return sized(int(found[1]), int(found[2]))
    from evaluation.simulation.example import example
    from matcher.assembling import assemble

    world = example(assemble(encoder=encoder, dtype="float32"), progress)  # the same figures on every machine
    return lambda _seed: world
