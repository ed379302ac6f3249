"""The ranker: features to fit, fit to words. Its parameters stand in models/ranker.toml for people to read."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from matcher.encoding import FloatArray
from matcher.errors import CommonwealError
from matcher.features import NAMES
from matcher.records import Strength


class RankerError(CommonwealError):
    """The ranker's file lacks a parameter or has one it does not know."""


@dataclass(frozen=True, slots=True)
class Ranker:
    """A logistic curve over the features, its cuts into words, and the weight of BM25 in fusion.

    `weights` follow `features.NAMES`; `cuts` are the least fit called strong, good and possible.
    """

    version: str
    lexical_weight: float
    intercept: float
    weights: tuple[float, ...]
    cuts: tuple[float, float, float]

    @property
    def threshold(self) -> float:
        """The least fit that is shown to anybody unasked."""
        return self.cuts[2]

    def fit(self, features: FloatArray) -> FloatArray:
        """Calibrated 0-1 for each row, comparable across queries."""
        margin = features @ np.array(self.weights, np.float32) + np.float32(self.intercept)
        return np.asarray(1 / (1 + np.exp(-np.clip(margin, -60, 60))), np.float32)  # beyond, float32 knows only 0 and 1

    def strength(self, fit: float) -> Strength:
        strong, good, possible = self.cuts
        if fit >= strong:
            return Strength.STRONG
        if fit >= good:
            return Strength.GOOD
        return Strength.POSSIBLE if fit >= possible else Strength.WEAK


def load(path: Path) -> Ranker:
    """The ranker of models/ranker.toml. Raises RankerError naming what is missing or unknown."""
    try:
        entries: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RankerError(f"{path}: {error}") from None
    try:
        weights = dict(entries["fit"])
        intercept = float(weights.pop("intercept"))
        if unknown := sorted(set(weights) - set(NAMES)):
            raise RankerError(
                f"{path.name}: [fit] has unknown features {', '.join(unknown)}; known: {', '.join(NAMES)}"
            )
        strength = entries["strength"]
        return Ranker(
            version=str(entries["version"]),
            lexical_weight=float(entries["fusion"]["lexical_weight"]),
            intercept=intercept,
            weights=tuple(float(weights[name]) for name in NAMES),
            cuts=(float(strength["strong"]), float(strength["good"]), float(strength["possible"])),
        )
    except KeyError as error:
        raise RankerError(f"{path.name}: {error.args[0]} is missing") from None
