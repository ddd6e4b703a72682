"""Repeating comes last: what works element by element is done before it, and broadcasts where it is read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from packager.lower.builder import GraphBuilder
from packager.lower.ir import Graph, Operand, Value, constant, prune

_ELEMENTWISE = ("unary", "test", "not", "cast", "binary", "compare", "logic", "where")


def sink_expands(graph: Graph) -> Graph:
    """Expands move past operations that broadcast by themselves, and vanish in them; masks stay small up to the attention."""
    build = GraphBuilder("expand.")
    build.checks.update(dict.fromkeys(graph.checks))
    small: dict[Value, Value] = {}
    stands: dict[Value, Value] = {}

    def current(operand: Operand) -> Operand:
        """What stands for the operand in its own shape, if that is made already."""
        return operand if operand is None else stands.get(operand, operand)

    def narrow(operand: Operand) -> Operand:
        """The operand as small as it is known."""
        operand = current(operand)
        return operand if operand is None else small.get(operand, operand)

    def full(operand: Operand) -> Operand:
        """The operand in its own shape."""
        operand = current(operand)
        if operand is not None and operand in small:
            stands[operand] = build.op("expand", small[operand], shape=tuple(operand.shape))
            return stands[operand]
        return operand

    for node in graph.nodes:
        build.source = node.source
        if node.op == "expand":
            _enter(node.output, narrow(node.inputs[0]), small, stands)
        elif node.op == "filled" and graph.uses[node.output]:
            small[node.output] = constant("filled", np.array(node["value"], node["dtype"]))
        elif node.op in _ELEMENTWISE and any(current(operand) in small for operand in node.inputs):
            made = build.op(node.op, *map(narrow, node.inputs), **node.attributes)
            _enter(node.output, made, small, stands)
        elif node.op == "attention" and len(node.inputs) > 3:
            build.nodes.append(replace(node, inputs=(*map(full, node.inputs[:3]), narrow(node.inputs[3]))))
        else:
            build.nodes.append(replace(node, inputs=tuple(map(full, node.inputs))))
    outputs = tuple((name, _given(full(result))) for name, result in graph.outputs)
    return prune(replace(graph, nodes=tuple(build.nodes), outputs=outputs, checks=tuple(build.checks)))


def _enter(output: Value, made: Operand, small: dict[Value, Value], stands: dict[Value, Value]) -> None:
    if made is None:
        raise AssertionError("an operand went missing")
    (stands if tuple(made.shape) == tuple(output.shape) else small)[output] = made


def _given(operand: Operand) -> Value:
    if operand is None:
        raise AssertionError("an output went missing")
    return operand
