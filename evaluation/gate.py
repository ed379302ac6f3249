"""Whether a change may pass: against the accepted baseline, the best row of the history, and systems that must fail."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np

from evaluation.comparing import FEWEST, Values, difference, estimate, holm, randomisation
from evaluation.evaluating import ALL, Evaluated, slice_of
from evaluation.measures import DECLARED, MAP, NDCG, RECALL
from evaluation.systems import COMMONWEAL, MUST_FAIL
from matcher.errors import CommonwealError

LEVEL = 0.05  # the chance of a false alarm, over all that is declared of one collection
DIGITS = 4  # of a value: what differs by less is another machine's arithmetic
FLOOR = "bm25"  # what the systems that must fail have to stay below
HISTORY = "HISTORY.md"
_KEYS = {"encoder", "ranker", "split", "sha256", "measures", "slices"}
_HEADER = ["date", "commit", "collection", *DECLARED, "why"]
_TITLE = """# How good the suggestions were

One row for each baseline that was accepted. The gate fails when a figure falls below the best row of its collection by
more than the noise band. What was tried and not kept stands in a second table, which the gate does not read.

"""


class BaselineError(CommonwealError):
    """There is no baseline to compare with, or it was made by something else. The gate cannot say anything."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the gate looked at. `command` shows what lies behind it."""

    name: str
    ok: bool
    says: str
    command: str


def check(evaluated: Sequence[Evaluated], baseline: Path) -> list[Check]:
    """Every check of every collection. Raises BaselineError where there is nothing to compare with."""
    accepted = _read(baseline)
    best = best_rows(baseline.with_name(HISTORY))
    found: list[Check] = []
    for one in evaluated:
        name = one.collection.name
        if name not in accepted:
            raise BaselineError(f"{baseline} has no baseline of {name}. {_remedy(one, baseline)}")
        _comparable(one, accepted[name], baseline)
        found += _against_baseline(one, accepted[name])
        found += _against_history(one, best.get(_called(one), {}))
        found += _must_fail(one)
    return found


def _read(baseline: Path) -> dict[str, Any]:
    if not baseline.is_file():
        raise BaselineError(f"there is no baseline at {baseline}. Make one: add --accept 'first baseline'")
    try:
        accepted: dict[str, Any] = json.loads(baseline.read_text("utf-8"))
        if missing := [name for name, one in accepted.items() if not set(one) >= _KEYS]:
            raise ValueError(f"the entry of {missing[0]} lacks one of {', '.join(sorted(_KEYS))}")
    except (ValueError, AttributeError, TypeError) as error:
        raise BaselineError(f"{baseline} cannot be read: {error}") from None
    return accepted


def _remedy(one: Evaluated, baseline: Path) -> str:
    return f"Make one: {_command(one)} --baseline {quote(str(baseline))} --accept 'why'"


def _command(one: Evaluated) -> str:
    split = f" --split {one.split}" if one.split else ""
    return f"commonweal evaluate {quote(str(one.collection.folder))}{split}"


def _comparable(one: Evaluated, accepted: Mapping[str, Any], baseline: Path) -> None:
    made = {
        "encoder": one.encoder,
        "split": one.split,
        "sha256": one.collection.sha256,
    }
    for key, value in made.items():
        if accepted[key] != value:
            raise BaselineError(
                f"{baseline}: the baseline of {one.collection.name} was made with {key} '{accepted[key]}', "
                f"this is '{value}': the two cannot be compared. {_remedy(one, baseline)}"
            )


def _against_baseline(one: Evaluated, accepted: Mapping[str, Any]) -> list[Check]:
    """Paired by query, one-sided, Holm-corrected over everything declared; what vanished fails."""
    compared: list[tuple[str, Values, Values]] = []
    found: list[Check] = []
    for name, measure, values in _declared(accepted):
        now = _now(one, name, measure, list(values))
        if now is None:
            found.append(_check(one, f"{measure}, {name}", False, "was in the baseline and has vanished"))
        else:
            compared.append((f"{measure}, {name}", now, np.array(list(values.values()))))
    chances = holm([randomisation(now, before, "less") for _, now, before in compared])
    for (name, now, before), chance in zip(compared, chances, strict=True):
        gap = difference(now, before)
        says = f"{now.mean():.3f}, was {before.mean():.3f} ({gap.mean:+.3f}, 95% {gap.low:+.3f} to {gap.high:+.3f})"
        found.append(_check(one, name, not (gap.mean < 0 and chance <= LEVEL), says))
    return found


def _declared(accepted: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, float]]]:
    """(slice, measure, value by query) of everything the baseline keeps."""
    for measure, values in accepted["measures"].items():
        yield ALL, measure, values
    for name, queries in accepted["slices"].items():
        yield name, NDCG, {query: accepted["measures"][NDCG][query] for query in queries}


