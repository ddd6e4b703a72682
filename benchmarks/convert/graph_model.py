"""Network → TensorFlow.js graph model: model.json and shards of 4 MiB, which is what its own converter writes."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.convert.network import Network, Op

_SHARD = 4 * 2**20
_DTYPES = {np.dtype(np.float32): "DT_FLOAT", np.dtype(np.int32): "DT_INT32", np.dtype(np.bool_): "DT_BOOL"}
_NAMES = {np.dtype(np.float32): "float32", np.dtype(np.int32): "int32", np.dtype(np.bool_): "bool"}
_PLAIN = {
    "add": "AddV2",
    "and": "LogicalAnd",
    "batch_matmul": "BatchMatMulV2",
    "div": "RealDiv",
    "mul": "Mul",
    "not_equal": "NotEqual",
    "relu": "Relu",
    "relu6": "Relu6",
    "rsqrt": "Rsqrt",
    "select": "SelectV2",
    "sigmoid": "Sigmoid",
    "softmax": "Softmax",
    "squared_difference": "SquaredDifference",
    "sub": "Sub",
}
_ACTIVATIONS = {"relu": "Relu", "relu6": "Relu6"}


def write_graph_model(network: Network, folder: Path) -> dict[str, list[str]]:
    """Writes the files into ``folder``; the names of the model's inputs and outputs, in order."""
    writer = _Writer(network)
    topology = writer.topology()
    weights = b"".join(writer.weights)
    shards = [weights[start : start + _SHARD] for start in range(0, len(weights), _SHARD)]
    paths = [f"group1-shard{number}of{len(shards)}.bin" for number in range(1, len(shards) + 1)]
    folder.mkdir(parents=True, exist_ok=True)
    for path, shard in zip(paths, shards, strict=True):
        (folder / path).write_bytes(shard)
    manifest = [{"paths": paths, "weights": writer.entries}]
    model = {"format": "graph-model", "modelTopology": topology, "weightsManifest": manifest}
    (folder / "model.json").write_text(json.dumps(model, separators=(",", ":")), encoding="utf-8")
    return {"inputs": network.inputs, "outputs": network.outputs}


