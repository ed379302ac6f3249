"""Vectors kept in the database: the contract of every cache, on both databases."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from matcher.encoding import CachedEncoder, Encoded, unit
from matcher.passages import Passage
from matcher.testing import HashEncoder, VectorCacheContract
from service.store.database import Database
from service.store.vectors import AT_ONCE, StoredVectors


class TestStoredVectors(VectorCacheContract):
    @pytest.fixture(autouse=True)
    def _on(self, database: Database) -> None:
        self.database = database

    def cache(self) -> StoredVectors:
        return StoredVectors(self.database)


def entry(number: int, dimension: int = 4) -> Encoded:
    rng = np.random.default_rng(number)
    return Encoded(
        unit(rng.standard_normal((1, dimension)).astype(np.float32))[0],
        unit(rng.standard_normal((number % 3, dimension)).astype(np.float32)),
    )


def digests(count: int) -> list[str]:
    return [sha256(str(number).encode()).hexdigest() for number in range(count)]


def test_more_digests_than_fit_into_one_query_are_all_found(database: Database) -> None:
    cache = StoredVectors(database)
    every = digests(2 * AT_ONCE + 7)
    kept = {digest: entry(number) for number, digest in enumerate(every)}
    cache.keep("one", kept)
    vectors, clauses = cache.vectors("one", every), cache.clauses("one", every)
    assert vectors.keys() == clauses.keys() == kept.keys()
    assert all(np.array_equal(vectors[digest], one.vector) for digest, one in kept.items())
    assert all(np.array_equal(clauses[digest], one.clauses) for digest, one in kept.items())
    assert cache.vectors("one", []) == {}


def test_what_is_kept_is_float32_to_the_bit_and_still_there_for_the_next_process(database: Database) -> None:
    StoredVectors(database).keep("one", {"a": entry(5)})
    again = Database(database.url)
    found = StoredVectors(again)
    assert found.vectors("one", ["a"])["a"].tobytes() == entry(5).vector.astype("<f4").tobytes()
    assert found.clauses("one", ["a"])["a"].tobytes() == entry(5).clauses.astype("<f4").tobytes()
    assert found.vectors("one", ["a"])["a"].dtype == np.float32
    again.dispose()


def test_encoders_are_counted_by_name(database: Database) -> None:
    cache = StoredVectors(database)
    assert cache.encoders() == {}
    cache.keep("two/1", {"a": entry(1)})
    cache.keep("one/1", {"a": entry(1), "b": entry(2)})
    cache.keep("one/1", {"b": entry(2)})
    assert cache.encoders() == {"one/1": 2, "two/1": 1}


def test_a_text_is_encoded_once_by_however_many_processes(database: Database, tmp_path: Path) -> None:
    class Counting(HashEncoder):
        texts = 0

        def encode(self, passages: object) -> list[Encoded]:
            found = super().encode(passages)  # type: ignore[arg-type]
            Counting.texts += len(found)
            return found

    passages = [Passage("A hall"), Passage("A minibus"), Passage("A hall")]
    first = CachedEncoder(Counting(), StoredVectors(database)).vectors(passages)
    again = CachedEncoder(Counting(), StoredVectors(database)).vectors(passages)
    assert Counting.texts == 2
    assert np.array_equal(first, again)
    assert np.array_equal(first[0], first[2])
