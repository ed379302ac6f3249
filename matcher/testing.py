"""An encoder without weights, and the contracts that implementations of the seams inherit as tests."""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np

from matcher.encoding import Encoded, Encoder, FloatArray, VectorCache, unit
from matcher.lexical import terms
from matcher.passages import VERSION, Clause, Passage

DIMENSION = 64


class HashEncoder:
    """Each stemmed word a fixed random direction, a text their sum: shared words are near, nothing else is."""

    name = f"hash/{VERSION}"
    dimension = DIMENSION

    def encode(self, passages: Sequence[Passage]) -> list[Encoded]:
        words = terms([text for passage in passages for text in (passage.text, *(c.quote for c in passage.clauses))])
        vectors = iter([unit(_direction(found)[None])[0] for found in words])
        encoded: list[Encoded] = []
        for passage in passages:
            whole = next(vectors)
            clauses = [next(vectors) for _ in passage.clauses]
            encoded.append(Encoded(whole, np.stack(clauses) if clauses else np.zeros((0, DIMENSION), np.float32)))
        return encoded

    def plain(self, texts: Sequence[str]) -> FloatArray:
        return unit(np.stack([_direction(found) for found in terms(texts)]))


def _direction(words: Sequence[str]) -> FloatArray:
    total = np.full(DIMENSION, 1e-3, np.float32)
    for word in words:
        seed = int.from_bytes(sha256(word.encode("utf-8", "surrogatepass")).digest()[:8], "little")
        total += np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
    return total


class EncoderContract:
    """Inherit, and define `encoder()`: what every `Encoder` keeps."""

    def encoder(self) -> Encoder:
        raise AssertionError("define encoder()")

    passages = (
        Passage("Volunteers visit older people at home", (Clause("Volunteers visit older people at home", 0, 37),)),
        Passage("A minibus stands idle at weekends"),
        Passage(""),
    )

    def test_vectors_have_unit_length_and_the_dimension_said(self) -> None:
        encoder = self.encoder()
        encoded = encoder.encode(self.passages)
        assert [entry.vector.shape for entry in encoded] == [(encoder.dimension,)] * 3
        assert np.allclose([np.linalg.norm(entry.vector) for entry in encoded], 1, atol=1e-3)

    def test_each_clause_has_a_vector(self) -> None:
        dimension = self.encoder().dimension
        assert [entry.clauses.shape for entry in self.encoder().encode(self.passages)] == [
            (1, dimension),
            (0, dimension),
            (0, dimension),
        ]

    def test_a_batch_gives_what_single_texts_give(self) -> None:
        encoder = self.encoder()
        batch = np.stack([entry.vector for entry in encoder.encode(self.passages)])
        single = np.stack([encoder.encode([passage])[0].vector for passage in self.passages])
        assert np.allclose(batch, single, atol=2e-3)

    def test_no_text_is_cut_off(self) -> None:
        encoder = self.encoder()
        start = "Volunteers visit older people at home. " * 60
        short, long = encoder.encode([Passage(start), Passage(start + "A minibus stands idle at weekends. " * 30)])
        assert not np.allclose(short.vector, long.vector, atol=1e-2)

    def test_a_text_read_the_plain_way_is_one_vector_of_unit_length(self) -> None:
        encoder = self.encoder()
        texts = ["Volunteers visit older people at home", "", "A minibus stands idle at weekends. " * 200]
        vectors = encoder.plain(texts)
        assert (vectors.shape, vectors.dtype.name) == ((3, encoder.dimension), "float32")
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
        one_by_one = np.concatenate([encoder.plain([text]) for text in texts])
        assert np.allclose(vectors, one_by_one, atol=4e-3)  # bfloat16 is not batch-invariant: up to .0025 seen

    def test_a_short_text_read_the_plain_way_is_what_a_passage_of_it_is(self) -> None:
        encoder = self.encoder()
        plain = encoder.plain([passage.text for passage in self.passages[:2]])
        assert np.allclose(plain, [entry.vector for entry in encoder.encode(self.passages[:2])], atol=2e-2)

    def test_the_name_holds_the_passage_version(self) -> None:
        assert self.encoder().name.endswith(f"/{VERSION}")


class VectorCacheContract:
    """Inherit, and define `cache()`: what every `VectorCache` keeps."""

    def cache(self) -> VectorCache:
        raise AssertionError("define cache()")

    entry = Encoded(unit(np.ones((1, 4), np.float32))[0], unit(np.arange(8, dtype=np.float32).reshape(2, 4)))

    def test_what_was_kept_is_found_under_its_encoder_only(self) -> None:
        cache = self.cache()
        cache.keep("one", {"a": self.entry})
        assert np.array_equal(cache.vectors("one", ["a", "b"])["a"], self.entry.vector)
        assert np.array_equal(cache.clauses("one", ["a"])["a"], self.entry.clauses)
        assert set(cache.vectors("one", ["a", "b"])) == {"a"}
        assert set(cache.vectors("other", ["a"])) == set()

    def test_keeping_twice_is_keeping_once(self) -> None:
        cache = self.cache()
        cache.keep("one", {"a": self.entry})
        cache.keep("one", {"a": self.entry})
        assert np.array_equal(cache.vectors("one", ["a"])["a"], self.entry.vector)

    def test_a_text_without_clauses_is_kept_too(self) -> None:
        cache = self.cache()
        cache.keep("one", {"b": Encoded(self.entry.vector, np.zeros((0, 4), np.float32))})
        assert cache.clauses("one", ["b"])["b"].shape == (0, 4)
