"""The one place that chooses the core's implementations: settings in, encoder, ranker, vocabulary and places out."""

from dataclasses import dataclass
from pathlib import Path

from matcher import ranking, vocabulary
from matcher.artefacts import artefact
from matcher.encoding import Encoder
from matcher.places import Gazetteer, TableGazetteer
from matcher.ranking import Ranker
from matcher.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Core:
    """What matching needs besides the data."""

    encoder: Encoder
    ranker: Ranker
    vocabulary: Vocabulary
    gazetteer: Gazetteer


def assemble(
    *,
    encoder: str = "",
    weights: Path | None = None,
    vocabulary_folder: Path | None = None,
    ranker: Path | None = None,
    dtype: str = "",
) -> Core:
    """The core as configured. `encoder` is a key of models/encoders.toml, or `hash` for one without weights;
    `dtype` what it computes in, the fastest here when empty.

    Raises UnknownEncoderError, WeightsError, VocabularyError or RankerError. Weights are checked here, loaded at the
    first encoding.
    """
    folder = vocabulary_folder or artefact("data", "vocabulary")
    return Core(
        encoder=_encoder(encoder, weights, dtype),
        ranker=ranking.load(ranker or artefact("models", "ranker.toml")),
        vocabulary=vocabulary.load(folder),
        gazetteer=TableGazetteer(folder / "places.csv"),
    )


def _encoder(key: str, weights: Path | None, dtype: str) -> Encoder:
    if key == "hash":
        from matcher.testing import HashEncoder

        return HashEncoder()
    from matcher.sentence_encoder import SentenceEncoder, find_weights, pinned

    wanted = pinned(artefact("models", "encoders.toml"), key)
    return SentenceEncoder(wanted, find_weights(wanted, weights), dtype)
