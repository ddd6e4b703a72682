"""Runs a graph with NumPy: what every pass, importer and kernel is held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from packager.lower.ir import Array, Graph, Operand, Value, bind
from packager.lower.ops import OPS
from packager.lower.sizes import Expr, Symbol

if TYPE_CHECKING:
    from collections.abc import Mapping


def evaluate(graph: Graph, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """The graph's outputs, by name. ``feeds`` has an array of the declared dtype for each input."""
    symbols = bound_symbols(graph, feeds)
    known: dict[Value, Array] = {entry: feeds[entry.name] for entry in graph.inputs}

    def read(operand: Operand) -> Array | None:
        if operand is None:
            return None
        if operand in known:
            return known[operand]
        if operand.constant is not None:
            return operand.constant.data
        if operand.elements is not None:
            return np.array(bind(operand.elements, symbols), operand.dtype).reshape(bind(operand.shape, symbols))
        raise AssertionError(f"{operand.name} is read before it is made")

    with np.errstate(all="ignore"):
        for node in graph.nodes:
            arrays = OPS[node.op].evaluate(bind(node.attributes, symbols), *map(read, node.inputs))
            for output, array in zip(node.outputs, arrays, strict=True):
                expected = bind(output.shape, symbols)
                if array.shape != expected or array.dtype != output.dtype:
                    raise AssertionError(
                        f"{node.op} of {node.source} gave {array.dtype}{array.shape} for {output.dtype}{expected}"
                    )
                known[output] = array
    return {name: _given(read(result), name) for name, result in graph.outputs}


def bound_symbols(graph: Graph, feeds: Mapping[str, Array]) -> dict[str, int]:
    """What each symbol is for these inputs."""
    symbols: dict[str, int] = {}
    for entry in graph.inputs:
        for size, given in zip(entry.shape, feeds[entry.name].shape, strict=True):
            if isinstance(size, Expr):
                atom = size.terms[0][0][0]
                if isinstance(atom, Symbol):
                    symbols.setdefault(atom.name, given)
    return symbols


def _given(array: Array | None, name: str) -> Array:
    if array is None:
        raise AssertionError(f"the output {name} has no value")
    return array
