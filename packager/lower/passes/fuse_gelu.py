"""Functions of one number that the model spells out: gelu, silu, hard swish, and steps by a constant."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from packager.lower.ir import Graph, Node, Operand, Value, rewrite
from packager.lower.ops.base import scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def fuse_gelu(graph: Graph) -> Graph:
    """x·(1 + erf(x/√2))/2 in any order of its factors; x·sigmoid(x); x·hard_sigmoid(x) with 1/6 and 1/2."""
    found: dict[Node, tuple[str, Value]] = {}
    for node in graph.nodes:
        if node.op == "binary" and node["fn"] == "mul":
            match = _gelu(graph, node) or _gated(graph, node)
            if match is not None:
                found[node] = match

    def rule(node: Node, current: Callable[[Operand], Operand]) -> list[Node] | None:
        if node not in found:
            return None
        fn, x = found[node]
        return [replace(node, op="unary", inputs=(x,), attributes={"fn": fn, "p0": 0.0, "p1": 0.0})]

    return rewrite(graph, rule, {})


def _gelu(graph: Graph, node: Node) -> tuple[str, Value] | None:
    """The factors of a product are x, 1/2 and 1 + erf(x/√2), or 1 + tanh(…)."""
    scale, factors = 1.0, []
    for factor in _factors(graph, node):
        number = scalar(factor)
        if number is not None:
            scale *= number
        else:
            factors.append(factor)
    if len(factors) != 2 or not math.isclose(scale, 0.5, rel_tol=1e-5):
        return None
    for x, other in (factors, factors[::-1]):
        inner = _less(graph, other, "add", 1.0)
        function = graph.producer(inner, "unary")
        if function is None:
            continue
        if function["fn"] == "erf" and _is_scaled(graph, function.inputs[0], x, math.sqrt(0.5)):
            return "gelu", x
        if function["fn"] == "tanh" and _is_tanh_inner(graph, function.inputs[0], x):
            return "gelu_tanh", x
    return None


def _factors(graph: Graph, node: Node) -> Iterator[Value]:
    for operand in node.inputs:
        inner = graph.producer(operand, "binary")
        if inner is not None and inner["fn"] == "mul" and graph.only_use(operand):
            yield from _factors(graph, inner)
        elif operand is not None:
            yield operand


def _less(graph: Graph, operand: Operand, fn: str, number: float) -> Operand:
    """What the number was added to (or the operand multiplied with), or None."""
    node = graph.producer(operand, "binary")
    if node is None or node["fn"] != fn:
        return None
    for index in range(2):
        given = scalar(node.inputs[index])
        if given is not None and math.isclose(given, number, rel_tol=1e-4):
            return node.inputs[1 - index]
    return None


def _is_scaled(graph: Graph, operand: Operand, x: Value, factor: float) -> bool:
    """True where the operand is ``x × factor``, by a product or a quotient."""
    if _less(graph, operand, "mul", factor) is x:
        return True
    node = graph.producer(operand, "binary")
    if node is None or node["fn"] != "div" or node.inputs[0] is not x:
        return False
    divisor = scalar(node.inputs[1])
    return divisor is not None and math.isclose(1 / divisor, factor, rel_tol=1e-4)


def _is_tanh_inner(graph: Graph, operand: Operand, x: Value) -> bool:
    """√(2/π)·(x + 0.044715·x³)"""
    total = graph.producer(_less(graph, operand, "mul", math.sqrt(2 / math.pi)), "binary")
    if total is None or total["fn"] != "add":
        return False
    for index in range(2):
        if total.inputs[index] is x:
            cube = _less(graph, total.inputs[1 - index], "mul", 0.044715)
            return cube is not None and _is_cube(graph, cube, x)
    return False


def _is_cube(graph: Graph, operand: Operand, x: Value) -> bool:
    node = graph.producer(operand, "binary")
    if node is None:
        return False
    if node["fn"] == "pow":
        return node.inputs[0] is x and scalar(node.inputs[1]) == 3
    squares = [graph.producer(entry) for entry in node.inputs]
    for index in range(2):
        square = squares[index]
        if node["fn"] == "mul" and node.inputs[1 - index] is x and square is not None:
            return (square.op == "unary" and square["fn"] == "square" and square.inputs[0] is x) or (
                square.op == "binary" and square["fn"] == "mul" and square.inputs == (x, x)
            )
    return False


def _gated(graph: Graph, node: Node) -> tuple[str, Value] | None:
    for index in range(2):
        x, gate = node.inputs[index], graph.producer(node.inputs[1 - index], "unary")
        if x is None or gate is None or gate.inputs[0] is not x:
            continue
        if gate["fn"] == "sigmoid":
            return "silu", x
        sixth = math.isclose(gate["p0"], 1 / 6, rel_tol=1e-4) and math.isclose(gate["p1"], 0.5, rel_tol=1e-4)
        if gate["fn"] == "hard_sigmoid" and sixth:
            return "hard_swish", x
    return None
