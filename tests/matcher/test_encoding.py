from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from matcher.encoding import CachedEncoder, Encoded, MemoryCache, VectorCache, unit
from matcher.passages import Clause, Passage
from matcher.testing import EncoderContract, HashEncoder, VectorCacheContract


class TestHashEncoder(EncoderContract):
    def encoder(self) -> HashEncoder:
        return HashEncoder()


class TestMemoryCache(VectorCacheContract):
    def cache(self) -> VectorCache:
        return MemoryCache()


class Recorder(HashEncoder):
    """Remembers what it was asked to encode, batch by batch."""

    def __init__(self, name: str = HashEncoder.name) -> None:
        self.name = name
        self.batches: list[list[str]] = []

    def encode(self, passages: Sequence[Passage]) -> list[Encoded]:
        self.batches.append([passage.text for passage in passages])
        return super().encode(passages)


VAN, ROOM, DESK = Passage("a van", (Clause("a van", 0, 5),)), Passage("a room to meet in"), Passage("desk")


def test_each_distinct_text_is_encoded_once_and_nothing_the_second_time() -> None:
    recorder = Recorder()
    cached = CachedEncoder(recorder, MemoryCache())
    cached.vectors([ROOM, VAN, ROOM, VAN])
    assert recorder.batches == [["a van", "a room to meet in"]]
    cached.vectors([VAN, ROOM])
    cached.clauses([VAN])
    assert recorder.batches == [["a van", "a room to meet in"]]


def test_only_what_is_missing_is_encoded() -> None:
    recorder = Recorder()
    cached = CachedEncoder(recorder, MemoryCache())
    cached.vectors([VAN])
    cached.vectors([ROOM, VAN, DESK])
    assert recorder.batches == [["a van"], ["desk", "a room to meet in"]]


def test_another_encoder_does_not_read_the_vectors_of_the_first() -> None:
    cache = MemoryCache()
    CachedEncoder(Recorder("one"), cache).vectors([VAN])
    other = Recorder("other")
    CachedEncoder(other, cache).vectors([VAN])
    assert other.batches == [["a van"]]


@given(st.lists(st.sampled_from([VAN, ROOM, DESK]), min_size=1, max_size=8))
def test_row_i_is_passage_i(passages: list[Passage]) -> None:
    vectors = CachedEncoder(HashEncoder(), MemoryCache()).vectors(passages)
    assert vectors.shape == (len(passages), HashEncoder.dimension)
    for row, passage in zip(vectors, passages, strict=True):
        assert np.array_equal(row, HashEncoder().encode([passage])[0].vector)


def test_clauses_come_passage_by_passage() -> None:
    first, second = CachedEncoder(HashEncoder(), MemoryCache()).clauses([ROOM, VAN])
    assert (first.shape, second.shape) == ((0, 64), (1, 64))
    assert np.array_equal(second[0], HashEncoder().encode([Passage("a van")])[0].vector)


def test_progress_is_told_after_every_batch() -> None:
    told: list[tuple[str, int, int]] = []
    passages = [Passage(f"room {n}") for n in range(CachedEncoder.BATCH + 44)]
    recorder = Recorder()
    CachedEncoder(recorder, MemoryCache()).vectors(passages, lambda *what: told.append(what))
    assert told == [("encoding texts", 256, 300), ("encoding texts", 300, 300)]
    assert [len(batch) for batch in recorder.batches] == [256, 44]


def test_what_was_encoded_before_a_crash_stays_in_the_cache() -> None:
    class Crashing(Recorder):
        def encode(self, passages: Sequence[Passage]) -> list[Encoded]:
            if self.batches:
                raise KeyboardInterrupt
            return super().encode(passages)

    cache = MemoryCache()
    passages = [Passage(f"room {n}") for n in range(300)]
    try:
        CachedEncoder(Crashing(), cache).vectors(passages)
    except KeyboardInterrupt:
        recorder = Recorder()
        CachedEncoder(recorder, cache).vectors(passages)
        assert [len(batch) for batch in recorder.batches] == [44]
    else:
        raise AssertionError("the second batch was never asked for")


def test_unit_leaves_a_row_of_zeros_alone() -> None:
    assert unit(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32)).tolist() == [
        [np.float32(0.6), np.float32(0.8)],
        [0.0, 0.0],
    ]
