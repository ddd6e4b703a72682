"""Half floats: a graph that computes in float16 wherever its operators and its constants bear it.

A float32 value keeps its name; a node that computes in half floats reads and writes twins of the values. A Cast makes one of
the other where someone reads it. So the model's inputs and outputs, and what inner graphs read, stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# Sums, powers and logarithms leave the range of half floats, or lose what they add; what compares or counts turns a rounding
# into another answer.
_FULL = frozenset({
    "ArgMax", "ArgMin", "CumSum", "DFT", "Equal", "Exp", "GlobalAveragePool", "Greater", "GreaterOrEqual",
    "InstanceNormalization", "Less", "LessOrEqual", "Log", "Pow", "Range", "ReduceL1", "ReduceL2", "ReduceLogSum",
    "ReduceLogSumExp", "ReduceMean", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Reciprocal", "TopK",
})  # fmt: skip
_LARGEST = float(np.finfo(np.float16).max)
_SMALLEST = float(np.finfo(np.float16).smallest_normal)
# Constants past this stand for infinity, as in attention masks; the largest half float does it as well.
_INFINITE = 1e30


def halve(proto: onnx.ModelProto, supported: Callable[[onnx.NodeProto], bool]) -> None:
    """Rewrites the graph in place. Nodes that are not ``supported``, and inner graphs, stay in float32."""
    opsets = {entry.domain: entry.version for entry in proto.opset_import}
    _Halving(proto.graph, _types(proto), opsets, supported).run()


def to_half(array: np.ndarray) -> np.ndarray | None:
    """A float32 constant as float16; None where its size is not one of half floats."""
    finite = np.abs(array[np.isfinite(array)])
    sizes = finite[finite < _INFINITE]
    largest = float(sizes.max(initial=0.0))
    if largest > _LARGEST or 0 < largest < _SMALLEST:
        return None
    stood_in = np.where(np.isfinite(array), np.clip(array, -_LARGEST, _LARGEST), array)
    return stood_in.astype(np.float16)


class _Halving:
    def __init__(
        self,
        graph: onnx.GraphProto,
        types: dict[str, int],
        opsets: dict[str, int],
        supported: Callable[[onnx.NodeProto], bool],
    ) -> None:
        self._graph, self._types, self._opsets, self._supported = graph, types, opsets, supported
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._halves: dict[str, np.ndarray | None] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._full = {value.name for value in graph.input} | set(self._constants)
        self._known = set(self._constants) - {value.name for value in graph.input}
        self._half: set[str] = set()

    def run(self) -> None:
        for node in list(self._graph.node):
            ports = self._half_ports(node)
            if all(name in self._known for name in reads(node) if name):
                # The engine computes it once, when it loads the model, and can do so in float32 alone.
                self._known.update(node.output)
                ports = None
            if ports is None:
                self._keep(node)
            else:
                self._rewrite(node, *ports)
        for value in self._graph.output:
            self._need_full(value.name)
        del self._graph.node[:], self._graph.value_info[:]
        self._graph.node.extend(self._nodes)
        read = {name for node in self._nodes for name in reads(node)} | {value.name for value in self._graph.output}
        unread = [tensor for tensor in self._graph.initializer if tensor.name not in read]
        for tensor in unread:
            self._graph.initializer.remove(tensor)

    def _half_ports(self, node: onnx.NodeProto) -> tuple[set[int], set[int]] | None:
        """Inputs and outputs of a node that become half floats; None where it stays as it is."""
        if node.op_type in _FULL or not self._supported(node) or any(attribute.HasField("g") for attribute in node.attribute):
            return None
        names = [name for name in (*node.input, *node.output) if name]
        if any(name not in self._types for name in names):
            return None
        try:
            schema = onnx.defs.get_schema(node.op_type, self._opsets[node.domain], node.domain)
        except (onnx.defs.SchemaError, KeyError):
            return None
        inputs, bound = set(), set()
        for index, name in enumerate(node.input):
            formal = schema.inputs[min(index, len(schema.inputs) - 1)]
            if name and self._types[name] == TensorProto.FLOAT and "tensor(float16)" in formal.types:
                inputs.add(index)
                bound.add(formal.type_str)
        outputs = {
            index
            for index, name in enumerate(node.output)
            if name and schema.outputs[min(index, len(schema.outputs) - 1)].type_str in bound
        }
        if node.op_type == "Cast" and self._types[node.output[0]] == TensorProto.FLOAT:
            outputs = {0}
        bears = all(self._bears(node.input[index]) for index in inputs)
        return (inputs, outputs) if bears and (outputs or inputs) else None

    def _bears(self, name: str) -> bool:
        if name not in self._constants:
            return True
        if name not in self._halves:
            self._halves[name] = to_half(numpy_helper.to_array(self._constants[name]))
        return self._halves[name] is not None

    def _keep(self, node: onnx.NodeProto) -> None:
        for name in reads(node):
            self._need_full(name)
        self._nodes.append(node)
        self._full.update(node.output)

    def _rewrite(self, node: onnx.NodeProto, inputs: set[int], outputs: set[int]) -> None:
        twin = onnx.NodeProto()
        twin.CopyFrom(node)
        for index, name in enumerate(node.input):
            if index in inputs:
                self._need_half(name)
                twin.input[index] = _twin(name)
            else:
                self._need_full(name)
        for index, name in enumerate(node.output):
            if index in outputs:
                twin.output[index] = _twin(name)
                self._half.add(name)
            else:
                self._full.add(name)
        for attribute in twin.attribute:
            if node.op_type == "Cast" and attribute.name == "to":
                attribute.i = TensorProto.FLOAT16
        self._nodes.append(twin)

    def _need_half(self, name: str) -> None:
        if name in self._half:
            return
        self._half.add(name)
        half = self._halves.get(name)
        if half is not None:
            self._graph.initializer.append(numpy_helper.from_array(half, _twin(name)))
        else:
            self._nodes.append(helper.make_node("Cast", [name], [_twin(name)], to=TensorProto.FLOAT16))

    def _need_full(self, name: str) -> None:
        if name in self._half and name not in self._full:
            self._full.add(name)
            self._nodes.append(helper.make_node("Cast", [_twin(name)], [name], to=TensorProto.FLOAT))


def _twin(name: str) -> str:
    return f"{name}.half"


def reads(node: onnx.NodeProto) -> Iterator[str]:
    """Names of the values that a node reads, those of its inner graphs among them."""
    yield from node.input
    for attribute in node.attribute:
        graphs: Iterable[onnx.GraphProto] = [attribute.g] if attribute.HasField("g") else attribute.graphs
        for graph in graphs:
            for inner in graph.node:
                yield from reads(inner)
            yield from (value.name for value in graph.output)


def _types(proto: onnx.ModelProto) -> dict[str, int]:
    """Element types by value, as far as they can be told."""
    inferred = onnx.shape_inference.infer_shapes(proto)
    graph = inferred.graph
    values = [*graph.input, *graph.output, *graph.value_info]
    types = {value.name: value.type.tensor_type.elem_type for value in values if value.type.HasField("tensor_type")}
    return types | {tensor.name: tensor.data_type for tensor in graph.initializer}
