"""The report: one HTML page that needs nothing beside it, and the same as JSON."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from evaluation import plots
from evaluation.answering import AS_SENT
from evaluation.collection import Collection
from evaluation.comparing import FEWEST, Difference, Estimate
from evaluation.evaluating import Evaluated, SliceFigures, SystemFigures
from evaluation.gate import Check
from evaluation.measures import NAMES, NDCG, RECALL
from evaluation.serving import Falsehoods, Quotes, Sharing
from evaluation.systems import COMMONWEAL, MUST_FAIL, REFERENCE
from evaluation.telling import TOO_FEW, document

SIMULATION = "simulation.html"
"""The page that `commonweal simulate` writes."""

UNKNOWN = "–"
DRAWN = 24  # rows of the forest plot; a table below has all
OPEN = 3  # examples that are shown without a click
TEXT = 1500  # letters of a text in an example
GRADES = {0: "no", 1: "same field only", 2: "worth a conversation", 3: "today"}
"""What a grade means where our own scale is used: four grades, of which the upper two are a yes."""

MEASURES = {
    NDCG: "1 where the best answers lead the first ten, 0 where none is among them",
    RECALL: "the share of right answers found among the first hundred",
    "MAP": "how early right answers come, over the whole list",
    "MRR": "1 where the first right answer leads, 0.5 where it is second, and so on",
    "P@1": "the share of queries whose first answer is right",
    "Judged@10": "the share of the first ten that anybody judged; where it is low, the other figures are too low",
}


def write_report(evaluated: Sequence[Evaluated], checks: Sequence[Check], folder: Path) -> Path:
    """Writes report.html and report.json, each whole or not at all, and returns where the page is."""
    told = {"collections": [document(one) for one in evaluated]}
    if checks:
        told["checks"] = [asdict(check) for check in checks]
    html = page(evaluated, checks, simulated=(folder / SIMULATION).is_file())
    write_whole({"report.json": json.dumps(told, indent=2, allow_nan=False) + "\n", "report.html": html}, folder)
    return folder / "report.html"


def write_whole(files: Mapping[str, str], folder: Path) -> None:
    """Writes each of the files whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = {folder / name: folder / f".{name}.part" for name in files}
    for part, text in zip(unfinished.values(), files.values(), strict=True):
        part.write_bytes(text.encode())
    for path, part in unfinished.items():
        part.replace(path)


def page(evaluated: Sequence[Evaluated], checks: Sequence[Check] = (), *, simulated: bool = False) -> str:
    """The report as HTML, with a link to the simulation where one lies beside. The same input gives the same page."""
    names = [one.collection.name for one in evaluated]
    sections = [
        _section(one, [check for check in checks if _owner(check, names) == one.collection.name], number)
        for number, one in enumerate(evaluated, 1)
    ]
    return environment().get_template("report.html").render(sections=sections, simulated=simulated)


@dataclass(frozen=True, slots=True, kw_only=True)
class _SliceTable:
    """One attribute's slices: those that tell, and the others by value with their number of queries."""

    attribute: str
    telling: tuple[SliceFigures, ...]
    few: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """What the template shows of one collection."""

    number: int
    one: Evaluated
    verdict: str
    overall: SystemFigures | None
    systems: tuple[SystemFigures, ...]
    as_sent: SystemFigures | None
    slices: tuple[_SliceTable, ...]
    undrawn: int
    exposure: tuple[str, ...]
    beyond: tuple[str, ...]
    systems_plot: Markup
    forest_plot: Markup
    reliability_plot: Markup
    lorenz_plot: Markup
    time_plot: Markup
    checks: tuple[Check, ...]
    grade: Callable[[int | None], str]

    @property
    def failed(self) -> list[Check]:
        return [check for check in self.checks if not check.ok]


def _section(one: Evaluated, checks: Sequence[Check], number: int) -> _Section:
    systems = tuple(figures for figures in one.systems if figures.system != AS_SENT)
    overall = next((figures for figures in systems if figures.system == COMMONWEAL), None)
    compared, undrawn = _compared(overall, one.slices)
    return _Section(
        number=number,
        one=one,
        verdict=_verdict(overall),
        overall=overall,
        systems=tuple(sorted(systems, key=_falling)),
        as_sent=next((figures for figures in one.systems if figures.system == AS_SENT), None),
        slices=tuple(_slice_tables(one.slices)),
        undrawn=undrawn,
        exposure=tuple(_exposure(one.sharing)) if one.sharing else (),
        beyond=(*_falsehoods(one.falsehoods), *_quotes(one.quotes)),
        systems_plot=Markup(plots.systems(systems, f"systems-{number}")),  # noqa: S704  # escaped by plots
        forest_plot=Markup(plots.forest(compared, f"forest-{number}")),  # noqa: S704
        reliability_plot=Markup(plots.reliability(one.calibration, f"fit-{number}") if one.calibration else ""),  # noqa: S704
        lorenz_plot=Markup(plots.lorenz(one.sharing, f"lorenz-{number}") if one.sharing else ""),  # noqa: S704
        time_plot=Markup(plots.quality_by_time(systems, f"time-{number}")),  # noqa: S704
        checks=tuple(checks),
        grade=_words_for_grades(one.collection),
    )


def _owner(check: Check, names: Sequence[str]) -> str:
    """The collection a check is of: the longest name where one begins like another."""
    return max((name for name in names if check.name.startswith(f"{name}: ")), key=len, default="")


def _falling(figures: SystemFigures) -> float:
    """For sorting by nDCG@10, the best first and what has none last."""
    mean = figures.measures[NDCG].mean if NDCG in figures.measures else math.nan
    return math.inf if math.isnan(mean) else -mean


