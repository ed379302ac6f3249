"""BM25 over stemmed words (bm25s, PyStemmer), and questions widened by the words of their best answers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.encoding import FloatArray

K1, B = 1.2, 0.75  # the textbook's (Robertson and Zaragoza 2009)
EXPANSION = 30  # terms that feedback adds to a question


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

    def question(self, words: Sequence[str]) -> Weighted:
        """The words that some document has, each weighing its share of all of them."""
        known = Counter(number for word in words if (number := self._numbers.get(word)) is not None)
        weights = np.fromiter(known.values(), np.float32, len(known))
        return Weighted(np.fromiter(known, np.int64, len(known)), weights / max(1.0, float(weights.sum())))

    def scores(self, question: Weighted) -> FloatArray:
        """The question's BM25 score with every document, shape (documents,)."""
        scores = np.zeros(self._count, np.float32)
        for term, weight in zip(question.terms.tolist(), question.weights, strict=True):
            documents, bm25 = self._by_term.row(term)
            scores[documents] += weight * bm25
        return scores

    def expanded(self, question: Weighted, rows: NDArray[np.int64], shares: FloatArray, *, keep: float) -> Weighted:
        """The question with the `EXPANSION` terms that weigh most in `rows`, each row counting by its share.

        `keep` is the part of the weight that stays with the question's own terms (RM3: Abdul-Jaleel et al. 2004).
        """
        found = [self._by_document.row(row) for row in rows.tolist()]
        terms = np.concatenate([of_one for of_one, _ in found] or [np.zeros(0, np.int64)])
        bm25 = np.concatenate([share * of_one for (_, of_one), share in zip(found, shares, strict=True)] or [shares])
        if not len(terms) or not len(question.terms):
            return question
        distinct, place = np.unique(terms, return_inverse=True)
        totals = np.bincount(place, bm25)
        best = np.argsort(-totals, kind="stable")[:EXPANSION]
        together = np.concatenate([question.terms, distinct[best]])
        weights = np.concatenate([keep * question.weights, (1 - keep) * totals[best] / totals[best].sum()])
        distinct, place = np.unique(together, return_inverse=True)
        return Weighted(distinct, np.bincount(place, weights).astype(np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class _Sparse:
    """Rows of a sparse matrix: row i holds `columns` and `values` from `starts[i]` to `starts[i + 1]`."""

    starts: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: FloatArray

    def row(self, number: int) -> tuple[NDArray[np.int64], FloatArray]:
        span = slice(self.starts[number], self.starts[number + 1])
        return self.columns[span], self.values[span]


def _bm25(documents: Sequence[Sequence[str]]) -> tuple[dict[str, int], _Sparse]:
    """Each term's number, and by term the documents that have it with their BM25 weights."""
    import bm25s

    if not any(documents):
        return {}, _Sparse(np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    # numbered here: bm25s takes them from a set, whose order another process has otherwise
    numbers = {term: number for number, term in enumerate(sorted({term for one in documents for term in one}))}
    made = bm25s.BM25(k1=K1, b=B)
    made.index(([[numbers[term] for term in one] for one in documents], dict(numbers)), show_progress=False)
    parts = made.scores
    return numbers, _Sparse(
        np.asarray(parts["indptr"], np.int64), np.asarray(parts["indices"], np.int64), np.asarray(parts["data"])
    )


def _transposed(matrix: _Sparse, rows: int) -> _Sparse:
    order = np.argsort(matrix.columns, kind="stable")
    terms = np.repeat(np.arange(len(matrix.starts) - 1), np.diff(matrix.starts))
    starts = np.concatenate([[0], np.cumsum(np.bincount(matrix.columns, minlength=rows))]).astype(np.int64)
    return _Sparse(starts, terms[order], matrix.values[order])
