"""BM25 over stemmed words (bm25s, PyStemmer), and how much of one text's wording another shares."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.encoding import FloatArray

K1, B = 1.2, 0.75  # the textbook's (Robertson and Zaragoza 2009)
MOST_TERMS = 256  # distinct terms of one text that count towards what it shares


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


class Lexicon:
    """Terms by number with their inverse document frequency: ln(1 + (N - df + 0.5) / (df + 0.5)).

    The last weight is that of a term nobody used.
    """

    def __init__(self, documents: Sequence[Sequence[str]]) -> None:
        distinct = [list(dict.fromkeys(document)) for document in documents]
        self.numbers = {term: n for n, term in enumerate(dict.fromkeys(t for terms_ in distinct for t in terms_))}
        frequency = np.bincount(
            np.fromiter((self.numbers[t] for terms_ in distinct for t in terms_), np.int64), minlength=len(self.numbers)
        )
        frequency = np.append(frequency, 0)
        self.weights: FloatArray = np.log1p((len(documents) - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)

    def rows(self, document: Sequence[str]) -> NDArray[np.int32]:
        """The numbers of the document's distinct terms; unknown terms share the last."""
        unknown = len(self.numbers)
        return np.array([self.numbers.get(term, unknown) for term in dict.fromkeys(document)][:MOST_TERMS], np.int32)


class LexicalIndex:
    """The documents of one side, scored by BM25."""

    def __init__(self, documents: Sequence[Sequence[str]], lexicon: Lexicon) -> None:
        import bm25s

        self._lexicon = lexicon
        rows = [lexicon.rows(document) for document in documents]
        width = max((len(row) for row in rows), default=0)
        nothing = len(lexicon.weights)  # one past the last weight: padding
        self._terms = np.full((len(rows), width), nothing, np.int32)
        for n, row in enumerate(rows):
            self._terms[n, : len(row)] = row
        padded = np.append(lexicon.weights, np.float32(0))
        self.weight: FloatArray = padded[self._terms].sum(axis=1)
        self._bm25: Any = None
        if any(documents):
            self._bm25 = bm25s.BM25(k1=K1, b=B)
            self._bm25.index([list(document) for document in documents], show_progress=False)

    def scores(self, query: Sequence[str]) -> FloatArray:
        """The query's BM25 score with every document, shape (documents,)."""
        known = [term for term in query if self._bm25 is not None and term in self._bm25.vocab_dict]
        if not known:
            return np.zeros(len(self._terms), np.float32)
        return np.asarray(self._bm25.get_scores(known), np.float32)

    def shared(self, query: Sequence[str], rows: NDArray[np.int64]) -> tuple[FloatArray, float]:
        """The summed idf of the terms the query shares with each of `rows`, and that of the query itself."""
        numbers = self._lexicon.rows(query)
        weights = np.zeros(len(self._lexicon.weights) + 1, np.float32)
        known = numbers[numbers < len(self._lexicon.weights) - 1]
        weights[known] = self._lexicon.weights[known]
        return weights[self._terms[rows]].sum(axis=1), float(self._lexicon.weights[numbers].sum())
