"""What the command line says: tables, suggestions and progress for people, one JSON document for programs."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from matcher.masking import mask
from matcher.records import About, Kind, Organisation, OrganisationId, PassedOver, Reason, Suggestion

if TYPE_CHECKING:
    from matcher.proposing import Proposal
    from service.rounds import Difference

PATIENCE = 1.0  # seconds before a bar appears

ALL_FULL = "all that fits was at its limit this week"
NOTHING_NEW = "nothing new fits well enough this week"
LISTED = 20  # of a kind that are told; the others are counted

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
        partner += " (pinned)" if one.pinned else ""
        because = _because(one.reasons[0]) if one.reasons else ""
        table.add_row(Text(name_of(one.need.organisation, names)), Text(partner), one.strength.value, Text(because))
    return table


def _because(reason: Reason) -> str:
    return f"“{reason.offer_clause}”" if reason.offer_clause else mask(reason.says)


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
    return [shortened(mask(reason.says), 160)]


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


def round_document(proposal: "Proposal", differences: Sequence["Difference"], names: Names) -> dict[str, Any]:
    """A round for `--json`."""
    return {
        "suggestions": [
            {
                **suggestion_document(one, names),
                "likelihood": {"asking": one.asking, "giving": one.giving},
                "propensity": one.propensity,
                "pinned": one.pinned,
            }
            for one in proposal.suggestions
        ],
        "left_out": {one: asdict(left_out) for one, left_out in proposal.left_out.items()},
        "passed_over": [{**asdict(one), "why": mask(one.why)} for one in proposal.passed_over],
        "unmet": [{"need": need, "offer": offer, "why": why} for (need, offer), why in proposal.unmet.items()],
        "value": proposal.value,
        "bound": proposal.bound,
        "differences": [asdict(one) for one in differences],
    }


def round_lines(
    proposal: "Proposal", differences: Sequence["Difference"], names: Names, about: OrganisationId | None = None
) -> Iterator[str]:
    """What a round has to say besides its suggestions; about one organisation, also all its reasons and what helps."""
    for number, one in enumerate(proposal.suggestions if about else (), 1):
        yield from suggestion_lines(number, one, Kind.NEED if one.need.organisation == about else Kind.OFFER, names)
    left_out = [
        [f"  {name_of(organisation, names)}: " + (ALL_FULL if left_out.fitted else NOTHING_NEW)]
        + ([f"      {says}" for says in left_out.helps] if about else [])
        for organisation, left_out in proposal.left_out.items()
    ]
    passed_over = [[_why_not(one, names)] for one in proposal.passed_over]
    for told in (left_out, passed_over):
        yield from (line for lines in told[:LISTED] for line in lines)
        if len(told) > LISTED:
            yield f"  and {len(told) - LISTED} more: --json has all, --about ORGANISATION one organisation's"
    for (need, offer), why in proposal.unmet.items():
        yield f"  pinned and not met: {need} with {offer}. {why}"
    for difference in differences:
        yield from _difference_lines(difference, names)


def _why_not(one: PassedOver, names: Names) -> str:
    both = " with ".join(name_of(organisation, names) for organisation in one.between)
    return f"  not chosen, {one.strength.value}: {both}. {mask(one.why)}"


def _difference_lines(difference: "Difference", names: Names) -> Iterator[str]:
    against = difference.against
    yield (
        f"Against {against}: {counted(len(difference.new), 'pair')} new, {len(difference.gone)} gone; "
        f"{counted(len(difference.served), 'organisation')} with something that had nothing, "
        f"{len(difference.left_out)} the other way round"
    )
    for mark, organisations in (("+", difference.served), ("-", difference.left_out)):
        if organisations:
            told = ", ".join(name_of(one, names) for one in organisations[:LISTED])
            more = len(organisations) - LISTED
            yield f"  {mark} {told}" + (f", and {more} more" if more > 0 else "")
    if len(difference.new) + len(difference.gone) <= LISTED:
        yield from (f"  + {need} with {offer}" for need, offer in difference.new)
        yield from (f"  - {need} with {offer}" for need, offer in difference.gone)
