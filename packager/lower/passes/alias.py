"""Reshapes of reshapes are one, and a reshape to the same shape is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.lower.builder import GraphBuilder
from packager.lower.ir import Graph, Node, Operand, Value, rewrite, same_shape

if TYPE_CHECKING:
    from collections.abc import Callable


def merge_reshapes(graph: Graph) -> Graph:
    """Each chain of reshapes becomes one at most."""
    replaced: dict[Value, Value] = {}
    origin: dict[Value, Value] = {}

    def rule(node: Node, current: Callable[[Operand], Operand]) -> list[Node] | None:
        source = current(node.inputs[0]) if node.op == "reshape" else None
        if source is None:
            return None
        root = origin.get(source, source)
        if same_shape(root.shape, node.output.shape):
            replaced[node.output] = root
            return []
        if root is source:
            origin[node.output] = root
            return None
        build = GraphBuilder("alias.")
        build.source = node.source
        made = build.op("reshape", root, shape=tuple(node.output.shape))
        origin[made] = root
        replaced[node.output] = made
        return build.nodes

    return rewrite(graph, rule, replaced)
