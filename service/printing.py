"""What the command line says: tables, suggestions and progress for people, one JSON document for programs."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from matcher.masking import mask
from matcher.records import About, Kind, Organisation, OrganisationId, Reason, Suggestion

PATIENCE = 1.0  # seconds before a bar appears

WIDTH = None if sys.stdout.isatty() else 140  # a file or pipe has no width of its own

out = Console(soft_wrap=True, highlight=False, emoji=False, width=WIDTH)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def say(text: str) -> None:
    """A line beside the result: to stderr."""
    err.print(Text(text))


def counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def as_json(document: object) -> None:
    """One JSON document to stdout."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, default=str) + "\n")


def tell(says: str, document: dict[str, Any], *, as_document: bool) -> None:
    """What was done: a sentence for people, or one JSON document with the sentence beside it."""
    if as_document:
        as_json(document)
        say(says)
    else:
        out.print(Text(says))


class ProgressBar:
    """A `Progress` on stderr that shows itself when something takes longer than a second."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._bar: Progress | None = None
        self._tasks: dict[str, Any] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        began = self._began.setdefault(what, time.monotonic())
        if done >= total:
            self._end(what)
        elif time.monotonic() - began > PATIENCE and total:
            self._show(what, done, total)

    def _show(self, what: str, done: int, total: int) -> None:
        if self._bar is None:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=err, transient=True)
            self._bar.start()
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total)
        self._bar.update(self._tasks[what], completed=done)

    def _end(self, what: str) -> None:
        self._began.pop(what, None)
        if self._tasks.pop(what, None) is not None and not self._tasks and self._bar is not None:
            self._bar.stop()
            self._bar = None


Names = Mapping[OrganisationId, Organisation]


def name_of(organisation: OrganisationId, names: Names) -> str:
    return mask(names[organisation].name) if organisation in names else organisation


def suggestions_table(suggestions: Sequence[Suggestion], names: Names) -> Table:
    """Who, suggested whom, fit in words, first reason."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    for heading, ratio in (("who needs", 3), ("suggested", 3), ("fit", 1), ("because", 7)):
        table.add_column(heading, ratio=ratio, no_wrap=True, overflow="ellipsis")
    for one in sorted(suggestions, key=lambda one: (name_of(one.need.organisation, names), -one.fit)):
        partner = name_of(one.offer.organisation, names) + (" (profile)" if one.offer.kind is Kind.PROFILE else "")
        because = f"“{one.reasons[0].offer_clause}”" if one.reasons else ""
        table.add_row(Text(name_of(one.need.organisation, names)), Text(partner), one.strength.value, Text(because))
    return table


def shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest].rsplit(' ', 1)[0]} …"


def suggestion_lines(number: int, suggestion: Suggestion, asks: Kind, names: Names) -> list[str]:
    """One suggestion as seen by whoever asks with a need or an offer."""
    other = suggestion.offer if asks is Kind.NEED else suggestion.need
    organisation = names.get(other.organisation)
    kind = f"{other.kind.value}, {organisation.standing.value}" if organisation else other.kind.value
    lines = [f"{number:>2}  {suggestion.strength.value:<8}  {name_of(other.organisation, names)} ({kind})"]
    for reason in suggestion.reasons:
        lines += [f"      + {line}" for line in _sentence(reason)]
    lines += [f"      - {reason.says}" for reason in suggestion.mismatches]
    lines += [f"      ! {reason.says}" for reason in suggestion.cautions]
    return lines


def _sentence(reason: Reason) -> list[str]:
    if reason.about is About.CLAUSES:
        return [f"“{shortened(reason.need_clause, 100)}”", f"  meets “{shortened(reason.offer_clause, 130)}”"]
    return [shortened(reason.says, 160)]


def suggestion_document(suggestion: Suggestion, names: Names) -> dict[str, Any]:
    """For `--json`: texts masked, both sides named."""
    listings = {
        side: {
            "id": listing.id,
            "kind": listing.kind.value,
            "organisation": listing.organisation,
            "name": name_of(listing.organisation, names),
            "text": mask(listing.text),
        }
        for side, listing in (("need", suggestion.need), ("offer", suggestion.offer))
    }
    told = {part: [asdict(r) for r in getattr(suggestion, part)] for part in ("reasons", "mismatches", "cautions")}
    return {**listings, "fit": round(suggestion.fit, 4), "strength": suggestion.strength.value, **told}
