"""`commonweal evaluate` and `commonweal fit`: judged collections, measured, gated, reported, learnt from."""

from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evaluation.evaluating import Evaluated
    from evaluation.gate import Check
    from matcher.encoding import Progress

app = typer.Typer()

BASELINE = Path(__file__).parent / "baseline.json"
FORMATS = ("text", "github", "junit")
SHIPPED = ("benchmark",)
"""Collections that come with Commonweal and can be named without a path."""


@app.command()
def evaluate(
    collections: Annotated[list[Path], typer.Argument(metavar="COLLECTION…", help="Folders of judged queries.")],
    system: Annotated[
        list[str] | None, typer.Option("--system", metavar="NAME", help="Only this one; may be given again.")
    ] = None,
    split: Annotated[str, typer.Option(metavar="dev|test", help="Only the queries of this half.")] = "",
    slice_: Annotated[
        str, typer.Option("--slice", metavar="ATTRIBUTE=VALUE", help="Every query of this slice with its value.")
    ] = "",
    runs: Annotated[Path | None, typer.Option(help="Write each system's run here, in TREC's format.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write report.html and report.json here.")] = None,
    baseline: Annotated[
        Path, typer.Option(metavar="FILE", help="What --gate compares with and --accept writes.")
    ] = BASELINE,
    gate: Annotated[
        bool, typer.Option("--gate", help="Exit 1 when something got worse, 2 without a usable baseline.")
    ] = False,
    accept: Annotated[
        str | None, typer.Option(metavar="WHY", help="Make these figures the baseline, and say why.")
    ] = None,
    ranker: Annotated[Path | None, typer.Option(help="Another models/ranker.toml.")] = None,
    encoder: Annotated[str, typer.Option(help="Another entry of models/encoders.toml.")] = "",
    format_: Annotated[str, typer.Option("--format", metavar="|".join(FORMATS), help="How it is told.")] = "text",
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout, all else on stderr.")] = False,
) -> None:
    """Measures suggestions on judged collections, beside simple systems, with intervals and slices.

    Example: `commonweal evaluate data/benchmark --split test --report var/report`

    Example, as CI does: `commonweal evaluate data/benchmark --gate`
    """
    if format_ not in FORMATS:
        misused(f"--format is '{format_}'; write {', '.join(FORMATS)}")
    if split not in ("", "dev", "test"):
        misused(f"--split is '{split}'; write dev or test")
    if accept is not None and not accept.strip():
        misused("--accept is empty; say in a sentence why these figures are to be the baseline")
    if slice_ and (gate or accept or runs or report):
        misused("--slice shows one slice and nothing else: leave out --gate, --accept, --runs and --report")
    if system and (gate or accept):
        misused("--gate and --accept look at all systems: leave out --system")
    needs_extras()
    found = _evaluated(collections, system, split, ranker, encoder, quiet=json)
    if slice_:
        _show_slice(found, slice_)
        return
    if runs:
        from evaluation.runs import write

        for one in found:
            for name, run in one.runs.items():
                write(run, runs / f"{one.collection.name}.{name.replace(' ', '-')}.trec")
    first = accept and not baseline.is_file()
    checks = _gated(found, baseline) if gate and not first else []
    if report:
        from evaluation.report import write_report

        typer.echo(f"report: {write_report(found, checks, report)}", err=True)
    _tell(found, checks, format_, gate=gate, as_document=json)
    if any(not check.ok for check in checks):
        raise typer.Exit(1)
    if accept:
        _accept(found, baseline, accept)


@app.command()
def fit(
    collection: Annotated[Path, typer.Argument(metavar="COLLECTION", help="Folder of judged queries.")],
    split: Annotated[str, typer.Option(metavar="dev|test", help="The half to fit on.")] = "dev",
    write: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the ranker here; else show it.")] = None,
    encoder: Annotated[str, typer.Option(help="Another entry of models/encoders.toml.")] = "",
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout, all else on stderr.")] = False,
) -> None:
    """Fits the ranker on judged pairs: the same pairs give the same file.

    Example: `commonweal fit data/benchmark --split dev --write models/ranker.toml`
    """
    if split not in ("dev", "test"):
        misused(f"--split is '{split}'; write dev or test")
    needs_extras()
    from json import dumps

    from evaluation import fitting
    from evaluation.collection import load
    from matcher.assembling import assemble

    loaded = load(_folder(collection))
    core = assemble(encoder=encoder, dtype="float32")
    with progress_shown(quiet=json) as progress:
        fitted = fitting.fit(loaded, core, split, progress)
    for weight, ndcg in fitted.tried.items():
        typer.echo(f"BM25 at {weight}: nDCG@10 {ndcg:.4f}, cross-validated", err=True)
    for word, (fits, deserved, pairs) in fitted.reliability.items():
        typer.echo(f"{word}: fit {fits:.2f} on average, {deserved:.0%} of {pairs} pairs deserved it", err=True)
    told = fitting.as_toml(fitted, loaded, split)
    if write:
        write.write_text(told, "utf-8")
        typer.echo(f"written: {write}", err=True)
    if json:
        typer.echo(dumps(asdict(fitted), indent=2))
    elif not write:
        typer.echo(told, nl=False)


