"""What every stage passes on: a model as read, its signature, and the dtypes that both sides know."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import onnx

if TYPE_CHECKING:
    from pathlib import Path

    from packager._manifest_types import Dtype, Signature, TensorType

Tensors = dict[str, np.ndarray]

# ONNX element type → the name on both sides. float16 arrays travel as their bit patterns.
DTYPES: dict[int, Dtype] = {
    onnx.TensorProto.FLOAT: "float32",
    onnx.TensorProto.DOUBLE: "float64",
    onnx.TensorProto.FLOAT16: "float16",
    onnx.TensorProto.INT64: "int64",
    onnx.TensorProto.INT32: "int32",
    onnx.TensorProto.INT16: "int16",
    onnx.TensorProto.INT8: "int8",
    onnx.TensorProto.UINT64: "uint64",
    onnx.TensorProto.UINT32: "uint32",
    onnx.TensorProto.UINT16: "uint16",
    onnx.TensorProto.UINT8: "uint8",
    onnx.TensorProto.BOOL: "bool",
}

_MOVES = ("Identity", "Cast", "Reshape", "Flatten", "Squeeze")


@dataclass(frozen=True)
class Model:
    """An ONNX model in memory.

    ``proto`` holds all weights (nothing external any more), ``path`` is where the user's file lies, ``dims`` the symbolic
    dimensions that the user fixed; they are already applied to ``proto`` and ``signature``.
    """

    path: Path
    proto: onnx.ModelProto
    signature: Signature
    dims: dict[str, int]

    @property
    def opset(self) -> int:
        """Version of the default operator set."""
        return next((entry.version for entry in self.proto.opset_import if entry.domain in ("", "ai.onnx")), 0)

    def origin(self, output: str) -> str:
        """The op that an output comes out of, looking through nodes that only move values; "" where there is none."""
        makers = {name: node for node in self.proto.graph.node for name in node.output}
        node = makers.get(output)
        while node is not None and node.op_type in _MOVES:
            node = makers.get(node.input[0])
        return "" if node is None else node.op_type


@dataclass(frozen=True)
class TensorFlowModel:
    """A Keras model or a SavedModel, as TensorFlow.js' converter has it.

    ``document`` is the converter's model.json, ``weights`` are its tensors by name; both are empty where ``about["problem"]``
    says why it made none. ``about`` also holds ``versions`` of what read it, and ``signature``: beside each tensor's name its
    ``key`` in the SavedModel's and the ``tensor`` of the graph. Weights with ``scales`` are int8 codes; a scale is float32 and
    has 1 in every dimension but one.
    """

    path: Path
    signature: Signature
    dims: dict[str, int]
    about: dict[str, Any]
    document: dict[str, Any]
    weights: Tensors
    scales: Tensors = field(default_factory=dict)

    @property
    def nodes(self) -> list[dict[str, Any]]:
        """The nodes of the graph model."""
        return list(self.document["modelTopology"]["node"]) if self.document else []

    def tensor(self, kind: Literal["inputs", "outputs"], name: str) -> str:
        """The tensor of the graph model that is the signature's of this name."""
        return next(str(entry["tensor"]) for entry in self.about["signature"][kind] if entry["name"] == name).removesuffix(":0")

    def origin(self, output: str) -> str:
        """The op that an output comes out of, looking through nodes that only move values; "" where there is none."""
        nodes = {node["name"]: node for node in self.nodes}
        node = nodes.get(self.tensor("outputs", output)) if nodes else None
        while node is not None and node["op"] in _MOVES:
            node = nodes.get(node["input"][0].partition(":")[0])
        if node is None:
            return ""
        fused = node.get("attr", {}).get("fused_ops", {}).get("list", {}).get("s")
        return b64decode(fused[-1]).decode() if fused else str(node["op"])


AnyModel = Model | TensorFlowModel


@dataclass(frozen=True)
class Sample:
    """One input: the tensors that go into the model and what they were made from.

    ``source`` is the picture's file, the text, or None for tensors.
    """

    kind: Literal["picture", "text", "tensors"]
    name: str
    source: Path | str | None
    tensors: Tensors
    generated: bool = False


def input_named(signature: Signature, name: str) -> TensorType | None:
    """The input of that name, or None."""
    return next((entry for entry in signature["inputs"] if entry["name"] == name), None)


def numpy_dtype(dtype: Dtype) -> np.dtype[np.generic]:
    """The little-endian NumPy dtype in which a tensor of this dtype travels."""
    return np.dtype(dtype).newbyteorder("<")


def node_label(node: onnx.NodeProto) -> str:
    """How messages name a node: its op and its name, or its first output where it has none."""
    name = node.name or next((output for output in node.output if output), "unnamed")
    return f"{node.op_type} '{name}'"
