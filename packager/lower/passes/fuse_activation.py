"""A function of one operand, applied by the kernel that makes the operand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packager.lower.activations import ACTIVATIONS
from packager.lower.ir import Graph, Node, Operand, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable

WITH_EPILOGUE = ("conv", "conv_transpose", "gemm", "scale_shift")
"""Operations whose kernels compute activation(… + bias + residual)."""


def fuse_activation(graph: Graph) -> Graph:
    """Relu, Clip, … go into the epilogue of the convolution or product before them."""
    functions: dict[Node, Node] = {}
    for node in graph.nodes:
        source = graph.producer(node.inputs[0]) if node.op == "unary" and node["fn"] in ACTIVATIONS else None
        if source is not None and source.op in WITH_EPILOGUE and source["fn"] == "none" and graph.only_use(node.inputs[0]):
            functions[source] = node
    taken = set(functions.values())

    def rule(node: Node, current: Callable[[Operand], Operand]) -> list[Node] | None:
        if node in taken:
            return []
        function = functions.get(node)
        if function is None:
            return None
        attributes = {**node.attributes, "fn": function["fn"], "p0": function["p0"], "p1": function["p1"]}
        return [replace(node, outputs=function.outputs, attributes=attributes)]

    return rewrite(graph, rule, {})
