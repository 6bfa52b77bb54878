"""MiniLM as an ONNX graph, written from the weights that its package carries: no torch is needed.

Needs the packages of the extra `semantic`; imported by `model` alone.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

OPSET = 17
WEIGHTS, CONFIG = "model.safetensors", "config.json"


def write(model: Path, target: Path) -> None:
    """Write the graph of the model in that folder into the file `target`, with whole numbers of 8
    bits for weights: a quarter of the size, and quicker."""
    exact = target.with_suffix(".exact")
    made = graph(weights(model / WEIGHTS), json.loads((model / CONFIG).read_text(encoding="utf-8")))
    onnx.save(made, str(exact))
    try:
        quantize_dynamic(str(exact), str(target), weight_type=QuantType.QInt8, per_channel=True)
    finally:
        exact.unlink(missing_ok=True)


def weights(file: Path) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file: a length, a table of contents in JSON, the numbers."""
    raw = np.memmap(file, mode="r")
    length = int.from_bytes(raw[:8].tobytes(), "little")
    contents = json.loads(raw[8 : 8 + length].tobytes())
    found = {}
    for name, row in contents.items():
        if name != "__metadata__" and row["dtype"] == "F32":
            start, end = (8 + length + at for at in row["data_offsets"])
            found[name] = np.frombuffer(raw[start:end].tobytes(), "<f4").reshape(row["shape"])
    return found


def graph(given: dict[str, np.ndarray], config: dict[str, Any]) -> onnx.ModelProto:
    """BERT with the mean of all words as its answer, of length 1. In: `ids` and `mask`, whole
    numbers of 64 bits, passages by words. Out: `vectors`, passages by dimensions."""
    it = _Writer(given, float(config["layer_norm_eps"]))
    size, heads = config["hidden_size"], config["num_attention_heads"]
    each = size // heads

    words = it.add("Gather", it.weight("embeddings.word_embeddings.weight"), "ids")
    length = it.add("Slice", it.add("Shape", "ids"), it.ints(1), it.ints(2))
    places = it.weight("embeddings.position_embeddings.weight")
    places = it.add("Slice", places, it.ints(0), length, it.ints(0))
    first = it.constant(given["embeddings.token_type_embeddings.weight"][:1])
    hidden = it.norm(it.add("Add", it.add("Add", words, places), first), "embeddings.LayerNorm")

    mask = it.add("Cast", "mask", to=TensorProto.FLOAT)
    absent = it.add("Sub", it.number(1.0), it.add("Unsqueeze", mask, it.ints(1, 2)))
    absent = it.add("Mul", absent, it.number(-1e9))
    apart, whole = it.ints(0, 0, heads, each), it.ints(0, 0, size)
    for n in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{n}"
        query, key, value = (
            it.add("Reshape", it.linear(hidden, f"{layer}.attention.self.{name}"), apart)
            for name in ("query", "key", "value")
        )
        query = it.add("Transpose", query, perm=[0, 2, 1, 3])
        key = it.add("Transpose", key, perm=[0, 2, 3, 1])
        value = it.add("Transpose", value, perm=[0, 2, 1, 3])
        near = it.add("Mul", it.add("MatMul", query, key), it.number(1 / math.sqrt(each)))
        shares = it.add("Softmax", it.add("Add", near, absent), axis=-1)
        heard = it.add("Transpose", it.add("MatMul", shares, value), perm=[0, 2, 1, 3])
        heard = it.linear(it.add("Reshape", heard, whole), f"{layer}.attention.output.dense")
        hidden = it.norm(it.add("Add", heard, hidden), f"{layer}.attention.output.LayerNorm")
        wide = it.gelu(it.linear(hidden, f"{layer}.intermediate.dense"))
        wide = it.linear(wide, f"{layer}.output.dense")
        hidden = it.norm(it.add("Add", wide, hidden), f"{layer}.output.LayerNorm")

    counted = it.add("Mul", hidden, it.add("Unsqueeze", mask, it.ints(2)))
    total = it.add("ReduceSum", counted, it.ints(1), keepdims=0)
    mean = it.add("Div", total, it.add("ReduceSum", mask, it.ints(1), keepdims=1))
    long = it.add("Sqrt", it.add("ReduceSum", it.add("Mul", mean, mean), it.ints(1), keepdims=1))
    it.add("Div", mean, long, out="vectors")
    return it.model(size)


class _Writer:
    """Collects nodes and constants, and names what lies between them."""

    def __init__(self, given: dict[str, np.ndarray], eps: float) -> None:
        self._given, self._eps = given, eps
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}

    def add(self, kind: str, *inputs: str, out: str = "", **how: Any) -> str:
        out = out or f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [out], **how))
        return out

    def weight(self, name: str, turned: bool = False) -> str:
        key = f"{name}.T" if turned else name
        if key not in self._constants:
            array = self._given[name].T if turned else self._given[name]
            self._constants[key] = numpy_helper.from_array(np.ascontiguousarray(array), key)
        return key

    def constant(self, array: np.ndarray) -> str:
        name = f"c{len(self._constants)}"
        self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def number(self, value: float) -> str:
        return self.constant(np.array(value, np.float32))

    def ints(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def linear(self, x: str, name: str) -> str:
        product = self.add("MatMul", x, self.weight(f"{name}.weight", turned=True))
        return self.add("Add", product, self.weight(f"{name}.bias"))

    def norm(self, x: str, name: str) -> str:
        scale, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.add("LayerNormalization", x, scale, bias, axis=-1, epsilon=self._eps)

    def gelu(self, x: str) -> str:
        curve = self.add("Erf", self.add("Mul", x, self.number(math.sqrt(0.5))))
        curve = self.add("Add", curve, self.number(1.0))
        return self.add("Mul", self.add("Mul", x, curve), self.number(0.5))

    def model(self, size: int) -> onnx.ModelProto:
        value = helper.make_tensor_value_info
        made = helper.make_graph(
            self._nodes,
            "minilm",
            [value(name, TensorProto.INT64, ["passages", "words"]) for name in ("ids", "mask")],
            [value("vectors", TensorProto.FLOAT, ["passages", size])],
            list(self._constants.values()),
        )
        model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 9
        onnx.checker.check_model(model)
        return model
