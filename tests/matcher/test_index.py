import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.encoding import FloatArray, unit
from matcher.index import BoolArray, FlatIndex


def vectors(rows: int, seed: int, dimension: int = 8) -> FloatArray:
    return unit(np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32))


@given(st.integers(1, 60), st.integers(0, 70), st.integers(0, 2**32 - 1))
def test_the_nearest_among_a_mask_are_those_of_a_look_at_every_row(rows: int, count: int, seed: int) -> None:
    stored, query = vectors(rows, seed), vectors(1, seed + 1)[0]
    among = np.random.default_rng(seed).random(rows) < 0.6
    by_hand = [row for row in np.argsort(-(stored @ query)).tolist() if among[row]][:count]
    assert FlatIndex(stored).nearest(query, count, among).tolist() == by_hand


@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_spread_is_the_mean_and_deviation_over_all_rows(rows: int, seed: int) -> None:
    stored, query = vectors(rows, seed), vectors(1, seed + 1)[0]
    similarity = (stored @ query).astype(np.float64)
    assert FlatIndex(stored).spread(query) == pytest.approx((similarity.mean(), similarity.std()), abs=1e-4)


def test_similarities_are_of_the_rows_asked_for_in_their_order() -> None:
    stored = np.eye(4, dtype=np.float32)
    query = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    assert FlatIndex(stored).similarities(query, np.array([3, 0])).tolist() == [np.float32(0.4), np.float32(0.1)]


def test_an_empty_index_has_nothing_near() -> None:
    index, query = FlatIndex(np.zeros((0, 8), np.float32)), vectors(1, 1)[0]
    none: BoolArray = np.zeros(0, bool)
    assert index.nearest(query, 5, none).tolist() == []
    assert index.similarities(query, np.zeros(0, np.int64)).tolist() == []
    assert index.spread(query) == (0.0, 0.0)


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
