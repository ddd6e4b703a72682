"""What works element by element goes ahead of a reshape, nearer to the kernel that can take it in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.lower.builder import GraphBuilder
from packager.lower.ir import Graph, Node, Operand, Value, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable


def lift_past_reshapes(graph: Graph) -> Graph:
    """``relu(reshape(x))`` becomes ``reshape(relu(x))``; so does a scale of channels, if the last dimension stays."""
    replaced: dict[Value, Value] = {}

    def rule(node: Node, current: Callable[[Operand], Operand]) -> list[Node] | None:
        if node.op not in ("unary", "scale_shift"):
            return None
        shaped = graph.producer(node.inputs[0], "reshape")
        if shaped is None or not graph.only_use(node.inputs[0]):
            return None
        source = current(shaped.inputs[0])
        if source is None or not source.rank or not node.output.rank:
            return None
        if node.op == "scale_shift" and source.shape[-1] != node.output.shape[-1]:
            return None
        build = GraphBuilder(f"lift.{node.output.name}.")
        build.source = node.source
        inner = build.op(node.op, source, *node.inputs[1:], **node.attributes)
        replaced[node.output] = build.op("reshape", inner, shape=tuple(node.output.shape))
        return build.nodes

    return rewrite(graph, rule, replaced)
