"""What every stage passes on: a model as read, its signature, and the dtypes that both sides know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

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


@dataclass(frozen=True)
class Model:
    """A model in memory.

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
