"""Whom Commonweal is compared with: four systems one would build in an afternoon, and three that must fail."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any
from zlib import crc32

import numpy as np

from evaluation.collection import DEV, Collection
from evaluation.runs import DEPTH, Run
from matcher.encoding import Encoder, FloatArray
from matcher.errors import CommonwealError
from matcher.lexical import K1, B, terms
from matcher.records import Kind, Listing

COMMONWEAL = "commonweal"
REFERENCE = "hybrid"
MUST_FAIL = ("popularity", "random", "length")
LEXICAL_WEIGHT = 0.5  # of BM25 beside the sentence encoder in the reference
SEED = 19


class UnknownSystemError(CommonwealError):
    """A system was asked for that is not known."""


@dataclass(frozen=True)
class Texts:
    """All texts of a collection, each whole and as one vector: cut off where the model stops reading."""

    collection: Collection
    encoder: Encoder

    @cached_property
    def vectors(self) -> Mapping[str, FloatArray]:
        listings = (*self.collection.documents.values(), *self.collection.queries.values())
        texts = list(dict.fromkeys(listing.text for listing in listings))
        return dict(zip(texts, self.encoder.plain(texts), strict=True))

    @cached_property
    def average_query(self) -> FloatArray:
        """The mean vector of the dev queries, of all where there are none."""
        wanted = self.collection.judged(DEV) or self.collection.judged()
        vectors = [self.vectors[self.collection.queries[query].text] for query in wanted]
        return np.asarray(np.mean(vectors, axis=0), np.float32)


class Side:
    """The documents that one kind of query is ranked against, made ready for the simple systems when asked for."""

    def __init__(self, listings: Sequence[Listing], texts: Texts) -> None:
        self.texts = texts
        self.ids = [listing.id for listing in listings]
        self.owners = np.array([listing.organisation for listing in listings], object)
        self._written = [listing.text for listing in listings]

    @cached_property
    def vectors(self) -> FloatArray:
        return np.stack([self.texts.vectors[text] for text in self._written])

    @cached_property
    def bm25(self) -> Any:
        import bm25s

        index = bm25s.BM25(k1=K1, b=B)
        index.index(terms(self._written), show_progress=False)
        return index

    @cached_property
    def tfidf(self) -> tuple[Any, Any]:
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(stop_words="english", sublinear_tf=True)
        return vectorizer, vectorizer.fit_transform(self._written)

    @cached_property
    def lengths(self) -> FloatArray:
        return np.array([len(text.split()) for text in self._written], np.float32)


Score = Callable[[Side, Listing], FloatArray]
"""A query's score with every document of a side; higher is better."""


def dense(side: Side, query: Listing) -> FloatArray:
    return side.vectors @ side.texts.vectors[query.text]


def bm25(side: Side, query: Listing) -> FloatArray:
    known = [term for term in terms([query.text])[0] if term in side.bm25.vocab_dict]
    scores = side.bm25.get_scores(known) if known else np.zeros(len(side.ids))
    return np.asarray(scores, np.float32)


def hybrid(side: Side, query: Listing) -> FloatArray:
    return _standardised(dense(side, query)) + np.float32(LEXICAL_WEIGHT) * _standardised(bm25(side, query))


def tfidf(side: Side, query: Listing) -> FloatArray:
    vectorizer, matrix = side.tfidf
    return np.asarray((matrix @ vectorizer.transform([query.text]).T).todense(), np.float32)[:, 0]


def popularity(side: Side, _query: Listing) -> FloatArray:
    return side.vectors @ side.texts.average_query


def random(side: Side, query: Listing) -> FloatArray:
    return np.random.default_rng([SEED, crc32(query.id.encode())]).random(len(side.ids), np.float32)


def length(side: Side, _query: Listing) -> FloatArray:
    return side.lengths


def _standardised(scores: FloatArray) -> FloatArray:
    return np.asarray((scores - scores.mean()) / (scores.std() or 1), np.float32)


SCORES: Mapping[str, Score] = {
    "hybrid": hybrid,
    "bm25": bm25,
    "dense": dense,
    "tfidf": tfidf,
    "popularity": popularity,
    "random": random,
    "length": length,
}
"""The systems beside Commonweal, the reference first."""

ENCODING = ("hybrid", "dense", "popularity")
"""Those that need vectors, and are charged for making them."""


class Baselines:
    """Runs the simple systems over one collection; what two of them need is made once.

    A query is ranked against the other side's documents but its own organisation's; ties go to the smaller id.
    """

    def __init__(self, collection: Collection, encoder: Encoder) -> None:
        self.texts = Texts(collection, encoder)
        self.collection = collection
        self.sides: dict[Kind, Side] = {
            kind: Side([collection.documents[one] for one in ids], self.texts)
            for kind, ids in collection.sides.items()
            if ids
        }

    @cached_property
    def _encoding(self) -> float:
        """Encodes all texts, once; each system that needs them is charged these seconds."""
        began = time.perf_counter()
        assert self.texts.vectors
        return time.perf_counter() - began

    def run(self, system: str) -> Run:
        """Raises UnknownSystemError naming those there are."""
        if system not in SCORES:
            raise UnknownSystemError(f"system '{system}' is not known; known: {', '.join([COMMONWEAL, *SCORES])}")
        asked = [self.collection.queries[query] for query in sorted(self.collection.qrels)]
        asked = [query for query in asked if query.kind in self.sides]
        began = time.perf_counter() - (self._encoding if system in ENCODING else 0.0)
        for kind in self.sides:
            for query in [query for query in asked if query.kind is kind][:1]:
                SCORES[system](self.sides[kind], query)  # makes what the system needs
        preparing = time.perf_counter() - began
        ranking: dict[str, Sequence[str]] = {}
        seconds: list[float] = []
        for query in asked:
            began = time.perf_counter()
            ranking[query.id] = _ranked(self.sides[query.kind], query, SCORES[system])
            seconds.append(time.perf_counter() - began)
        return Run(system=system, ranking=ranking, preparing=preparing, asking=median(seconds or [0.0]))


def _ranked(side: Side, query: Listing, score: Score) -> list[str]:
    order = np.argsort(-score(side, query), kind="stable")
    others = side.owners[order] != query.organisation
    return [side.ids[row] for row in order[others][:DEPTH]]
