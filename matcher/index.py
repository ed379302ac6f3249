"""Nearest vectors: FAISS behind one small interface. Similarity, higher is closer."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from matcher.encoding import FloatArray

BoolArray = NDArray[np.bool_]

SAMPLE = 1000  # rows a row's neighbours are looked for among
HUB_NEIGHBOURS = 10
HUB_SHARE = np.float32(0.3)
CHUNK = 4096
EVERY = 16  # one of so many values tells about how high the highest are


class Index(Protocol):
    """Unit vectors by row number."""

    def nearest(self, query: FloatArray, count: int, among: BoolArray) -> NDArray[np.int64]:
        """Up to `count` rows where `among` is true with the highest similarity to `query`, shape (d,)."""
        ...

    def all_similarities(self, queries: FloatArray) -> FloatArray:
        """The similarity of each of `queries` to every row, shape (queries, rows): the quicker way to many answers."""
        ...

    def similarities(self, query: FloatArray, rows: NDArray[np.int64]) -> FloatArray:
        """The similarity of `query` to each of `rows`."""
        ...

    def vectors(self, rows: NDArray[np.int64]) -> FloatArray:
        """The vectors of `rows`, shape (rows, d)."""
        ...

    def span(self, start: int, end: int) -> FloatArray:
        """The vectors from row `start` to before `end`, not copied."""
        ...

    def prominence(self, query: FloatArray, rows: NDArray[np.int64]) -> FloatArray:
        """How far each row's similarity to `query`, less its hubness, stands out among all rows': a z-score."""
        ...


class FlatIndex:
    """Exact, by looking at every row.

    A query over 10,000 rows takes 0.5 ms, over 100,000 about 15; among many queries at once 0.07 and 0.75.
    """

    def __init__(self, vectors: FloatArray) -> None:
        import faiss

        self._vectors = np.ascontiguousarray(vectors, np.float32)
        self._index = faiss.IndexFlatIP(self._vectors.shape[1])
        if len(self._vectors):
            self._index.add(self._vectors)
            self._vectors = np.asarray(_Held(self._index, self._vectors.shape))
        self._hubness = _hubness(self._vectors)
        # with x' = (x, -h) and q' = (q, 1), E[q'x'] and E[(q'x')^2] = q' E[x'x''] q': two moments of the rows give any
        # query's mean and deviation without a look at them
        wide = np.concatenate([self._vectors, -self._hubness[:, None]], axis=1)
        self._mean = wide.mean(axis=0, dtype=np.float64) if len(wide) else np.zeros(wide.shape[1])
        self._second = (wide.T @ wide).astype(np.float64) / max(1, len(wide))

    def __getstate__(self) -> dict[str, Any]:
        """Without FAISS, which would copy the vectors: another process that is sent an index does without it."""
        return {**self.__dict__, "_index": None}

    def nearest(self, query: FloatArray, count: int, among: BoolArray) -> NDArray[np.int64]:
        if self._index is None:
            similar = self.all_similarities(query[None])[0]
            rows = highest(similar, count, among)
            return rows[np.argsort(-similar[rows], kind="stable")]
        import faiss

        count = min(count, int(among.sum()))
        if count == 0:
            return np.zeros(0, np.int64)
        selector = faiss.IDSelectorBitmap(np.packbits(among, bitorder="little"))  # type: ignore[arg-type,call-arg]
        _, rows = self._index.search(query[None], count, params=faiss.SearchParameters(sel=selector))  # type: ignore[call-arg]
        return np.asarray(rows[0][rows[0] >= 0], np.int64)

    def all_similarities(self, queries: FloatArray) -> FloatArray:
        return np.asarray(queries @ self._vectors.T, np.float32)

    def similarities(self, query: FloatArray, rows: NDArray[np.int64]) -> FloatArray:
        return np.asarray(self._vectors[rows] @ query, np.float32)

    def vectors(self, rows: NDArray[np.int64]) -> FloatArray:
        return np.asarray(self._vectors[rows], np.float32)

    def span(self, start: int, end: int) -> FloatArray:
        return self._vectors[start:end]

    def prominence(self, query: FloatArray, rows: NDArray[np.int64]) -> FloatArray:
        wide = np.append(query, 1).astype(np.float64)
        mean = float(self._mean @ wide)
        deviation = max(0.0, float(wide @ self._second @ wide) - mean * mean) ** 0.5
        return standardised(self.similarities(query, rows) - self._hubness[rows], mean, deviation)


class _Held:
    """The vectors as FAISS holds them. Every array that looks at them keeps this alive, and with it the index."""

    def __init__(self, index: Any, shape: tuple[int, ...]) -> None:
        import faiss

        self._index = index
        held = faiss.rev_swig_ptr(index.get_xb(), int(np.prod(shape))).reshape(shape)
        self.__array_interface__ = held.__array_interface__


def highest(values: FloatArray, count: int, among: BoolArray) -> NDArray[np.int64]:
    """The `count` rows with the highest values where `among` is true, in the order of rows; ties go to the smaller."""
    rows = np.flatnonzero(among & (values >= _floor(values, count, among)))
    if len(rows) < count:
        rows = np.flatnonzero(among)
    if len(rows) > count:
        of_rows = values[rows]
        last = np.partition(of_rows, len(rows) - count)[len(rows) - count] if count else np.inf
        taken = of_rows > last
        taken[np.flatnonzero(of_rows == last)[: count - int(taken.sum())]] = True
        rows = rows[taken]
    return rows


def _floor(values: FloatArray, count: int, among: BoolArray) -> float:
    """What about twice as many values as wanted reach, going by a sample; minus infinity where there are few."""
    sample = values[::EVERY][among[::EVERY]]
    enough = 2 * count // EVERY + 1
    return float(np.partition(sample, -enough)[-enough]) if len(sample) > enough else -np.inf


def standardised(values: FloatArray, mean: float, deviation: float) -> FloatArray:
    """z-scores; zeros where all are alike."""
    if deviation < 1e-3:
        return np.zeros_like(values)
    return np.asarray((values - mean) / deviation, np.float32)


def _hubness(vectors: FloatArray) -> FloatArray:
    """What is taken off each row for being near to everything: a share of its mean similarity to its nearest.

    After cross-domain similarity local scaling (Conneau et al. 2018), the nearest taken from every so many rows.
    """
    step = max(1, len(vectors) // SAMPLE)
    sample = vectors[::step]
    if len(sample) <= HUB_NEIGHBOURS:
        return np.zeros(len(vectors), np.float32)
    hubness = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), CHUNK):
        alike = vectors[start : start + CHUNK] @ sample.T
        own = np.arange(start, start + len(alike))
        inside = (own % step == 0) & (own // step < len(sample))
        alike[inside, own[inside] // step] = -1
        hubness[start : start + CHUNK] = np.partition(alike, -HUB_NEIGHBOURS, axis=1)[:, -HUB_NEIGHBOURS:].mean(axis=1)
    return HUB_SHARE * hubness
