"""Texts as unit vectors: the seam to an encoder, and the cache between the two."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from matcher.passages import Passage

FloatArray = NDArray[np.float32]
Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it, and of how much."""


def silent(_what: str, _done: int, _total: int) -> None:
    """The progress nobody looks at."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One passage: its unit vector, shape (d,), and its clauses', shape (clauses, d)."""

    vector: FloatArray
    clauses: FloatArray


class Encoder(Protocol):
    """`name` tells weights, dtype and passage version apart: vectors of different names are never compared."""

    @property
    def name(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    def encode(self, passages: Sequence[Passage]) -> list[Encoded]: ...

    def plain(self, texts: Sequence[str]) -> FloatArray:
        """Each text as one unit vector the ordinary way, cut off where the model stops reading: to compare with."""
        ...


class VectorCache(Protocol):
    """Keeps vectors by (encoder name, sha256 of text). What it does not have is missing from the answer."""

    def vectors(self, encoder: str, digests: Sequence[str]) -> Mapping[str, FloatArray]: ...

    def clauses(self, encoder: str, digests: Sequence[str]) -> Mapping[str, FloatArray]: ...

    def keep(self, encoder: str, entries: Mapping[str, Encoded]) -> None: ...


class MemoryCache:
    """A cache that lasts as long as the process."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Encoded] = {}

    def vectors(self, encoder: str, digests: Sequence[str]) -> dict[str, FloatArray]:
        return {d: self._entries[encoder, d].vector for d in digests if (encoder, d) in self._entries}

    def clauses(self, encoder: str, digests: Sequence[str]) -> dict[str, FloatArray]:
        return {d: self._entries[encoder, d].clauses for d in digests if (encoder, d) in self._entries}

    def keep(self, encoder: str, entries: Mapping[str, Encoded]) -> None:
        self._entries.update({(encoder, digest): encoded for digest, encoded in entries.items()})


class CachedEncoder:
    """Reads vectors from the cache and encodes, once, what is missing."""

    BATCH = 256  # passages between two writes to the cache: what a kill in between can cost

    def __init__(self, encoder: Encoder, cache: VectorCache) -> None:
        self.encoder = encoder
        self.cache = cache

    @property
    def name(self) -> str:
        return self.encoder.name

    def vectors(self, passages: Sequence[Passage], progress: Progress = silent) -> FloatArray:
        """Unit vectors, shape (passages, d), row i for passage i. There must be a passage."""
        digests = [passage.digest for passage in passages]
        found = dict(self.cache.vectors(self.name, list(dict.fromkeys(digests))))
        encoded = self._encode_missing(passages, digests, found.keys(), progress)
        found.update({digest: entry.vector for digest, entry in encoded.items()})
        return np.stack([found[digest] for digest in digests])

    def clauses(self, passages: Sequence[Passage]) -> list[FloatArray]:
        """For each passage its clauses' unit vectors, shape (clauses, d)."""
        digests = [passage.digest for passage in passages]
        found = dict(self.cache.clauses(self.name, list(dict.fromkeys(digests))))
        encoded = self._encode_missing(passages, digests, found.keys(), silent)
        found.update({digest: entry.clauses for digest, entry in encoded.items()})
        return [found[digest] for digest in digests]

    def _encode_missing(
        self, passages: Sequence[Passage], digests: Sequence[str], known: Container[str], progress: Progress
    ) -> dict[str, Encoded]:
        missing = {d: p for d, p in zip(digests, passages, strict=True) if d not in known}
        todo = sorted(missing.items(), key=lambda entry: len(entry[1].text))  # alike lengths waste no padding
        encoded: dict[str, Encoded] = {}
        for start in range(0, len(todo), self.BATCH):
            batch = todo[start : start + self.BATCH]
            entries = dict(zip((d for d, _ in batch), self.encoder.encode([p for _, p in batch]), strict=True))
            self.cache.keep(self.name, entries)
            encoded.update(entries)
            progress("encoding texts", len(encoded), len(todo))
        return encoded


def unit(vectors: FloatArray) -> FloatArray:
    """Rows scaled to length one; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1, lengths), dtype=np.float32)
