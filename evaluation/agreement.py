"""A sheet of pairs for a person to judge, and how far their grades agree with a collection's."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.collection import Collection
from matcher.errors import CommonwealError
from matcher.masking import mask
from matcher.records import Kind, Listing

PAIRS = 100
SEED = 4
HEADER = ("query-id", "corpus-id", "need", "offer", "grade")
RUBRIC = "would I introduce these two? 3 today; 2 worth a conversation; 1 same field only; 0 no"
GRADES = ("0", "1", "2", "3")
_FORMULA = "=+-@\t\r"


class SheetError(CommonwealError):
    """A judged sheet cannot be read, or has no grade of a pair that the collection judged."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Cohen's kappa with linear weights (Cohen 1968) over `pairs` graded by both; `table[ours][theirs]` counts them."""

    pairs: int
    kappa: float
    same: float
    table: tuple[tuple[int, ...], ...]


def write_sheet(collection: Collection, path: Path, pairs: int = PAIRS, seed: int = SEED) -> int:
    """Writes pairs without grades, as many of each grade as there are, in random order. Returns how many."""
    chance = np.random.default_rng(seed)
    by_grade: dict[int, list[tuple[str, str]]] = {}
    for (query, document), grade in _distinct(collection).items():
        by_grade.setdefault(grade, []).append((query, document))
    chosen: list[tuple[str, str]] = []
    for left, grade in zip(
        range(len(by_grade), 0, -1), sorted(by_grade, key=lambda one: len(by_grade[one])), strict=True
    ):
        of_grade = by_grade[grade]
        count = min(len(of_grade), (pairs - len(chosen)) // left)
        chosen += [of_grade[row] for row in chance.choice(len(of_grade), count, replace=False)]
    chance.shuffle(chosen)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*HEADER[:-1], f"{HEADER[-1]} ({RUBRIC})"])
        for query, document in chosen:
            one, other = collection.queries[query], collection.documents[document]
            need, offer = (one, other) if one.kind is Kind.NEED else (other, one)
            rows.writerow([_safe(query), _safe(document), _card(collection, need), _card(collection, offer), ""])
    return len(chosen)


def _distinct(collection: Collection) -> dict[tuple[str, str], int]:
    """Each judged pair once, also where both of its sides ask."""
    found: dict[tuple[str, str], int] = {}
    for query, judged in sorted(collection.qrels.items()):
        for document, grade in sorted(judged.items()):
            if (document, query) not in found:
                found[query, document] = grade
    return found


def _card(collection: Collection, listing: Listing) -> str:
    """A listing as the judges read it: who, of which sector and size, where, and the text."""
    by = collection.organisation_of(listing)
    about = ", ".join(part for part in (*by.sectors, by.size) if part)
    places = ", ".join((*listing.places, *(["at a distance"] if listing.remote else [])))
    facts = "; ".join(part for part in (about, places) if part)
    return _safe(mask(f"{by.name} ({facts}): {listing.text}" if facts else f"{by.name}: {listing.text}"))


def _safe(cell: str) -> str:
    """As text to a spreadsheet, whatever it begins with."""
    return f"'{cell}" if cell.startswith(tuple(_FORMULA)) else cell


def _unsafe(cell: str) -> str:
    """What `_safe` made safe, as it was."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(tuple(_FORMULA)) else cell


def agreement(collection: Collection, sheet: Path) -> Agreement:
    """Compares a judged sheet with the collection; rows without a grade are left out. Raises SheetError by line."""
    ours: list[int] = []
    theirs: list[int] = []
    for line, query, document, grade in _judged(sheet):
        known = collection.qrels.get(query, {}).get(document)
        if known is None:
            raise SheetError(f"{sheet.name}, line {line}: {collection.name} has no judgement of {query} and {document}")
        ours.append(known)
        theirs.append(grade)
    if not ours:
        raise SheetError(f"{sheet.name}: no row has a grade yet; {RUBRIC}")
    grades = range(max(*ours, *theirs, 1) + 1)
    table = np.zeros((len(grades), len(grades)), int)
    np.add.at(table, (ours, theirs), 1)
    return Agreement(
        pairs=len(ours),
        kappa=_kappa(ours, theirs, list(grades)),
        same=float(np.trace(table) / len(ours)),
        table=tuple(tuple(row) for row in table.tolist()),
    )


def _kappa(ours: Sequence[int], theirs: Sequence[int], grades: Sequence[int]) -> float:
    from sklearn.metrics import cohen_kappa_score

    if len({*ours, *theirs}) == 1:
        return 1.0  # both always said the same: nothing could be by chance
    return float(cohen_kappa_score(ours, theirs, labels=grades, weights="linear"))


def _judged(sheet: Path) -> list[tuple[int, str, str, int]]:
    try:
        with sheet.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SheetError(f"{sheet}: {error}") from None
    if not rows or rows[0][:2] != list(HEADER[:2]) or not rows[0][-1].startswith(HEADER[-1]):
        raise SheetError(f"{sheet.name}, line 1: the columns must be {', '.join(HEADER)}")
    found = []
    for line, row in enumerate(rows[1:], 2):
        if row and len(row) != len(rows[0]):
            raise SheetError(f"{sheet.name}, line {line}: {len(row)} cells under {len(rows[0])} columns")
        grade = row[-1].strip() if row else ""
        if grade and grade not in GRADES:
            raise SheetError(f"{sheet.name}, line {line}: the grade is '{grade}'; {RUBRIC}")
        if grade:
            found.append((line, _unsafe(row[0]), _unsafe(row[1]), int(grade)))
    return found
