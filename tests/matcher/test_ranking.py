from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.artefacts import artefact
from matcher.features import NAMES
from matcher.ranking import Ranker, RankerError, load
from matcher.records import Strength

HAND = Ranker(
    version="hand", lexical_weight=0.5, intercept=-2.0, weights=(4, 1, 0.5, 0.5, 1, -1), cuts=(0.75, 0.5, 0.25)
)
FEATURES = st.lists(st.floats(0, 1, width=32), min_size=len(NAMES), max_size=len(NAMES))


def test_fit_is_a_logistic_curve_over_the_features() -> None:
    rows = np.array([[0, 0, 0, 0, 0, 0], [0.5, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 0]], np.float32)
    assert HAND.fit(rows) == pytest.approx([1 / (1 + np.exp(2)), 0.5, 1 / (1 + np.exp(-5))], abs=1e-6)


@given(FEATURES, st.integers(0, len(NAMES) - 1), st.floats(0, 1, width=32))
def test_fit_never_falls_as_a_feature_of_positive_weight_rises(row: list[float], column: int, up_to: float) -> None:
    ranker = replace(HAND, weights=tuple(abs(weight) for weight in HAND.weights))
    raised = [max(value, up_to) if n == column else value for n, value in enumerate(row)]
    low, high = ranker.fit(np.array([row, raised], np.float32))
    assert 0 <= low <= high <= 1


@pytest.mark.parametrize(
    ("fit", "strength"),
    [
        (1.0, Strength.STRONG),
        (0.75, Strength.STRONG),
        (0.74, Strength.GOOD),
        (0.5, Strength.GOOD),
        (0.49, Strength.POSSIBLE),
        (0.25, Strength.POSSIBLE),
        (0.24, Strength.WEAK),
        (0.0, Strength.WEAK),
    ],
)
def test_a_cut_is_the_least_fit_called_so(fit: float, strength: Strength) -> None:
    assert HAND.strength(fit) == strength


def test_a_margin_far_below_nought_is_no_fit_at_all() -> None:
    fit = replace(HAND, intercept=-200.0).fit(np.zeros((1, len(NAMES)), np.float32))
    assert fit.tolist() == pytest.approx([0], abs=1e-20)


WHOLE = """
version = "x1"
[fusion]
lexical_weight = 0.25
[fit]
intercept = -1
prominence = 1
nearness = 2
theme = 3
resource = 4
closeness = 5
profile = -6
[strength]
strong = 0.9
good = 0.6
possible = 0.3
"""


def test_a_file_is_a_ranker(tmp_path: Path) -> None:
    (tmp_path / "ranker.toml").write_text(WHOLE)
    assert load(tmp_path / "ranker.toml") == Ranker(
        version="x1", lexical_weight=0.25, intercept=-1.0, weights=(1, 2, 3, 4, 5, -6), cuts=(0.9, 0.6, 0.3)
    )
    assert load(tmp_path / "ranker.toml").threshold == 0.3


@pytest.mark.parametrize(
    "lost", ["version", "lexical_weight", "intercept", "closeness", "possible", "[fit]", "[fusion]", "[strength]"]
)
def test_what_is_missing_is_named(lost: str, tmp_path: Path) -> None:
    lines = [line for line in WHOLE.splitlines() if not line.startswith(lost)]
    (tmp_path / "ranker.toml").write_text("\n".join(lines) if lost[0] != "[" else WHOLE.replace(lost, "[other]"))
    with pytest.raises(RankerError, match=rf"^ranker\.toml: {lost.strip('[]')} is missing$"):
        load(tmp_path / "ranker.toml")


def test_an_unknown_feature_is_named_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "ranker.toml").write_text(WHOLE.replace("profile =", "profil ="))
    with pytest.raises(RankerError) as refused:
        load(tmp_path / "ranker.toml")
    assert str(refused.value) == (
        "ranker.toml: [fit] has unknown features profil; "
        "known: prominence, nearness, theme, resource, closeness, profile"
    )


def test_the_ranker_that_is_shipped_loads_and_its_cuts_fall() -> None:
    ranker = load(artefact("models", "ranker.toml"))
    assert list(ranker.cuts) == sorted(ranker.cuts, reverse=True)
    assert 0 < ranker.threshold < ranker.cuts[0] < 1
    assert dict(zip(NAMES, ranker.weights, strict=True))["prominence"] > 0