def _verdict(overall: SystemFigures | None) -> str:
    """The main figure in words."""
    if overall is None or NDCG not in overall.measures or math.isnan(overall.measures[NDCG].mean):
        return ""
    reached = f"{NDCG} is {_interval(overall.measures[NDCG])} for {COMMONWEAL}"
    gap = overall.against.get(NDCG)
    if gap is None:
        return f"{reached}."
    if not gap.tells:
        return f"{reached}; fewer than {FEWEST} queries are {TOO_FEW} it from the {REFERENCE}."
    side = "better than" if gap.low > 0 else "worse than" if gap.high < 0 else "not told apart from"
    return f"{reached}: {side} the {REFERENCE}, by {_signed(gap.mean)} ({_signed(gap.low)} to {_signed(gap.high)})."


def _compared(
    overall: SystemFigures | None, slices: Sequence[SliceFigures]
) -> tuple[list[tuple[str, Difference]], int]:
    """Rows of the forest plot, and how many slices find no room: the smallest go first."""
    if overall is None or NDCG not in overall.against:
        return [], 0
    known = [part for part in slices if NDCG in part.against]
    drawn = sorted(range(len(known)), key=lambda row: -len(known[row].queries))[: DRAWN - 1]
    rows = [(f"{known[row].attribute}: {known[row].value}", known[row].against[NDCG]) for row in sorted(drawn)]
    return [("all queries", overall.against[NDCG]), *rows], len(known) - len(drawn)


def _slice_tables(slices: Sequence[SliceFigures]) -> Iterator[_SliceTable]:
    for attribute in dict.fromkeys(part.attribute for part in slices):
        parts = [part for part in slices if part.attribute == attribute]
        yield _SliceTable(
            attribute=attribute,
            telling=tuple(part for part in parts if len(part.queries) >= FEWEST),
            few=tuple((part.value, len(part.queries)) for part in parts if len(part.queries) < FEWEST),
        )


def _exposure(found: Sharing) -> Iterator[str]:
    """How attention is shared out, in sentences for a coordinator."""
    if not found.suggestions:
        yield "Nothing was suggested, so there is nothing to share out."
        return
    yield (
        f"{found.coverage:.0%} of the organisations that could be suggested are suggested at least once, "
        f"over {_count(found.suggestions, 'suggestion')} as members would get them."
    )
    yield f"The Gini index of exposure is {found.gini:.2f}: 0 if all are suggested alike, near 1 if one gets all."
    if found.to_small is not None and found.small_listings is not None:
        less = "less than" if found.to_small < found.small_listings else "no less than"
        yield (
            f"Micro and small organisations get {found.to_small:.0%} of suggestions, {less} their share: "
            f"they hold {found.small_listings:.0%} of the listings that could be suggested."
        )
    if found.cross_sector is not None:
        yield f"{found.cross_sector:.0%} of suggestions link organisations that have no sector in common."


def _falsehoods(found: Falsehoods | None) -> Iterator[str]:
    if found is not None and found.queries:
        yield (
            f"Of {_count(found.queries, 'need')} that nobody here can meet, {found.with_some} get a suggestion all the "
            f"same, {_count(found.suggestions, 'suggestion')} together. Each of these is false: fewer is better."
        )


def _quotes(found: Quotes | None) -> Iterator[str]:
    if found is not None and found.pairs:
        yield (
            f"Reasons quote the right words of the need in {found.need:.0%}, of the offer in {found.offer:.0%} and of "
            f"both in {found.both:.0%} of {_count(found.pairs, 'pair')} labelled."
        )


def _words_for_grades(collection: Collection) -> Callable[[int | None], str]:
    """How this collection's grades are read out."""
    highest = max((grade for judged in collection.qrels.values() for grade in judged.values()), default=0)

    def word(grade: int | None) -> str:
        if grade is None:
            return "not judged"
        if highest <= 1:
            return "relevant" if grade >= collection.cut else "not relevant"
        if collection.cut == 2 and highest <= max(GRADES):
            return GRADES[grade]
        return f"grade {grade} of {highest}, {'a yes' if grade >= collection.cut else 'not a yes'}"

    return word


def _count(number: int, of: str) -> str:
    return f"{number} {of}" if number == 1 else f"{number} {of}s"


def _number(value: float | None, digits: int = 3) -> str:
    return UNKNOWN if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def _signed(value: float | None) -> str:
    return UNKNOWN if value is None or not math.isfinite(value) else f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def _chance(value: float) -> str:
    return "<\N{NO-BREAK SPACE}0.001" if value < 0.001 else _number(value)


def _interval(figure: Estimate) -> str:
    return f"{_number(figure.mean)} ({_number(figure.low)} to {_number(figure.high)})"


def _shown(value: object) -> object:
    """Every text on the page goes through here, but the template's own and the plots."""
    return plots.printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def environment() -> Environment:
    """The templates of every page here, with what they all use."""
    environment = Environment(
        loader=PackageLoader("evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {
        "number": _number,
        "signed": _signed,
        "chance": _chance,
        "count": _count,
        "clipped": plots.clipped,
    }
    environment.globals |= {
        "COMMONWEAL": COMMONWEAL,
        "FEWEST": FEWEST,
        "MEASURES": MEASURES,
        "MUST_FAIL": MUST_FAIL,
        "NAMES": NAMES,
        "NDCG": NDCG,
        "OPEN": OPEN,
        "RECALL": RECALL,
        "REFERENCE": REFERENCE,
        "TEXT": TEXT,
        "TOO_FEW": TOO_FEW,
        "UNKNOWN": UNKNOWN,
    }
    return environment
