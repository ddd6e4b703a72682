"""Layer norm and RMS norm of the last axis, spelled out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from packager.lower.ir import Graph, Node, Operand, Value, rewrite
from packager.lower.ops.base import scalar

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class _Match:
    fn: str
    x: Value
    epsilon: float
    scale: Value | None = None
    bias: Value | None = None


def fuse_layernorm(graph: Graph) -> Graph:
    """(x - mean) / sqrt(variance + epsilon), then times a scale, then plus a bias, as far as they are there."""
    matches: dict[Value, tuple[Node, _Match]] = {}
    for node in graph.nodes:
        found = _normalised(graph, node) or _scaled(graph, node, matches) or _shifted(graph, node, matches)
        if found is not None:
            matches[node.output] = node, found

    def rule(node: Node, current: Callable[[Operand], Operand]) -> list[Node] | None:
        if node.output not in matches or matches[node.output][0] is not node:
            return None
        match = matches[node.output][1]
        attributes = {"fn": match.fn, "epsilon": match.epsilon}
        return [replace(node, op="row_norm", inputs=(match.x, match.scale, match.bias), attributes=attributes)]

    return rewrite(graph, rule, {})


def _normalised(graph: Graph, node: Node) -> _Match | None:
    """The quotient of what is centred by the root of its mean square."""
    if node.op != "binary" or node["fn"] not in ("div", "mul"):
        return None
    for index in range(1 if node["fn"] == "div" else 2):
        centred, root = node.inputs[index], node.inputs[1 - index]
        epsilon = _root(graph, root, centred, inverted=node["fn"] == "mul")
        if centred is None or epsilon is None:
            continue
        x = _centred(graph, centred)
        if x is not None:
            return _Match("layer", x, epsilon)
        return _Match("rms", centred, epsilon)
    return None


def _centred(graph: Graph, operand: Value) -> Value | None:
    """x where the operand is x minus its mean."""
    node = graph.producer(operand, "binary")
    if node is None or node["fn"] != "sub":
        return None
    x = node.inputs[0]
    return x if x is not None and _mean_of(graph, node.inputs[1]) is x else None


def _mean_of(graph: Graph, operand: Operand) -> Operand:
    """What the operand is the mean of, along the last axis."""
    node = graph.producer(operand, "reduce")
    if node is None or node["fn"] != "mean" or not node["keepdims"] or node.inputs[0] is None:
        return None
    return node.inputs[0] if tuple(node["axes"]) == (node.inputs[0].rank - 1,) else None


def _root(graph: Graph, operand: Operand, centred: Operand, inverted: bool) -> float | None:
    """The epsilon where the operand is sqrt(mean(centred²) + epsilon), or one over it."""
    node = graph.producer(operand)
    if inverted:
        if node is not None and node.op == "binary" and node["fn"] == "div" and scalar(node.inputs[0]) == 1:
            return _root(graph, node.inputs[1], centred, inverted=False)
        if node is not None and node.op == "unary" and node["fn"] == "reciprocal":
            return _root(graph, node.inputs[0], centred, inverted=False)
    if node is None or node.op != "unary" or node["fn"] != ("rsqrt" if inverted else "sqrt"):
        return None
    total = graph.producer(node.inputs[0], "binary")
    if total is None or total["fn"] != "add":
        return None
    for index in range(2):
        epsilon = scalar(total.inputs[1 - index])
        square = graph.producer(_mean_of(graph, total.inputs[index]))
        if epsilon is not None and square is not None and _is_square(square, centred):
            return epsilon
    return None


def _is_square(node: Node, x: Operand) -> bool:
    if node.op == "unary":
        return bool(node["fn"] == "square") and node.inputs[0] is x
    if node.op != "binary" or node.inputs[0] is not x:
        return False
    return (node["fn"] == "mul" and node.inputs[1] is x) or (node["fn"] == "pow" and scalar(node.inputs[1]) == 2)


def _scaled(graph: Graph, node: Node, matches: dict[Value, tuple[Node, _Match]]) -> _Match | None:
    return _taken(graph, node, "mul", matches, lambda match: match.scale is None and match.bias is None, "scale")


def _shifted(graph: Graph, node: Node, matches: dict[Value, tuple[Node, _Match]]) -> _Match | None:
    return _taken(graph, node, "add", matches, lambda match: match.bias is None and match.fn == "layer", "bias")


def _taken(graph: Graph, node: Node, fn: str, matches: dict[Value, tuple[Node, _Match]], free: Callable[[_Match], bool],
           what: str) -> _Match | None:  # fmt: skip
    """The norm before it, with a constant of the last axis taken in."""
    if node.op != "binary" or node["fn"] != fn:
        return None
    for index in range(2):
        inner, given = node.inputs[index], node.inputs[1 - index]
        if inner not in matches or not graph.only_use(inner) or given is None or given.constant is None:
            continue
        match = matches[inner][1]
        columns = match.x.shape[-1]
        if free(match) and tuple(given.shape) == (columns,):
            return replace(match, scale=given) if what == "scale" else replace(match, bias=given)
    return None