@app.command()
def agree(
    collection: Annotated[Path, typer.Argument(metavar="COLLECTION", help="Folder of judged queries.")],
    sheet: Annotated[Path, typer.Argument(metavar="SHEET", help="CSV file of pairs with your grades.")],
    make: Annotated[bool, typer.Option("--make", help="Write a new sheet there, for you to fill in.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout, all else on stderr.")] = False,
) -> None:
    """Judge pairs yourself, and see how far you agree with a collection's judgements.

    Example: `commonweal agree data/benchmark my-sheet.csv --make`, then without `--make`
    """
    from json import dumps

    needs_extras()
    from evaluation.agreement import RUBRIC, agreement, write_sheet
    from evaluation.collection import load

    loaded = load(_folder(collection))
    if make:
        if sheet.exists():
            misused(f"{sheet} exists already; name another, so that no grade is lost")
        pairs = write_sheet(loaded, sheet)
        typer.echo(dumps({"pairs": pairs, "sheet": str(sheet)}) if json else f"{sheet}: {pairs} pairs. {RUBRIC}")
        return
    found = agreement(loaded, sheet)
    if json:
        typer.echo(dumps(asdict(found)))
        return
    typer.echo(f"kappa {found.kappa:.2f} (linear weights), the same grade for {found.same:.0%} of {found.pairs} pairs")
    typer.echo("grades there (down) and yours (across):")
    for grade, row in enumerate(found.table):
        typer.echo(f"  {grade}  " + "".join(f"{count:>6}" for count in row))


@contextmanager
def progress_shown(*, quiet: bool) -> "Iterator[Progress]":
    """Bars on stderr, one for each thing that is being done."""
    from rich import progress as rich
    from rich.console import Console

    columns = (rich.TextColumn("{task.description}"), rich.BarColumn(), rich.MofNCompleteColumn())
    with rich.Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bars:
        tasks: dict[str, rich.TaskID] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield progress


def _evaluated(
    folders: "Sequence[Path]",
    systems: "Sequence[str] | None",
    split: str,
    ranker: Path | None,
    encoder: str,
    *,
    quiet: bool,
) -> "list[Evaluated]":
    from evaluation.collection import load
    from evaluation.evaluating import SYSTEMS, evaluate, usable
    from evaluation.systems import UnknownSystemError
    from matcher.assembling import assemble

    loaded = [load(_folder(folder)) for folder in folders]
    names = [collection.name for collection in loaded]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        misused(f"two collections are called {twice[0]}: give one another name in its collection.toml")
    try:
        for collection in loaded:
            usable(collection, systems or SYSTEMS, split)
    except (UnknownSystemError, ValueError) as error:
        misused(str(error))
    core = assemble(encoder=encoder, ranker=ranker, dtype="float32")  # the same figures on every machine
    with progress_shown(quiet=quiet) as progress:
        return [evaluate(one, core, systems=systems or SYSTEMS, split=split, progress=progress) for one in loaded]


def _folder(path: Path) -> Path:
    """A folder, or the name of a collection that came with Commonweal."""
    from matcher.artefacts import artefact

    if path.is_dir() or path.name not in SHIPPED or len(path.parts) > 1:
        return path
    return artefact("data", path.name)


def _gated(found: "Sequence[Evaluated]", baseline: Path) -> "list[Check]":
    from evaluation.gate import BaselineError, check

    try:
        return check(found, baseline)
    except BaselineError as error:
        misused(str(error))


def _accept(found: "Sequence[Evaluated]", baseline: Path, why: str) -> None:
    from datetime import date

    from evaluation.gate import accept

    accept(found, baseline, why, date.today())
    typer.echo(f"accepted: {baseline}, and a row in HISTORY.md beside it", err=True)


def _show_slice(found: "Sequence[Evaluated]", name: str) -> None:
    from evaluation.evaluating import slice_of
    from evaluation.telling import slice_text

    known = sorted({part.name for one in found for part in one.slices})
    if name not in known:
        misused(f"--slice is '{name}'; there are {', '.join(known) or 'none'}")
    for one in found:
        if part := slice_of(one, name):
            typer.echo(slice_text(one, part))


def _tell(
    found: "Sequence[Evaluated]", checks: "Sequence[Check]", format_: str, *, gate: bool, as_document: bool
) -> None:
    import json

    from evaluation import telling

    if as_document:
        document = {"collections": [telling.document(one) for one in found]}
        typer.echo(json.dumps(document | ({"checks": [asdict(one) for one in checks]} if gate else {}), indent=2))
    elif format_ == "github":
        typer.echo(telling.github(found, checks))
    elif format_ == "junit":
        typer.echo(telling.junit(checks))
    else:
        typer.echo("\n\n".join(telling.text(one) for one in found))
    if gate and (as_document or format_ == "text"):
        typer.echo(telling.gate_text(checks), err=as_document)


def needs_extras() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("ir_measures", "pytrec_eval", "scipy", "sklearn", "matplotlib") if not find_spec(name)]
    if missing:
        typer.secho(
            f"error: evaluating needs {', '.join(missing)}. Try: pip install 'commonweal[evaluation]'",
            err=True,
            fg="red",
        )
        raise typer.Exit(1)


def misused(says: str) -> NoReturn:
    raise typer.BadParameter(says)