def _now(one: Evaluated, name: str, measure: str, queries: Sequence[str]) -> Values | None:
    """Today's values of those queries; None where the slice, the measure or one of the queries is gone."""
    values = one.values.get(COMMONWEAL, {}).get(measure)
    rows = {query: row for row, query in enumerate(one.queries)}
    if values is None or any(query not in rows for query in queries) or (name != ALL and slice_of(one, name) is None):
        return None
    return values[[rows[query] for query in queries]].round(DIGITS)


def _against_history(one: Evaluated, best: Mapping[str, float]) -> list[Check]:
    found = []
    for measure, figure in best.items():
        now = estimate(one.values[COMMONWEAL][measure])
        says = f"{now.mean:.3f}, the best row of {HISTORY} has {figure:.3f} (band {now.band:.3f})"
        found.append(_check(one, f"{measure}, against the best", round(now.mean, DIGITS) >= figure - now.band, says))
    return found


def _must_fail(one: Evaluated) -> list[Check]:
    """Below a hundred documents R@100 tells nobody apart."""
    fewest = min(len(one.collection.sides[one.collection.queries[query].kind]) for query in one.queries)
    found = []
    for system in MUST_FAIL:
        for measure in (NDCG, MAP, RECALL) if fewest > 100 else (NDCG, MAP):
            worse, floor = (one.values[which][measure].mean() for which in (system, FLOOR))
            says = f"{worse:.3f}, {FLOOR} has {floor:.3f}"
            found.append(_check(one, f"{measure}: {system} must stay below {FLOOR}", bool(worse < floor), says))
    return found


def _check(one: Evaluated, name: str, ok: bool, says: str) -> Check:
    part = name.rpartition(", ")[2]
    only = f" --slice {quote(part)}" if "=" in part else ""
    return Check(f"{one.collection.name}: {name}", ok, says, _command(one) + only)


def accept(evaluated: Sequence[Evaluated], baseline: Path, why: str, on: date) -> None:
    """Makes these figures the baseline, and adds a row for each collection to the history beside it."""
    accepted = _read(baseline) if baseline.is_file() else {}
    for one in evaluated:
        accepted[one.collection.name] = {
            "encoder": one.encoder,
            "ranker": one.ranker,
            "split": one.split,
            "sha256": one.collection.sha256,
            "measures": {
                measure: dict(zip(one.queries, one.values[COMMONWEAL][measure].round(DIGITS).tolist(), strict=True))
                for measure in DECLARED
            },
            "slices": {part.name: list(part.queries) for part in one.slices if len(part.queries) >= FEWEST},
        }
    _replace(baseline, json.dumps(accepted, indent=1, sort_keys=True) + "\n")
    history = baseline.with_name(HISTORY)
    _replace(history, _with_rows(history.read_text("utf-8") if history.is_file() else "", evaluated, why, on))


def _with_rows(history: str, evaluated: Sequence[Evaluated], why: str, on: date) -> str:
    """The history with rows at the end of its first table."""
    lines = (history or _TITLE + _line(_HEADER) + _line(["---"] * len(_HEADER))).splitlines(keepends=True)
    last = max((n for n, row in _rows(lines)), default=next(n for n, one in enumerate(lines) if one.startswith("| --")))
    commit = _commit()
    rows = [
        _line(
            [
                on.isoformat(),
                commit,
                _called(one),
                *(f"{one.values[COMMONWEAL][measure].mean():.4f}" for measure in DECLARED),
                " ".join(why.replace("|", "/").split()),
            ]
        )
        for one in evaluated
    ]
    return "".join([*lines[: last + 1], *rows, *lines[last + 1 :]])


def _called(one: Evaluated) -> str:
    name = one.collection.name.replace("|", "/")
    return f"{name} {one.collection.sha256[:8]}{' ' + one.split if one.split else ''}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _rows(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows of the first table with the number of their line."""
    begun = False
    for number, line in enumerate(lines):
        if begun and not line.startswith("|"):
            return
        if line.startswith("| --"):
            begun = True
        elif begun:
            yield number, [cell.strip() for cell in line.strip().strip("|").split("|")]


def best_rows(history: Path) -> dict[str, dict[str, float]]:
    """By collection name the highest figure of each declared measure. Raises BaselineError for an unreadable row."""
    best: dict[str, dict[str, float]] = {}
    lines = history.read_text("utf-8").splitlines() if history.is_file() else []
    for number, cells in _rows(lines):
        try:
            named = dict(zip(_HEADER, cells, strict=True))
            figures = {measure: float(named[measure]) for measure in DECLARED}
        except ValueError:
            raise BaselineError(f"{history.name}, line {number + 1}: not a row of {', '.join(_HEADER)}") from None
        known = best.setdefault(named["collection"], figures)
        best[named["collection"]] = {measure: max(known[measure], figures[measure]) for measure in DECLARED}
    return best


def _commit() -> str:
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty=+"],  # noqa: S607
            capture_output=True,
            text=True,
            cwd=Path(__file__).parent,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "-"
    return told.stdout.strip() or "-"


def _replace(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_text(text, "utf-8")
    unfinished.replace(path)
