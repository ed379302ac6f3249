import gc
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from matcher.encoding import FloatArray, unit
from matcher.index import EVERY, HUB_NEIGHBOURS, HUB_SHARE, SAMPLE, BoolArray, FlatIndex, highest


def vectors(rows: int, seed: int, dimension: int = 8) -> FloatArray:
    return unit(np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32))


def prominence_by_hand(stored: FloatArray, query: FloatArray) -> NDArray[np.float64]:
    """Every row's z-score, each row compared with every so many others, one by one."""
    step = max(1, len(stored) // SAMPLE)
    sampled = range(0, len(stored), step)
    wide = stored.astype(np.float64)
    hubness = np.zeros(len(stored))
    if len(sampled) > HUB_NEIGHBOURS:
        for row in range(len(stored)):
            alike = sorted(wide[[other for other in sampled if other != row]] @ wide[row])
            hubness[row] = HUB_SHARE * np.mean(alike[-HUB_NEIGHBOURS:])
    values = wide @ query - hubness
    spread = values.std()
    return np.zeros(len(stored)) if spread < 1e-3 else (values - values.mean()) / spread


@given(st.integers(1, 60), st.integers(0, 70), st.integers(0, 2**32 - 1))
def test_the_nearest_among_a_mask_are_those_of_a_look_at_every_row(rows: int, count: int, seed: int) -> None:
    stored, query = vectors(rows, seed), vectors(1, seed + 1)[0]
    among = np.random.default_rng(seed).random(rows) < 0.6
    by_hand = [row for row in np.argsort(-(stored @ query)).tolist() if among[row]][:count]
    assert FlatIndex(stored).nearest(query, count, among).tolist() == by_hand


@given(st.one_of(st.integers(1, 14), st.integers(15, 120)), st.integers(0, 2**32 - 1))
def test_prominence_is_the_z_score_of_similarity_less_hubness_over_all_rows(rows: int, seed: int) -> None:
    stored, query = vectors(rows, seed), vectors(1, seed + 1)[0]
    asked = np.random.default_rng(seed).permutation(rows)[: rows // 2 + 1]
    found = FlatIndex(stored).prominence(query, asked)
    assert found.dtype == np.float32
    assert found == pytest.approx(prominence_by_hand(stored, query)[asked], abs=2e-3)


@pytest.mark.parametrize("rows", [SAMPLE - 1, 2 * SAMPLE + 1, 5 * SAMPLE])  # the last is more than is read at once
def test_among_many_rows_the_neighbours_are_looked_for_in_every_so_many(rows: int) -> None:
    stored, query = vectors(rows, 3, 4), vectors(1, 4, 4)[0]
    found = FlatIndex(stored).prominence(query, np.arange(rows))
    assert found == pytest.approx(prominence_by_hand(stored, query), abs=2e-3)


def test_of_two_rows_equally_similar_the_one_near_to_everything_stands_out_less() -> None:
    """Row 0 lies in a crowd, row 1 alone, both at the same angle to the query."""
    crowd = np.repeat(np.array([[0.6, 0.8, 0]], np.float32), 30, axis=0)
    lonely = np.array([[0.6, 0, 0.8]], np.float32)
    stored = unit(np.concatenate([crowd[:1], lonely, crowd[1:]]))
    query = np.array([1, 0, 0], np.float32)
    index = FlatIndex(stored)
    assert index.similarities(query, np.array([0]))[0] == index.similarities(query, np.array([1]))[0]
    hub, alone = index.prominence(query, np.array([0, 1]))
    assert hub < alone


def test_rows_that_are_all_alike_do_not_stand_out() -> None:
    stored = np.repeat(vectors(1, 1), 20, axis=0)
    assert FlatIndex(stored).prominence(vectors(1, 2)[0], np.arange(20)).tolist() == [0] * 20


def test_similarities_and_vectors_are_of_the_rows_asked_for_in_their_order() -> None:
    stored = np.eye(4, dtype=np.float32)
    query = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    index, rows = FlatIndex(stored), np.array([3, 0])
    assert index.similarities(query, rows).tolist() == [np.float32(0.4), np.float32(0.1)]
    assert index.vectors(rows).tolist() == [[0, 0, 0, 1], [1, 0, 0, 0]]


def test_an_empty_index_has_nothing_near() -> None:
    index, query = FlatIndex(np.zeros((0, 8), np.float32)), vectors(1, 1)[0]
    none: BoolArray = np.zeros(0, bool)
    rows = np.zeros(0, np.int64)
    assert index.nearest(query, 5, none).tolist() == []
    assert index.similarities(query, rows).tolist() == []
    assert index.prominence(query, rows).tolist() == []
    assert index.vectors(rows).shape == (0, 8)


def test_asking_for_more_than_there_is_gives_all() -> None:
    stored = vectors(3, 1)
    assert sorted(FlatIndex(stored).nearest(stored[0], 50, np.ones(3, bool)).tolist()) == [0, 1, 2]


def test_nothing_is_found_where_nothing_is_asked_for_or_allowed() -> None:
    stored = vectors(9, 1)
    assert FlatIndex(stored).nearest(stored[0], 0, np.ones(9, bool)).tolist() == []
    assert FlatIndex(stored).nearest(stored[0], 5, np.zeros(9, bool)).tolist() == []


def test_the_index_outlives_the_vectors_it_was_made_of() -> None:
    stored = vectors(50, 1)
    index, first = FlatIndex(stored), stored[0].copy()
    stored[:] = 0
    assert index.similarities(first, np.array([0]))[0] == pytest.approx(1)


@given(st.integers(0, 3000), st.integers(0, 70), st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_the_highest_are_those_of_a_sort_and_ties_go_to_the_smaller_row(
    rows: int, count: int, values: int, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    drawn = chance.integers(0, values, rows).astype(np.float32)
    among = chance.random(rows) < chance.random()
    by_hand = sorted(np.flatnonzero(among).tolist(), key=lambda row: (-drawn[row], row))[:count]
    assert highest(drawn, count, among).tolist() == sorted(by_hand)


def test_the_highest_are_found_where_a_sample_sees_none_of_them() -> None:
    values = np.zeros(4000, np.float32)
    values[::EVERY] = 1  # all that the sample sees; the mask leaves but half of them
    values[1::EVERY] = 2
    among = np.arange(4000) % (2 * EVERY) < EVERY
    assert highest(values, 200, among).tolist() == sorted([*range(1, 4000, 2 * EVERY), *range(0, 2400, 2 * EVERY)])


def test_many_queries_at_once_are_compared_with_every_row() -> None:
    stored, queries = vectors(50, 1), vectors(3, 2)
    index = FlatIndex(stored)
    found = index.all_similarities(queries)
    assert (found.shape, found.dtype) == ((3, 50), np.float32)
    assert found == pytest.approx(np.stack([index.similarities(query, np.arange(50)) for query in queries]), abs=1e-6)


def test_an_index_sent_to_another_process_finds_the_same() -> None:
    stored, query = vectors(400, 1), vectors(1, 2)[0]
    among = np.random.default_rng(3).random(400) < 0.6
    index = FlatIndex(stored)
    sent = pickle.loads(pickle.dumps(index))
    for count in (0, 7, 1000):
        assert sent.nearest(query, count, among).tolist() == index.nearest(query, count, among).tolist()
    assert sent.prominence(query, np.arange(400)).tolist() == index.prominence(query, np.arange(400)).tolist()


def test_a_span_is_no_copy_and_outlives_the_index() -> None:
    stored = vectors(5000, 1, 64)
    index = FlatIndex(stored)
    span = index.span(10, 20)
    assert np.shares_memory(span, index.span(0, 5000))
    del index
    gc.collect()
    other = [np.zeros((5000, 64), np.float32) for _ in range(4)]  # whatever was freed is written over
    assert np.array_equal(span, stored[10:20]), len(other)
