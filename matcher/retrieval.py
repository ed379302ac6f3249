"""What one listing could meet on the other side: two readings fused, asked again with what the best share, smoothed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.encoding import FloatArray, unit
from matcher.index import BoolArray, highest, standardised
from matcher.lexical import Weighted
from matcher.network import Entry, Side

DEPTH = 100  # candidates of one query, unless asked for more
WIDER = 2  # both lists are taken this much deeper than what is kept of them
SEEDS = 10  # the best candidates, whose common ground becomes part of the question
LEARNT = 0.3  # how much of the second question's vector that is
FEW_WORDS = 5  # a question of so many words leaves half of what it is about open
SMOOTHED = 200  # candidates whose scores lean on those of their neighbours
NEIGHBOURS = 5
LEANING = 0.6  # how much, where a question leaves everything open


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """One query's candidates in columns, best first.

    `score` orders this query only (z-scores added); `similarity` (cosine of the best passage) is comparable across
    queries.
    """

    rows: NDArray[np.int64]
    score: FloatArray
    similarity: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Question:
    """What is asked for: a unit vector, shape (d,), and weighted words.

    `openness` is 1 for a question without words and falls with each: a topic of two words has many answers, which
    resemble each other; three sentences have few.
    """

    vector: FloatArray
    words: Weighted
    openness: float


def retrieve(
    entry: Entry,
    side: Side,
    among: BoolArray,
    *,
    lexical_weight: float,
    depth: int = DEPTH,
    similar: FloatArray | None = None,
) -> Found:
    """The `depth` best rows of the side where `among` is true; ties go to the smaller id.

    Cosine and BM25 are standardised over all rows of the side and added (z-score fusion). What the best have in common
    is then asked for too (pseudo-relevance feedback: Rocchio 1971 for the vector, RM3 for the words, both weighted by
    score), and each score leans on those of the nearest other candidates (Diaz 2005).

    `similar` is the entry's similarity to every passage, where many were compared at once.
    """
    if not among.any():
        return Found(np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.float32))
    words = side.lexical.question(entry.terms)
    asked = _Question(entry.vector, words, FEW_WORDS / (FEW_WORDS + len(words.terms)))
    bm25 = side.lexical.scores(asked.words)
    if similar is None:
        near = side.nearest(asked.vector, SMOOTHED * WIDER, among)
    else:
        near = side.nearest_by(similar, SMOOTHED * WIDER, among)
    rows = _united(len(side), near, _top(bm25, SMOOTHED * WIDER, among))
    asked = _learnt(asked, side, rows, _fused(asked, side, rows, bm25, lexical_weight))
    bm25 = side.lexical.scores(asked.words)
    rows = _united(len(side), rows, _top(bm25, SMOOTHED * WIDER, among))
    rows, score = _best(rows, _fused(asked, side, rows, bm25, lexical_weight), SMOOTHED)
    rows, score = _smoothed(asked, side, rows, score)
    if depth > SMOOTHED:  # the first are the same, however deep somebody looks
        more = np.union1d(side.nearest(asked.vector, depth * WIDER, among), _top(bm25, depth * WIDER, among))
        more = np.setdiff1d(more, rows)
        more, further = _best(more, _fused(asked, side, more, bm25, lexical_weight), depth - len(rows))
        rows, score = np.append(rows, more), np.append(score, np.minimum(further, score[-1]))
    rows, score = rows[:depth], score[:depth]
    return Found(rows, score, side.similarities(entry.vector, rows))


def _best(rows: NDArray[np.int64], score: FloatArray, count: int) -> tuple[NDArray[np.int64], FloatArray]:
    """The `count` rows with the highest scores, best first, ties by row."""
    if 0 < count < len(rows):
        enough = score >= np.partition(score, -count)[-count]
        rows, score = rows[enough], score[enough]
    order = np.lexsort((rows, -score))[:count]
    return rows[order], score[order]


def _top(bm25: FloatArray, count: int, among: BoolArray) -> NDArray[np.int64]:
    """The rows with the highest score above 0, ties by row."""
    return highest(bm25, count, among & (bm25 > 0))


def _united(count: int, *found: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows, each below `count`, that any of these lists holds, in their order."""
    any_of: BoolArray = np.zeros(count, bool)
    for rows in found:
        any_of[rows] = True
    return np.flatnonzero(any_of)


def _fused(
    asked: _Question, side: Side, rows: NDArray[np.int64], bm25: FloatArray, lexical_weight: float
) -> FloatArray:
    words = standardised(bm25[rows], float(bm25.mean()), float(bm25.std()))
    return np.asarray(side.prominence(asked.vector, rows) + np.float32(lexical_weight) * words, np.float32)


def _learnt(asked: _Question, side: Side, rows: NDArray[np.int64], score: FloatArray) -> _Question:
    """The question with what its best candidates share; one that stands out counts for most of it."""
    seeds, score = _best(rows, score, SEEDS)
    shares = np.exp(score - score[0])
    shares /= shares.sum()
    common = unit((shares @ side.vectors(seeds))[None])[0]
    vector = unit(((1 - LEARNT) * asked.vector + LEARNT * common)[None])[0]
    words = side.lexical.expanded(asked.words, seeds, shares, keep=1 - asked.openness)
    return _Question(vector, words, asked.openness)


def _smoothed(
    asked: _Question, side: Side, rows: NDArray[np.int64], score: FloatArray
) -> tuple[NDArray[np.int64], FloatArray]:
    """The candidates, best first, in the order of scores that lean on those of their neighbours."""
    if len(rows) <= NEIGHBOURS:
        return rows, score
    vectors = side.vectors(rows)
    alike = np.maximum(vectors @ vectors.T, 0)
    np.fill_diagonal(alike, -1)
    least = np.partition(alike, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS, None]
    weights = (alike + np.float32(1e-6)) * (alike >= least)
    around = (weights @ score) / weights.sum(axis=1)
    share = LEANING * asked.openness
    leaning = np.asarray((1 - share) * score + share * around, np.float32)
    return _best(rows, leaning, len(rows))
