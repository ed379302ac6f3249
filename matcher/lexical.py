"""BM25 over stemmed words (bm25s, PyStemmer), and questions widened by the words of their best answers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.encoding import FloatArray
from matcher.index import BoolArray

K1, B = 1.2, 0.75  # the textbook's (Robertson and Zaragoza 2009)
EXPANSION = 30  # terms that feedback adds to a question
COMMON = 1 / 12  # of all documents: a term that so many have is faster added up over all of them


@cache
def _stemmer() -> Any:
    import Stemmer

    return Stemmer.Stemmer("english")


def terms(texts: Sequence[str]) -> list[list[str]]:
    """Each text's stemmed words, lower case, English stop words left out, repeats kept."""
    import bm25s

    if not texts:
        return []
    found: list[list[str]] = bm25s.tokenize(
        list(texts), stopwords="en", stemmer=_stemmer(), return_ids=False, show_progress=False
    )
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """Terms of an index by number, each once, with what they weigh in a question."""

    terms: NDArray[np.int64]
    weights: FloatArray


class LexicalIndex:
    """The documents of one side, scored by BM25."""

    def __init__(self, documents: Sequence[Sequence[str]]) -> None:
        self._count = len(documents)
        self._numbers, self._by_term = _bm25(documents)
        self._by_document = _transposed(self._by_term, len(documents))
        self._common = {term: self._dense(term) for term in np.flatnonzero(self._is_common()).tolist()}

    def question(self, words: Sequence[str]) -> Weighted:
        """The words that some document has, each weighing its share of all of them."""
        known = Counter(number for word in words if (number := self._numbers.get(word)) is not None)
        weights = np.fromiter(known.values(), np.float32, len(known))
        return Weighted(np.fromiter(known, np.int64, len(known)), weights / max(1.0, float(weights.sum())))

    def scores(self, question: Weighted) -> FloatArray:
        """The question's BM25 score with every document, shape (documents,)."""
        scores = np.zeros(self._count, np.float32)
        rare: BoolArray = np.ones(len(question.terms), bool)
        for n, term in enumerate(question.terms.tolist()):
            if term in self._common:
                rare[n] = False
                scores += question.weights[n] * self._common[term]
        documents, bm25, counts = self._by_term.rows(question.terms[rare])
        np.add.at(scores, documents, bm25 * np.repeat(question.weights[rare], counts))
        return scores

    def expanded(self, question: Weighted, rows: NDArray[np.int64], shares: FloatArray, *, keep: float) -> Weighted:
        """The question with the `EXPANSION` terms that weigh most in `rows`, each row counting by its share.

        `keep` is the part of the weight that stays with the question's own terms (RM3: Abdul-Jaleel et al. 2004).
        """
        terms, bm25, counts = self._by_document.rows(rows)
        if not len(terms) or not len(question.terms):
            return question
        distinct, place = np.unique(terms, return_inverse=True)
        totals = np.bincount(place, np.repeat(shares, counts) * bm25)
        best = np.argsort(-totals, kind="stable")[:EXPANSION]
        together = np.concatenate([question.terms, distinct[best]])
        weights = np.concatenate([keep * question.weights, (1 - keep) * totals[best] / totals[best].sum()])
        distinct, place = np.unique(together, return_inverse=True)
        return Weighted(distinct, np.bincount(place, weights).astype(np.float32))

    def _is_common(self) -> BoolArray:
        return np.diff(self._by_term.starts) > COMMON * self._count

    def _dense(self, term: int) -> FloatArray:
        documents, bm25, _ = self._by_term.rows(np.array([term]))
        dense = np.zeros(self._count, np.float32)
        dense[documents] = bm25
        return dense


@dataclass(frozen=True, slots=True, eq=False)
class _Sparse:
    """Rows of a sparse matrix: row i holds `columns` and `values` from `starts[i]` to `starts[i + 1]`."""

    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: FloatArray

    def rows(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], FloatArray, NDArray[np.int64]]:
        """Columns and values of these rows one after the other, and how many each has."""
        spans, counts = spread(self.starts, numbers)
        return self.columns[spans].astype(np.int64), self.values[spans], counts


def spread(starts: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where row i goes from `starts[i]` to `starts[i + 1]`: all that these rows hold, and how much each holds."""
    counts = starts[rows + 1] - starts[rows]
    ends = np.cumsum(counts)
    return np.arange(counts.sum()) + np.repeat(starts[rows] - ends + counts, counts), counts


def _bm25(documents: Sequence[Sequence[str]]) -> tuple[dict[str, int], _Sparse]:
    """Each term's number, and by term the documents that have it with their BM25 weights."""
    import bm25s

    if not any(documents):
        return {}, _Sparse(np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))
    # numbered here: bm25s takes them from a set, whose order another process has otherwise
    numbers = {term: number for number, term in enumerate(sorted({term for one in documents for term in one}))}
    made = bm25s.BM25(k1=K1, b=B)
    made.index(([[numbers[term] for term in one] for one in documents], dict(numbers)), show_progress=False)
    parts = made.scores
    return numbers, _Sparse(
        np.asarray(parts["indptr"], np.int64), np.asarray(parts["indices"], np.int32), np.asarray(parts["data"])
    )


def _transposed(matrix: _Sparse, rows: int) -> _Sparse:
    order = np.argsort(matrix.columns, kind="stable")
    terms = np.repeat(np.arange(len(matrix.starts) - 1, dtype=np.int32), np.diff(matrix.starts))
    starts = np.concatenate([[0], np.cumsum(np.bincount(matrix.columns, minlength=rows))]).astype(np.int64)
    return _Sparse(starts, terms[order], matrix.values[order])
