"""What is known of indices and truths without running anything: masks that exports compute from counted places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from packager.lower.builder import GraphBuilder
from packager.lower.ir import Graph, Node, Operand, Value, rewrite
from packager.lower.ops.base import scalar

if TYPE_CHECKING:
    from collections.abc import Callable

    from packager.lower.sizes import Shape, Size


def simplify(graph: Graph) -> Graph:
    """Places counted from 0 are at least 0; ``and`` with true is the other; looking up every place in order is no lookup."""
    replaced: dict[Value, Value] = {}

    def rule(node: Node, current: Callable[[Operand], Operand]) -> list[Node] | None:
        build = GraphBuilder(f"simplify.{node.outputs[0].name}.")
        build.source = node.source
        made = None
        if node.op == "compare":
            made = _always(graph, build, node)
        elif node.op == "logic":
            made = _neutral(node, current)
        elif node.op == "gather_nd":
            made = _in_order(graph, build, node, current)
        elif node.op == "binary":
            made = _gate(graph, build, node, current)
        if made is None:
            return None
        replaced[node.output] = made
        return build.nodes

    return rewrite(graph, rule, replaced)


def _always(graph: Graph, build: GraphBuilder, node: Node) -> Value | None:
    """Places are 0 or more."""
    places, limit = node.inputs[0], scalar(node.inputs[1])
    if limit is None or places is None or counted(graph, places) is None:
        return None
    if (node["fn"] == "greater_equal" and limit <= 0) or (node["fn"] == "greater" and limit < 0):
        return build.op("filled", dtype="bool", shape=tuple(node.output.shape), value=True)
    return None


def _neutral(node: Node, current: Callable[[Operand], Operand]) -> Value | None:
    neutral = {"and": True, "or": False, "xor": False}.get(node["fn"])
    for index in range(2):
        data, other = _data(node.inputs[index]), current(node.inputs[1 - index])
        if data is not None and neutral is not None and np.all(data == neutral) and other is not None:
            return other if tuple(other.shape) == tuple(node.output.shape) else None
    return None


def _data(operand: Operand) -> np.ndarray | None:
    return None if operand is None else operand.data


def _in_order(graph: Graph, build: GraphBuilder, node: Node, current: Callable[[Operand], Operand]) -> Value | None:
    """x[i, j, …] where i, j, … count along dimensions of their own, in order: x, seen with more dimensions."""
    x, parts = current(node.inputs[0]), graph.producer(node.inputs[1], "concat")
    if x is None or parts is None or node["batch"] or parts["axis"] != parts.output.rank - 1 or len(parts.inputs) != x.rank:
        return None
    shape: list[Size] = [1] * node.output.rank
    last = -1
    for index, part in enumerate(parts.inputs):
        found = counted(graph, part) if part is not None else None
        if found is None or found[1] != x.shape[index] or not last < found[0] < len(shape):
            return None
        last = found[0]
        shape[last] = x.shape[index]
    made = build.op("reshape", x, shape=tuple(shape))
    return made if tuple(shape) == tuple(node.output.shape) else build.op("expand", made, shape=tuple(node.output.shape))


def counted(graph: Graph, value: Value) -> tuple[int, Size] | None:
    """(axis, count) where the value's elements are their places along that axis, from 0."""
    if value.data is not None:
        return _counted_constant(value.data)
    node = graph.producer(value)
    if node is None:
        return None
    if node.op == "range":
        return (0, node["count"]) if node["start"] == 0 and node["step"] == 1 else None
    if node.op not in ("reshape", "expand") or node.inputs[0] is None:
        return None
    found = counted(graph, node.inputs[0])
    if found is None:
        return None
    axis, count = found
    if node.op == "expand":
        axis += value.rank - node.inputs[0].rank
        return (axis, count) if value.shape[axis] == count else None
    moved = _same_places(node.inputs[0].shape, value.shape, axis)
    return None if moved is None else (moved, count)


def _same_places(before: Shape, after: Shape, axis: int) -> int | None:
    """Where an axis goes in a reshape that only adds and drops dimensions of 1."""
    old = [index for index, size in enumerate(before) if size != 1]
    new = [index for index, size in enumerate(after) if size != 1]
    if axis not in old or [before[index] for index in old] != [after[index] for index in new]:
        return None
    return new[old.index(axis)]


def _counted_constant(array: np.ndarray) -> tuple[int, Size] | None:
    for axis in range(array.ndim if array.dtype.kind in "iu" else 0):
        places = np.arange(array.shape[axis]).reshape((-1, *(1,) * (array.ndim - axis - 1)))
        if array.shape[axis] > 1 and np.array_equal(array, np.broadcast_to(places, array.shape)):
            return axis, array.shape[axis]
    return None


def _gate(graph: Graph, build: GraphBuilder, node: Node, current: Callable[[Operand], Operand]) -> Value | None:
    """x + x·gate is x·(gate + 1): one pass over a large tensor instead of two."""
    if node["fn"] != "add":
        return None
    for index in range(2):
        x, product = node.inputs[index], graph.producer(node.inputs[1 - index], "binary")
        if product is None or product["fn"] != "mul" or not graph.only_use(product.output) or x not in product.inputs:
            continue
        gate = product.inputs[1 - product.inputs.index(x)]
        if gate is None or x is None or gate is x or tuple(x.shape) != tuple(node.output.shape) or not _smaller(gate, x):
            continue
        wider = build.op("unary", current(gate), fn="affine", p0=1.0, p1=1.0)
        return build.op("binary", current(x), wider, fn="mul")
    return None


def _smaller(gate: Value, x: Value) -> bool:
    return gate.dtype == "float32" and gate.rank == x.rank and any(
        one == 1 and size != 1 for one, size in zip(gate.shape, x.shape, strict=True)
    )  # fmt: skip
