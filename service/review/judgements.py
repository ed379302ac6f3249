"""What was decided about pairings as judgements: a collection that `commonweal evaluate` reads.

An approval is a yes and a rejection a no; what is on hold or undecided says nothing. Texts are masked.
"""

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from matcher.errors import CommonwealError
from matcher.masking import mask
from matcher.records import Listing, Organisation, OrganisationId
from service.store.reviews import Choice, Review

GRADES = {Choice.APPROVED: 1, Choice.REJECTED: 0}
PROSE = ("text", "evidence")
KEPT = ("kind", "organisation", "resource", "themes", "places", "remote")
"""Of a listing; nothing of its days: what was worth a conversation then is judged as if it were still open."""
OF_ORGANISATION = ("sectors", "size", "roles")


class ExportError(CommonwealError):
    """It cannot be written, and why."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written. `only_rejected` counts needs of which nothing was approved: no question can be made of them."""

    folder: Path
    queries: int
    approved: int
    rejected: int
    only_rejected: int


@dataclass(frozen=True, slots=True)
class _Judged:
    """One decision, with the ids by which the collection calls the two texts."""

    review: Review
    query: str
    document: str

    @property
    def grade(self) -> int:
        return GRADES[self.review.decision]


@dataclass(slots=True)
class _Ids:
    """Ids without blanks; a listing whose text changed between two decisions is another one."""

    given: dict[tuple[str, str], str] = field(default_factory=dict)

    def of(self, listing: Listing) -> str:
        key = listing.id, listing.text
        if key not in self.given:
            id_, taken = "_".join(listing.id.split()), set(self.given.values())
            variants = (id_ if number == 1 else f"{id_}~{number}" for number in range(1, len(taken) + 2))
            self.given[key] = next(one for one in variants if one not in taken)
        return self.given[key]


def export(reviews: Iterable[Review], organisations: Mapping[OrganisationId, Organisation], folder: Path) -> Exported:
    """Writes a new folder, whole or not at all. Raises ExportError where it exists, or nothing was approved.

    Of a pair that was judged more than once the last judgement counts. `decisions.jsonl` holds every one with its
    reason, occasion, day and the ranker's version, also those from which no question can be made.
    """
    if folder.exists():
        raise ExportError(f"{folder} exists, and is not written over; name another folder")
    judged = _judged(reviews)
    asked = {one.query for one in judged if one.grade}
    if not asked:
        raise ExportError("nothing was approved yet: a collection needs at least one pairing that was")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as made:
        whole = Path(made) / "whole"
        whole.mkdir()
        _write(whole, judged, asked, organisations)
        whole.rename(folder)
    used = [one for one in judged if one.query in asked]
    return Exported(
        folder=folder,
        queries=len(asked),
        approved=sum(one.grade for one in used),
        rejected=sum(not one.grade for one in used),
        only_rejected=len({one.query for one in judged} - asked),
    )


def _judged(reviews: Iterable[Review]) -> list[_Judged]:
    """By query and document; the newest texts keep the ids of their listings."""
    ids = _Ids()
    found: dict[tuple[str, str], _Judged] = {}
    decided = (one for one in reviews if one.decision in GRADES)
    for one in sorted(decided, key=lambda one: (_at(one), one.key), reverse=True):
        judged = _Judged(one, ids.of(one.suggestion.need), ids.of(one.suggestion.offer))
        found.setdefault((judged.query, judged.document), judged)
    return [found[key] for key in sorted(found)]


def _at(review: Review) -> datetime:
    assert review.decided_at is not None  # somebody decided it
    return review.decided_at


def _write(
    folder: Path, judged: list[_Judged], asked: set[str], organisations: Mapping[OrganisationId, Organisation]
) -> None:
    queries = {one.query: one for one in sorted(judged, key=lambda one: _at(one.review)) if one.query in asked}
    needs = [_row(id_, queries[id_].review.suggestion.need, organisations) for id_ in sorted(queries)]
    documents = {one.document: one.review.suggestion.offer for one in judged}
    offers = [_row(id_, documents[id_], organisations) for id_ in sorted(documents)]
    _write_lines(folder / "queries.jsonl", needs)
    _write_lines(folder / "corpus.jsonl", offers)
    _write_lines(folder / "decisions.jsonl", map(_decision, judged))
    qrels = ((one.query, one.document, str(one.grade)) for one in judged if one.query in asked)
    _write_table(folder / "qrels.tsv", ("query-id", "corpus-id", "score"), qrels)
    meta = ((id_, one.review.occasion, one.review.ranker) for id_, one in sorted(queries.items()))
    _write_table(folder / "queries_meta.tsv", ("query-id", "occasion", "ranker"), meta)
    rankers = ", ".join(sorted({_plain(one.review.ranker) for one in judged}))
    (folder / "collection.toml").write_text(
        "# What coordinators decided about pairings that were proposed to them: 1 is approved, 0 rejected.\n"
        f"# Ranked by: {rankers}\n"
        "# Only what was proposed could be judged: what a query's other documents are worth, nobody said.\n"
        "cut = 1\n"
        f"on = {max(_at(one.review) for one in judged):%Y-%m-%d}\n",
        "utf-8",
    )


def _row(id_: str, listing: Listing, organisations: Mapping[OrganisationId, Organisation]) -> dict[str, Any]:
    row = {"id": id_, **{name: mask(getattr(listing, name)) for name in PROSE}}
    row |= {name: getattr(listing, name) for name in KEPT}
    if known := organisations.get(listing.organisation):
        row |= {"name": mask(known.name), **{name: getattr(known, name) for name in OF_ORGANISATION}}
    return {name: value for name, value in row.items() if value}


def _decision(one: _Judged) -> dict[str, Any]:
    review = one.review
    return {
        "query": one.query,
        "document": one.document,
        "decision": review.decision.value,
        "why": mask(review.why),
        "occasion": review.occasion,
        "decided": _at(review).date().isoformat(),
        "ranker": review.ranker,
        "fit": review.suggestion.fit,
        "strength": review.suggestion.strength.value,
    }


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def _write_table(path: Path, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    lines = ("\t".join(map(_plain, row)) for row in (header, *rows))
    path.write_text("".join(line + "\n" for line in lines), "utf-8")


def _plain(cell: str) -> str:
    return " ".join(cell.split())