class _Writer:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.nodes: list[dict[str, Any]] = []
        self.entries: list[dict[str, Any]] = []
        self.weights: list[bytes] = []
        self._count = 0

    def topology(self) -> dict[str, Any]:
        for name, tensor in self.network.tensors.items():
            if tensor.data is not None:
                self._constant(name, tensor.data)
            elif name in self.network.inputs:
                sizes = {"dim": [{"size": str(size)} for size in tensor.shape]}
                self._node(name, "Placeholder", [], dtype=_dtype(tensor.dtype), shape={"shape": sizes})
        for op in self.network.ops:
            getattr(self, f"_{op.kind}", self._op)(op)
        return {"node": self.nodes, "library": {}, "versions": {"producer": 1}}

    def _constant(self, name: str, data: np.ndarray) -> None:
        self.entries.append({"name": name, "shape": list(data.shape), "dtype": _NAMES[data.dtype]})
        self.weights.append(data.tobytes())
        value = {"tensor": {"dtype": _DTYPES[data.dtype], "tensorShape": {"dim": [{"size": str(n)} for n in data.shape]}}}
        self._node(name, "Const", [], dtype=_dtype(data.dtype), value=value)

    def _new(self, *values: int | float, dtype: Any = np.int32, scalar: bool = False) -> str:
        """A small constant that the operator takes as an input."""
        self._count += 1
        self._constant(f"c{self._count}", np.array(values[0] if scalar else values, dtype))
        return f"c{self._count}"

    def _node(self, name: str, op: str, inputs: Sequence[str], **attributes: dict[str, Any]) -> str:
        self.nodes.append({"name": name, "op": op, "input": list(inputs), "attr": attributes})
        return name

    def _op(self, op: Op) -> None:
        """What has the same operands in both, and an activation after it where one was asked for."""
        activation = op.attributes.get("activation")
        name = f"{op.output}_" if activation else op.output
        self._node(name, _PLAIN[op.kind], op.inputs, T=_dtype(self.network.tensors[op.inputs[-1]].dtype))
        if activation:
            self._node(op.output, _ACTIVATIONS[activation], [name], T=_dtype(np.dtype(np.float32)))

    def _fused(self, op: Op, kind: str, inputs: Sequence[str], **attributes: dict[str, Any]) -> None:
        activation = op.attributes.get("activation")
        fused = ["BiasAdd", *([_ACTIVATIONS[activation]] if activation else [])]
        names = _list("s", [_text(name) for name in fused])
        self._node(op.output, kind, inputs, fused_ops=names, num_args=_int(1), **attributes)

    def _windowed(self, op: Op) -> dict[str, Any]:
        above, left, below, right = op.attributes["pads"]
        pads = [0, 0, above, below, left, right, 0, 0]
        return {
            "strides": _list("i", [1, *op.attributes["strides"], 1]),
            "dilations": _list("i", [1, 1, 1, 1]),
            "data_format": {"s": _text("NHWC")},
            "padding": {"s": _text("EXPLICIT" if any(pads) else "VALID")},
            "explicit_paddings": _list("i", pads if any(pads) else []),
        }

    def _conv(self, op: Op) -> None:
        self._fused(op, "_FusedConv2D", op.inputs, **self._windowed(op))

    def _depthwise(self, op: Op) -> None:
        self._fused(op, "FusedDepthwiseConv2dNative", op.inputs, **self._windowed(op))

    def _dense(self, op: Op) -> None:
        self._fused(op, "_FusedMatMul", op.inputs, transpose_a={"b": False}, transpose_b={"b": False})

    def _conv_transpose(self, op: Op) -> None:
        x, filters = op.inputs
        size = self._new(*self.network.shape(op.output))
        strides = _list("i", [1, *op.attributes["strides"], 1])
        layout, padding = {"s": _text("NHWC")}, {"s": _text("VALID")}
        self._node(op.output, "Conv2DBackpropInput", [size, filters, x], strides=strides, padding=padding, data_format=layout)

    def _pool(self, op: Op, kind: str) -> None:
        padding = {"s": _text("SAME" if op.attributes["same"] else "VALID")}
        kernel = _list("i", [1, *op.attributes["kernel"], 1])
        strides = _list("i", [1, *op.attributes["strides"], 1])
        self._node(op.output, kind, op.inputs, ksize=kernel, strides=strides, padding=padding)

    def _max_pool(self, op: Op) -> None:
        self._pool(op, "MaxPool")

    def _average_pool(self, op: Op) -> None:
        self._pool(op, "AvgPool")

    def _mean(self, op: Op) -> None:
        self._node(op.output, "Mean", [*op.inputs, self._new(*op.attributes["axes"])], keep_dims={"b": True})

    def _resize_nearest(self, op: Op) -> None:
        size = self._new(*self.network.shape(op.output)[1:3])
        off = {"b": False}
        self._node(op.output, "ResizeNearestNeighbor", [*op.inputs, size], align_corners=off, half_pixel_centers=off)

    def _concat(self, op: Op) -> None:
        axis = self._new(op.attributes["axis"], scalar=True)
        self._node(op.output, "ConcatV2", [*op.inputs, axis], N=_int(len(op.inputs)))

    def _reshape(self, op: Op) -> None:
        self._node(op.output, "Reshape", [*op.inputs, self._new(*self.network.shape(op.output))])

    def _transpose(self, op: Op) -> None:
        self._node(op.output, "Transpose", [*op.inputs, self._new(*op.attributes["order"])])

    def _gather(self, op: Op) -> None:
        self._node(op.output, "GatherV2", [*op.inputs, self._new(0, scalar=True)], batch_dims=_int(0))

    def _cast(self, op: Op) -> None:
        before, after = (self.network.tensors[name].dtype for name in (op.inputs[0], op.output))
        self._node(op.output, "Cast", op.inputs, SrcT=_dtype(before), DstT=_dtype(after))

    def _gelu(self, op: Op) -> None:
        """Written out: TensorFlow.js has no such operator in its graph models."""
        (x,) = op.inputs
        parts = [f"{op.output}_{step}" for step in ("scaled", "erf", "shifted", "doubled")]
        self._node(parts[0], "Mul", [x, self._new(2**-0.5, dtype=np.float32, scalar=True)])
        self._node(parts[1], "Erf", [parts[0]])
        self._node(parts[2], "AddV2", [parts[1], self._new(1, dtype=np.float32, scalar=True)])
        self._node(parts[3], "Mul", [x, parts[2]])
        self._node(op.output, "Mul", [parts[3], self._new(0.5, dtype=np.float32, scalar=True)])

    def _hard_swish(self, op: Op) -> None:
        (x,) = op.inputs
        parts = [f"{op.output}_{step}" for step in ("shifted", "gate", "product")]
        self._node(parts[0], "AddV2", [x, self._new(3, dtype=np.float32, scalar=True)])
        self._node(parts[1], "Relu6", [parts[0]])
        self._node(parts[2], "Mul", [x, parts[1]])
        self._node(op.output, "Mul", [parts[2], self._new(1 / 6, dtype=np.float32, scalar=True)])


def _dtype(dtype: np.dtype[Any]) -> dict[str, Any]:
    return {"type": _DTYPES[dtype]}


def _int(value: int) -> dict[str, Any]:
    return {"i": str(value)}


def _list(kind: str, values: Sequence[Any]) -> dict[str, Any]:
    return {"list": {kind: [str(value) for value in values]}}


def _text(value: str) -> str:
    return base64.b64encode(value.encode()).decode()
