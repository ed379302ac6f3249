"""An evaluation told: as text, as one JSON document, as GitHub annotations, as JUnit XML."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree

from evaluation.comparing import Difference, Estimate
from evaluation.evaluating import Evaluated, SliceFigures, SystemFigures
from evaluation.gate import Check
from evaluation.measures import NAMES, NDCG, RECALL
from evaluation.systems import COMMONWEAL, REFERENCE
from matcher.masking import mask

TOO_FEW = "too few to tell"
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text(evaluated: Evaluated) -> str:
    """Systems, slices and what lies beyond ranking, as tables of plain text."""
    parts = [_title(evaluated), table_of([_HEAD, *(_system(one) for one in evaluated.systems)])]
    if evaluated.slices:
        parts.append(table_of([_SLICE_HEAD, *(_slice(one) for one in evaluated.slices)]))
    parts.append("\n".join(beyond(evaluated)))
    return "\n\n".join(part for part in parts if part)


def _title(one: Evaluated) -> str:
    collection = one.collection
    split = f", {one.split} only" if one.split else ""
    nobody = f", {len(collection.nobody(one.split))} that nobody can meet" if collection.unmeetable else ""
    lines = [
        f"{collection.name}: {len(one.queries)} judged queries{split}{nobody}, {len(collection.documents)} documents",
        f"encoder {one.encoder}, ranker {one.ranker}",
        *collection.notes,
    ]
    if one.rules_off:
        lines.append(f"rules without facts here, off: {', '.join(one.rules_off)}")
    return "\n".join(lines)


_HEAD = ["system", *NAMES, "nDCG@10 against the hybrid (95%, p)", "ms a query"]
_SLICE_HEAD = ["slice", "queries", "nDCG@10 (95%)", "R@100", "nDCG@10 against the hybrid (95%, p)"]


def _system(one: SystemFigures) -> list[str]:
    return [
        one.system,
        *(f"{one.measures[name].mean:.3f}" for name in NAMES),
        _difference(one.against.get(NDCG)),
        f"{one.asking * 1000:.1f}",
    ]


def _slice(one: SliceFigures) -> list[str]:
    figure = one.measures[NDCG]
    if not figure.tells:
        return [one.name, str(figure.queries), TOO_FEW, "", ""]
    return [
        one.name,
        str(figure.queries),
        interval(figure),
        f"{one.measures[RECALL].mean:.3f}",
        _difference(one.against.get(NDCG)),
    ]


def interval(figure: Estimate) -> str:
    return f"{figure.mean:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def _difference(gap: Difference | None) -> str:
    if gap is None:
        return ""
    return f"{gap.mean:+.3f} ({gap.low:+.3f} to {gap.high:+.3f}, p {gap.p_randomisation:.3f})"


def beyond(one: Evaluated) -> list[str]:
    """What lies beyond ranking, a sentence each."""
    lines: list[str] = []
    if (shared := one.sharing) is not None:
        if shared.to_small is not None and shared.small_listings is not None:
            lines.append(
                f"{shared.to_small:.0%} of suggestions go to micro and small organisations, "
                f"who hold {shared.small_listings:.0%} of what could be suggested"
            )
        lines.append(
            f"{shared.coverage:.0%} of organisations are suggested at least once; exposure Gini {shared.gini:.2f} "
            f"over {shared.suggestions} suggestions"
        )
        if shared.cross_sector is not None:
            lines.append(f"{shared.cross_sector:.0%} of suggestions cross sectors")
    if (fit := one.calibration) is not None:
        lines.append(f"fit is off by {fit.error:.3f} on average (expected calibration error, {fit.pairs} judged pairs)")
    if (nobody := one.falsehoods) is not None:
        lines.append(
            f"{nobody.with_some} of {nobody.queries} queries that nobody can meet are sent something "
            f"({nobody.suggestions} suggestions)"
        )
    if (quotes := one.quotes) is not None:
        lines.append(
            f"quoted clauses are the right ones: need {quotes.need:.0%}, offer {quotes.offer:.0%}, "
            f"both {quotes.both:.0%} of {quotes.pairs} labelled pairs"
        )
    return lines


def slice_text(one: Evaluated, part: SliceFigures) -> str:
    """Every query of a slice with its values here and at the reference, worst first."""
    rows = {query: row for row, query in enumerate(one.queries)}
    ours, reference = one.values[COMMONWEAL][NDCG], one.values.get(REFERENCE, {}).get(NDCG)
    told = [["query", NDCG, REFERENCE, "text"]]
    for query in sorted(part.queries, key=lambda query: (ours[rows[query]], query)):
        other = f"{reference[rows[query]]:.3f}" if reference is not None else ""
        words = mask(one.collection.queries[query].text).split()
        told.append([query, f"{ours[rows[query]]:.3f}", other, _printable(" ".join(words[:12]))])
    return table_of(told)


def _printable(text: str) -> str:
    """Without what could steer a terminal."""
    return "".join(letter for letter in text if letter.isprintable())


def table_of(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def document(one: Evaluated) -> dict[str, Any]:
    """The same as values for JSON; what is not a number is null there."""
    collection = one.collection
    return {
        "collection": collection.name,
        "licence": collection.licence,
        "sha256": collection.sha256,
        "split": one.split or None,
        "queries": len(one.queries),
        "documents": len(collection.documents),
        "encoder": one.encoder,
        "ranker": one.ranker,
        "rules_off": list(one.rules_off),
        "notes": list(collection.notes),
        "systems": [plain(asdict(system)) for system in one.systems],
        "slices": [plain(asdict(part)) for part in one.slices],
        **{
            name: plain(asdict(found)) if (found := getattr(one, name)) is not None else None
            for name in ("sharing", "calibration", "falsehoods", "quotes")
        },
        "better": [plain(asdict(example)) for example in one.better],
        "worse": [plain(asdict(example)) for example in one.worse],
    }


def plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 6)
    return value


def gate_text(checks: Sequence[Check]) -> str:
    """What failed with the command that shows it, and how many held."""
    failed = [check for check in checks if not check.ok]
    lines = [f"FAILED  {check.name}: {check.says}\n        see: {check.command}" for check in failed]
    return "\n".join([*lines, f"gate: {len(checks) - len(failed)} of {len(checks)} checks hold"])


def github(evaluated: Sequence[Evaluated], checks: Sequence[Check]) -> str:
    """Annotations for failed checks, then the tables as Markdown for a job's summary."""
    lines = [
        f"::error title=Commonweal got worse::{_escaped(f'{check.name}: {check.says}. See: {check.command}')}"
        for check in checks
        if not check.ok
    ]
    for one in evaluated:
        lines += [f"### {one.collection.name}", "", *_markdown([_HEAD, *(_system(each) for each in one.systems)])]
        if one.slices:
            lines += ["", *_markdown([_SLICE_HEAD, *(_slice(part) for part in one.slices)])]
        lines += ["", *(f"- {line}" for line in beyond(one)), ""]
    return "\n".join(lines)


def _escaped(message: str) -> str:
    """As workflow commands want it."""
    return message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return [lines[0], f"|{' --- |' * len(rows[0])}", *lines[1:]]


def junit(checks: Sequence[Check]) -> str:
    """One test case for each check."""
    failed = [check for check in checks if not check.ok]
    suite = ElementTree.Element(
        "testsuite", name="commonweal evaluate", tests=str(len(checks)), failures=str(len(failed))
    )
    for check in checks:
        collection, _, name = check.name.partition(": ")
        case = ElementTree.SubElement(suite, "testcase", classname=collection, name=name)
        if not check.ok:
            ElementTree.SubElement(case, "failure", message=check.says).text = f"See: {check.command}"
    ElementTree.indent(suite)
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", ElementTree.tostring(suite, "unicode", xml_declaration=True))
