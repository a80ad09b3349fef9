"""Turns text into vectors with all-MiniLM-L6-v2 on this machine's processor, through onnxruntime.

Talks to: no server, only the files that `python -m devkit.embedder` writes (model.onnx, tokenizer.json).
Contract: https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2 and https://onnxruntime.ai/docs/api/python/
Never lets through: a download, the library's reports of use to Microsoft, a vector that is not of unit length, a text
longer than the model's window (it is cut).
"""

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Encoding, Tokenizer

NAME = "all-MiniLM-L6-v2"
DIMENSION = 384
WINDOW_TOKENS = 256
MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
# Larger batches are slower on a processor: one long text makes all its neighbours as long as itself.
BATCH = 8

Vector = NDArray[np.float32]
Vectors = NDArray[np.float32]


class NotConfigured(Exception):
    """The embedder's files are missing or were made by another version."""


class _Loaded(NamedTuple):
    process: int
    session: "InferenceSession"
    tokenizer: "Tokenizer"
    counter: "Tokenizer"


class Embedder:
    """Cheap to make: the model is read at first use, once per process, and again in a forked child."""

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        self.folder = folder
        self.threads = threads or min(2, os.cpu_count() or 1)
        self._loaded: _Loaded | None = None

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row of unit length per text, in the order given."""
        vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        if not texts:
            return vectors
        loaded = self._load()
        encodings = loaded.tokenizer.encode_batch(list(texts))
        for rows in _batches_of_like_length(encodings):
            (found,) = loaded.session.run(None, _feed([encodings[row] for row in rows]))
            vectors[rows] = found
        return vectors

    def embed_one(self, text: str) -> Vector:
        vector: Vector = self.embed([text])[0]
        return vector

    def warm_up(self) -> None:
        """Read the model now: the first use is then as quick as the others."""
        self.embed_one("")

    def count_tokens(self, text: str) -> int:
        """Wordpieces of the whole text, beyond the window too, without the two marks around it."""
        return len(self._load().counter.encode(text, add_special_tokens=False).ids)

    def _load(self) -> _Loaded:
        # A session made before a fork has lost its threads in the child, so the process is part of the key.
        loaded = self._loaded
        if loaded is None or loaded.process != os.getpid():
            with _lock:
                loaded = self._loaded
                if loaded is None or loaded.process != os.getpid():
                    # Freeing an inherited session would wait for its threads, which the child does not have.
                    _inherited.append(loaded)
                    loaded = self._loaded = _read(self.folder, self.threads)
        return loaded


def default() -> Embedder:
    """The embedder of this installation: one per process and folder."""
    from django.conf import settings

    folder = Path(settings.EMBEDDER_DIR)
    with _lock:
        return _embedders.setdefault(folder, Embedder(folder))


def to_bytes(vector: Vector) -> bytes:
    """For a `bytea` column: little-endian float32."""
    if vector.shape != (DIMENSION,):
        raise ValueError(f"An embedding has the shape ({DIMENSION},), not {vector.shape}.")
    return vector.astype("<f4").tobytes()


def from_bytes(stored: bytes | memoryview) -> Vector:
    vector = np.frombuffer(stored, dtype="<f4").astype(np.float32)
    if vector.shape != (DIMENSION,):
        raise ValueError(f"A stored embedding is {DIMENSION * 4} bytes, not {len(stored)}.")
    return vector


_embedders: dict[Path, Embedder] = {}
_inherited: list[_Loaded | None] = []
_lock = threading.Lock()


def _fresh_lock() -> None:
    global _lock
    _lock = threading.Lock()


# Another thread may hold the lock at the moment of the fork; nobody in the child would ever release it.
os.register_at_fork(after_in_child=_fresh_lock)


def missing_files(folder: Path) -> list[str]:
    return [name for name in (MODEL_FILE, TOKENIZER_FILE) if not (folder / name).is_file()]


def _read(folder: Path, threads: int) -> _Loaded:
    model, tokens = folder / MODEL_FILE, folder / TOKENIZER_FILE
    if missing_files(folder):
        raise NotConfigured(f"The embedder is not in {folder}. Make it with: python -m devkit.embedder {folder}")

    # Once it is loaded it would be too late: the builds on the package index report process, machine and model.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    from onnxruntime import InferenceSession, SessionOptions
    from tokenizers import Tokenizer

    options = SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Idle threads would otherwise burn the processor that web and worker need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    tokenizer, counter = Tokenizer.from_file(str(tokens)), Tokenizer.from_file(str(tokens))
    # The file itself cuts at 128 and pads everything to 128.
    for each in (tokenizer, counter):
        each.no_padding()
        each.no_truncation()
    tokenizer.enable_truncation(WINDOW_TOKENS)
    return _Loaded(os.getpid(), session, tokenizer, counter)


def _batches_of_like_length(encodings: "Sequence[Encoding]") -> Iterator[list[int]]:
    order = sorted(range(len(encodings)), key=lambda row: len(encodings[row].ids))
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]


def _feed(encodings: "Sequence[Encoding]") -> dict[str, NDArray[np.int64]]:
    width = max(len(encoding.ids) for encoding in encodings)
    ids = np.zeros((len(encodings), width), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, encoding in enumerate(encodings):
        ids[row, : len(encoding.ids)] = encoding.ids
        mask[row, : len(encoding.ids)] = 1
    return {"input_ids": ids, "attention_mask": mask}
