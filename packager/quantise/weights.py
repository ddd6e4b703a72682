"""The weights of a model that are worth fewer bits: where they stand in its graph, and a graph with others in their place."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper

from packager.native import open_session

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Array = np.ndarray

# Of each operator: the input that holds its weights. A table that Gather reads by row is one too.
_WEIGHTS = {"MatMul": 1, "Gemm": 1, "Conv": 1, "ConvTranspose": 1, "Gather": 0}


@dataclass(frozen=True, eq=False)
class Weight:
    """A tensor of numbers known before anything runs, float32, and the nodes that read it.

    ``axis`` counts what it computes or holds: the outputs of a product, the channels of a convolution, the rows of a table.
    """

    name: str
    array: Array
    axis: int
    readers: tuple[onnx.NodeProto, ...]

    @property
    def table(self) -> bool:
        """True where it is read by row and no sums go over it."""
        return self.readers[0].op_type == "Gather"


@dataclass(frozen=True, eq=False)
class Codes:
    """int8 ``codes`` times float32 ``scale``, which has 1 in every dimension but one."""

    codes: Array
    scale: Array

    @property
    def data(self) -> Array:
        """The tensor that they stand for, float32."""
        return np.asarray(self.codes.astype(np.float32) * self.scale)


def find(proto: onnx.ModelProto, least: int) -> list[Weight]:
    """Weights of ``least`` elements and more, in the order in which they are read.

    One that is also read in another way, as by two operators that count along different axes, is left alone.
    """
    graph = proto.graph
    readers: dict[str, list[onnx.NodeProto]] = {}
    others = {output.name for output in graph.output}
    for node in graph.node:
        for place, name in enumerate(node.input):
            if _WEIGHTS.get(node.op_type) == place:
                readers.setdefault(name, []).append(node)
            elif name:
                others.add(name)
        others.update(name for attribute in node.attribute if attribute.HasField("g") for name in _read_within(attribute.g))
    known = _known(proto, [name for name in readers if name not in others])
    found = []
    for name, array in known.items():
        axes = {_axis(node, array) for node in readers[name]}
        axis = axes.pop()
        if axes or axis is None or array.dtype != np.float32 or array.size < least or not np.isfinite(array).all():
            continue
        found.append(Weight(name, array, axis, tuple(readers[name])))
    return found


def _axis(node: onnx.NodeProto, array: Array) -> int | None:
    given = {attribute.name: attribute for attribute in node.attribute}
    match node.op_type:
        case "MatMul":
            return 1 if array.ndim == 2 else None
        case "Gemm":
            return 0 if "transB" in given and given["transB"].i else 1
        case "Gather":
            return 0 if array.ndim >= 2 and not ("axis" in given and given["axis"].i) else None
        case "ConvTranspose":
            return 1 if not ("group" in given and given["group"].i > 1) else None
        case _:
            return 0


def _read_within(graph: onnx.GraphProto) -> Iterable[str]:
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _read_within(attribute.g)
    yield from (output.name for output in graph.output)


def _known(proto: onnx.ModelProto, names: list[str]) -> dict[str, Array]:
    """Those of the tensors that follow from nothing but the model itself, as codes times a scale do."""
    graph = proto.graph
    given = {entry.name for entry in graph.input}
    initial = {tensor.name: tensor for tensor in graph.initializer if tensor.name not in given}
    producers = {output: node for node in graph.node for output in node.output}
    wanted: dict[str, onnx.NodeProto] = {}

    def follows(name: str) -> bool:
        if name in initial or not name:
            return True
        node = producers.get(name)
        if node is None or any(attribute.HasField("g") for attribute in node.attribute) or not all(map(follows, node.input)):
            return False
        wanted[node.output[0]] = node
        return True

    plain = {name: numpy_helper.to_array(initial[name]) for name in names if name in initial}
    made = [name for name in names if name not in plain and follows(name)]
    if made:
        nodes = [node for node in graph.node if node.output and node.output[0] in wanted]
        used = {name for node in nodes for name in node.input}
        outputs = [helper.make_empty_tensor_value_info(name) for name in made]
        part = helper.make_graph(nodes, "known", [], outputs, [tensor for name, tensor in initial.items() if name in used])
        session = open_session(helper.make_model(part, opset_imports=proto.opset_import,
                                                 ir_version=proto.ir_version).SerializeToString())  # fmt: skip
        plain.update(zip(made, session.run(made, {}), strict=True))
    return {name: plain[name] for name in names if name in plain}


def replaced(proto: onnx.ModelProto, codes: Mapping[str, Codes]) -> onnx.ModelProto:
    """The model with the weights of these names as codes times a scale (Cast and Mul, which every operator set has)."""
    graph = onnx.GraphProto()
    graph.CopyFrom(proto.graph)
    first: list[onnx.NodeProto] = []
    for name, held in codes.items():
        graph.initializer.append(numpy_helper.from_array(held.codes, f"{name}.codes"))
        graph.initializer.append(numpy_helper.from_array(held.scale, f"{name}.scale"))
        first.append(helper.make_node("Cast", [f"{name}.codes"], [f"{name}.cast"], to=onnx.TensorProto.FLOAT))
        first.append(helper.make_node("Mul", [f"{name}.cast", f"{name}.scale"], [f"{name}.rounded"]))
    for node in graph.node:
        place = _WEIGHTS.get(node.op_type)
        if place is not None and node.input[place] in codes:
            node.input[place] = f"{node.input[place]}.rounded"
    nodes = [*first, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return with_graph(proto, _pruned(graph))


def open_weights(proto: onnx.ModelProto, weights: Iterable[Weight]) -> onnx.ModelProto:
    """The model with these weights as inputs of their own."""
    graph = onnx.GraphProto()
    graph.CopyFrom(proto.graph)
    opened = {weight.name: weight for weight in weights}
    for node in graph.node:
        for place, name in enumerate(node.output):
            if name in opened:
                node.output[place] = f"{name}.given"
    kept = [tensor for tensor in graph.initializer if tensor.name not in opened]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    graph.input.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, weight.array.shape) for name, weight in opened.items()
    )
    return with_graph(proto, _pruned(graph))


def with_graph(proto: onnx.ModelProto, graph: onnx.GraphProto) -> onnx.ModelProto:
    """The same model around another graph."""
    result = onnx.ModelProto()
    result.CopyFrom(proto)
    result.graph.CopyFrom(graph)
    return result


def _pruned(graph: onnx.GraphProto) -> onnx.GraphProto:
    """Without the nodes and tensors that nothing reads any more."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if any(output in needed for output in node.output):
            kept.append(node)
            needed.update(node.input)
            needed.update(name for attribute in node.attribute if attribute.HasField("g") for name in _read_within(attribute.g))
    tensors = [tensor for tensor in graph.initializer if tensor.name in needed]
    kept.reverse()
    del graph.node[:], graph.initializer[:]
    graph.node.extend(kept)
    graph.initializer.extend(tensors)
    return graph


def by_output(weight: Weight) -> Array:
    """[outputs, everything else]: a matrix with a row for each step of the weight's axis."""
    return np.moveaxis(weight.array, weight.axis, 0).reshape(weight.array.shape[weight.axis], -1)


def like(weight: Weight, matrix: Array) -> Array:
    """The inverse of ``by_output``; a matrix of one column becomes a scale, with 1 in every other dimension."""
    shape = list(np.moveaxis(weight.array, weight.axis, 0).shape)
    if matrix.shape[1] != prod(shape[1:]):
        shape[1:] = [1] * (len(shape) - 1)
    return np.ascontiguousarray(np.moveaxis(matrix.reshape(shape), 0, weight.axis))
