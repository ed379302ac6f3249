import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.simulation.equilibrium import equilibrium


@pytest.mark.parametrize(("utility", "beta"), [(0.0, 1.0), (1.2, 1.0), (1.2, 0.1)])
def test_one_pair_is_matched_as_the_closed_form_says(utility: float, beta: float) -> None:
    pull = np.exp(utility / (2 * beta))
    one = np.zeros(1, np.int64)
    assert equilibrium(one, one, np.array([utility]), beta) == pytest.approx([pull / (1 + pull)])


@pytest.mark.parametrize(("utility", "beta"), [(0.0, 1.0), (1.2, 1.0), (1.2, 0.1)])
def test_two_alike_on_each_side_are_matched_as_the_closed_form_says(utility: float, beta: float) -> None:
    pull = np.exp(utility / (2 * beta))
    left, right = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    assert equilibrium(left, right, np.full(4, utility), beta) == pytest.approx([pull / (1 + 2 * pull)] * 4)


def test_a_pair_that_is_ruled_out_leaves_more_for_the_others() -> None:
    left, right = np.array([0, 0, 1]), np.array([0, 1, 1])
    first, crowded, last = equilibrium(left, right, np.ones(3))
    assert crowded < first == pytest.approx(last)


def test_who_is_wanted_by_many_is_shown_to_none_of_them_first() -> None:
    """Left 0 and 1 both like right 0 a little better, but only left 2 has nobody else: it needs right 0 most."""
    left, right = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 2, 0])
    matched = equilibrium(left, right, np.array([1.1, 1.0, 1.1, 1.0, 1.1]))
    assert matched[4] > matched[0] == pytest.approx(matched[2])
    assert matched[1] > matched[0]


def test_an_empty_market_has_nothing_to_match() -> None:
    nobody = np.zeros(0, np.int64)
    assert equilibrium(nobody, nobody, np.zeros(0)).tolist() == []


@given(
    st.dictionaries(st.tuples(st.integers(0, 4), st.integers(0, 4)), st.floats(0, 2), min_size=1, max_size=25),
    st.sampled_from([1.0, 0.3]),
)
def test_every_pair_is_matched_as_choo_and_siow_say(utilities: dict[tuple[int, int], float], beta: float) -> None:
    left, right = np.array(list(utilities)).T
    utility = np.array(list(utilities.values()))
    matched = equilibrium(left, right, utility, beta)
    left_alone, right_alone = (1 - np.bincount(side, matched, 5) for side in (left, right))
    assert (left_alone > 0).all()
    assert (right_alone > 0).all()
    assert matched**2 / (left_alone[left] * right_alone[right]) == pytest.approx(np.exp(utility / beta), rel=1e-4)
