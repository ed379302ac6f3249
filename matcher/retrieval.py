"""What one listing could meet on the other side: dense and lexical similarity, fused for this one query."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.encoding import FloatArray
from matcher.index import BoolArray
from matcher.network import Entry, Side
from matcher.records import Kind

DEPTH = 100  # candidates of one query, unless asked for more
WIDER = 2  # each list is taken this much deeper than what is kept of both


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """One query's candidates in columns, best first.

    `score` orders this query only (z-scores added); `similarity` (cosine of the best passage) and `shared` (the part of
    the need's wording, weighted by idf, that the offer has too) are comparable across queries.
    """

    rows: NDArray[np.int64]
    score: FloatArray
    similarity: FloatArray
    shared: FloatArray


def retrieve(entry: Entry, side: Side, among: BoolArray, *, lexical_weight: float, depth: int = DEPTH) -> Found:
    """The `depth` best rows of the side where `among` is true; ties go to the smaller id.

    Dense and BM25 scores are standardised over all rows of the side, then added (z-score fusion).
    """
    if not among.any():
        return Found(np.zeros(0, np.int64), *(np.zeros(0, np.float32),) * 3)
    query = entry.vector
    dense_rows = side.nearest(query, depth * WIDER, among)
    bm25 = side.lexical.scores(entry.terms)
    rows = np.union1d(dense_rows, _top(bm25, depth * WIDER, among))
    similarity = side.similarities(query, rows)
    mean, deviation = side.index.spread(query)
    score = _standardised(similarity, mean, deviation)
    score += np.float32(lexical_weight) * _standardised(bm25[rows], float(bm25.mean()), float(bm25.std()))
    best = np.lexsort((rows, -score))[:depth]
    rows = rows[best]
    return Found(rows, score[best], similarity[best], _shared(entry, side, rows))


def _top(bm25: FloatArray, count: int, among: BoolArray) -> NDArray[np.int64]:
    """The rows with the highest score above 0, ties by row."""
    rows = np.flatnonzero((bm25 > 0) & among)
    if len(rows) > count:
        least = np.partition(bm25[rows], len(rows) - count)[len(rows) - count]
        above = rows[bm25[rows] > least]
        rows = np.union1d(above, rows[bm25[rows] == least][: count - len(above)])
    return rows


def _standardised(values: FloatArray, mean: float, deviation: float) -> FloatArray:
    if deviation < 1e-3:  # all alike, as far as `spread` can tell
        return np.zeros_like(values)
    return np.asarray((values - mean) / deviation, np.float32)


def _shared(entry: Entry, side: Side, rows: NDArray[np.int64]) -> FloatArray:
    """The share of the need's wording that the offer has too, whichever of the two asks."""
    in_both, of_query = side.lexical.shared(entry.terms, rows)
    of_need = of_query if entry.listing.kind is Kind.NEED else side.lexical.weight[rows]
    return np.asarray(in_both / np.maximum(of_need, 1e-6), np.float32)
