"""One collection through every system: figures with intervals, slices, and what lies beyond ranking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from evaluation.answering import AS_SENT, Answers, answer, other, rules_of
from evaluation.collection import Collection
from evaluation.comparing import Difference, Estimate, Values, difference, estimate
from evaluation.measures import NDCG, per_query
from evaluation.runs import Run
from evaluation.serving import (
    Calibration,
    Falsehoods,
    Quotes,
    Sharing,
    calibration,
    falsehoods,
    quoted_right,
    sharing,
)
from evaluation.systems import COMMONWEAL, REFERENCE, SCORES, Baselines, UnknownSystemError
from matcher.assembling import Core
from matcher.encoding import Progress, silent
from matcher.masking import mask

SYSTEMS = (COMMONWEAL, *SCORES)
EXAMPLES = 10  # queries shown that got better, and as many that got worse
SHOWN = 3  # documents shown of each
ALL = "all"

PerQuery = Mapping[str, Values]
"""By measure, values in the order of the evaluated queries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFigures:
    """One system over all queries. `against` is the difference to the reference, empty where that is itself.

    `preparing` is in seconds, for the whole collection; `asking` in seconds for one query, the median.
    """

    system: str
    measures: Mapping[str, Estimate]
    against: Mapping[str, Difference]
    preparing: float
    asking: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceFigures:
    """Commonweal over the queries whose `attribute` has one `value`, and its difference to the reference there."""

    attribute: str
    value: str
    queries: tuple[str, ...]
    measures: Mapping[str, Estimate]
    against: Mapping[str, Difference]

    @property
    def name(self) -> str:
        return f"{self.attribute}={self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A document in an example, with its grade (None: nobody judged it) and, for Commonweal's, word and reason."""

    document: str
    organisation: str
    text: str
    grade: int | None
    strength: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A query that Commonweal answers better or worse than the reference, by that much nDCG@10."""

    query: str
    kind: str
    text: str
    gain: float
    ours: tuple[Shown, ...]
    theirs: tuple[Shown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """All there is to tell of one collection. `values[system][measure]` follow `queries`."""

    collection: Collection
    split: str
    queries: tuple[str, ...]
    encoder: str
    ranker: str
    values: Mapping[str, PerQuery]
    systems: tuple[SystemFigures, ...]
    slices: tuple[SliceFigures, ...] = ()
    rules_off: tuple[str, ...] = ()
    sharing: Sharing | None = None
    calibration: Calibration | None = None
    falsehoods: Falsehoods | None = None
    quotes: Quotes | None = None
    better: tuple[Example, ...] = ()
    worse: tuple[Example, ...] = ()
    runs: Mapping[str, Run] = field(default_factory=dict)


def evaluate(
    collection: Collection,
    core: Core,
    *,
    systems: Sequence[str] = SYSTEMS,
    split: str = "",
    progress: Progress = silent,
) -> Evaluated:
    """Runs the systems and measures them on the judged queries of a split, all when empty.

    Raises as `usable` does.
    """
    usable(collection, systems, split)
    queries = collection.judged(split)
    baselines = Baselines(collection, core.encoder)
    answers = answer(collection, core, progress) if COMMONWEAL in systems else None
    runs = {COMMONWEAL: answers.run(), AS_SENT: answers.run_as_sent()} if answers else {}
    for done, system in enumerate(named := [one for one in systems if one != COMMONWEAL], 1):
        runs[system] = baselines.run(system)
        progress(f"other systems on {collection.name}", done, len(named))
    values = {system: per_query(collection, run, queries) for system, run in runs.items()}
    found = Evaluated(
        collection=collection,
        split=split,
        queries=tuple(queries),
        encoder=core.encoder.name,
        ranker=core.ranker.version,
        values=values,
        systems=tuple(_figures(run, values) for run in runs.values()),
        runs=runs,
    )
    return _with_answers(found, answers) if answers else found


def usable(collection: Collection, systems: Sequence[str], split: str) -> None:
    """Raises UnknownSystemError naming those there are, ValueError where the split has no judged query."""
    if unknown := [system for system in systems if system not in SYSTEMS]:
        raise UnknownSystemError(f"system '{unknown[0]}' is not known; known: {', '.join(SYSTEMS)}")
    if not collection.judged(split):
        raise ValueError(f"{collection.name} has no judged query in split '{split}'; leave out --split to take all")


def _with_answers(found: Evaluated, answers: Answers) -> Evaluated:
    """What can be told only of Commonweal itself."""
    collection, queries = found.collection, found.queries
    better, worse = _examples(found, answers)
    return replace(
        found,
        slices=tuple(_slices(collection, queries, found.values)),
        rules_off=tuple(rules_of(collection)[1]),
        sharing=sharing(collection, answers.sent, queries),
        calibration=calibration(collection, answers.whole, [*queries, *collection.nobody(found.split)]),
        falsehoods=falsehoods(collection, answers.sent, found.split),
        quotes=quoted_right(collection, answers.network),
        better=better,
        worse=worse,
    )


def _figures(run: Run, values: Mapping[str, PerQuery]) -> SystemFigures:
    ours, reference = values[run.system], values.get(REFERENCE)
    compared = reference is not None and run.system not in (REFERENCE, AS_SENT)
    return SystemFigures(
        system=run.system,
        measures={name: estimate(of_each) for name, of_each in ours.items()},
        against={name: difference(ours[name], reference[name]) for name in ours} if compared and reference else {},
        preparing=run.preparing,
        asking=run.asking,
    )


def _slices(collection: Collection, queries: Sequence[str], values: Mapping[str, PerQuery]) -> list[SliceFigures]:
    ours, reference = values[COMMONWEAL], values.get(REFERENCE)
    found = []
    for attribute, of_query in collection.slices.items():
        for value in sorted({of_query[query] for query in queries if query in of_query}):
            inside = np.array([of_query.get(query) == value for query in queries])
            found.append(
                SliceFigures(
                    attribute=attribute,
                    value=value,
                    queries=tuple(query for query, is_in in zip(queries, inside, strict=True) if is_in),
                    measures={name: estimate(of_each[inside]) for name, of_each in ours.items()},
                    against={name: difference(ours[name][inside], reference[name][inside]) for name in ours}
                    if reference
                    else {},
                )
            )
    return found


def _examples(found: Evaluated, answers: Answers) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """The queries with the largest gains and the largest losses against the reference."""
    if REFERENCE not in found.values:
        return (), ()
    collection, queries = found.collection, found.queries
    gaps = found.values[COMMONWEAL][NDCG] - found.values[REFERENCE][NDCG]
    order = np.argsort(-gaps, kind="stable")

    def example(row: int) -> Example:
        query = queries[row]
        asks = collection.queries[query].kind
        ours = [(other(asks, one).id, one) for one in answers.whole[query][:SHOWN]]
        return Example(
            query=query,
            kind=asks.value,
            text=mask(collection.queries[query].text),
            gain=float(gaps[row]),
            ours=tuple(
                _shown(collection, query, document, one.strength.value, one.reasons[0].says if one.reasons else "")
                for document, one in ours
            ),
            theirs=tuple(
                _shown(collection, query, one) for one in found.runs[REFERENCE].ranking.get(query, ())[:SHOWN]
            ),
        )

    return (
        tuple(example(row) for row in order[:EXAMPLES] if gaps[row] > 0),
        tuple(example(row) for row in order[::-1][:EXAMPLES] if gaps[row] < 0),
    )


def _shown(collection: Collection, query: str, document: str, strength: str = "", reason: str = "") -> Shown:
    listing = collection.documents[document]
    return Shown(
        document=document,
        organisation=mask(collection.organisation_of(listing).name),
        text=mask(listing.text),
        grade=collection.qrels[query].get(document),
        strength=strength,
        reason=reason,
    )


def slice_of(evaluated: Evaluated, name: str) -> SliceFigures | None:
    """The slice called `attribute=value`."""
    return next((one for one in evaluated.slices if one.name == name), None)
