"""An addition, made by the kernel that makes one of its operands: a bias where it is constant, else the residual."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from packager.lower.ir import Graph, Node, Operand, Value, constant, rewrite, same_shape
from packager.lower.passes.fuse_activation import WITH_EPILOGUE

if TYPE_CHECKING:
    from collections.abc import Callable


def fuse_residual(graph: Graph) -> Graph:
    """``conv + x`` and ``gemm + x`` become one node; a constant per channel joins the bias."""
    order = {node: index for index, node in enumerate(graph.nodes)}
    made: dict[Value, int] = {output: order[node] for node in graph.nodes for output in node.outputs}
    fused: dict[Node, tuple[Node, Value]] = {}
    for node in graph.nodes:
        if node.op != "binary" or node["fn"] != "add":
            continue
        choices = []
        for index in range(2):
            source, other = graph.producer(node.inputs[index]), node.inputs[1 - index]
            if source is None or other is None or source.op not in WITH_EPILOGUE or source in fused:
                continue
            if source["fn"] != "none" or not graph.only_use(node.inputs[index]) or not _fits(source, node, other):
                continue
            # The later operand takes in the earlier one, which is ready then.
            if other.constant is not None or made.get(other, -1) < order[source]:
                choices.append((order[source], source, other))
        if choices:
            _, source, other = max(choices, key=lambda choice: choice[0])
            fused[source] = (node, other)
    sums = {node for node, _ in fused.values()}

    def rule(node: Node, current: Callable[[Operand], Operand]) -> list[Node] | None:
        if node in sums:
            return []
        if node not in fused:
            return None
        total, other = fused[node]
        return [replace(node, inputs=_operands(node, other), outputs=total.outputs)]

    return rewrite(graph, rule, {})


def _fits(source: Node, total: Node, other: Value) -> bool:
    if not same_shape(source.output.shape, total.output.shape):
        return False
    if _is_bias(source, other):
        return source.op != "scale_shift"
    return (
        source.op in ("conv", "conv_transpose", "gemm")
        and _operand(source, 3) is None
        and same_shape(other.shape, total.output.shape)
    )


def _is_bias(source: Node, other: Value) -> bool:
    channels = source.output.shape[-1]
    return (
        other.constant is not None and other.rank >= 1 and other.shape[-1] == channels and other.count == channels
        and (_operand(source, 2) is None or _operand(source, 2).constant is not None)  # type: ignore[union-attr]
        and other.rank <= source.output.rank
    )  # fmt: skip


def _operand(node: Node, index: int) -> Operand:
    return node.inputs[index] if index < len(node.inputs) else None


def _operands(node: Node, other: Value) -> tuple[Operand, ...]:
    x, weights, bias, residual = (*node.inputs, None, None)[:4]
    if not _is_bias(node, other) or other.data is None:
        return x, weights, bias, other
    added = other.data.reshape(-1)
    if bias is not None and bias.data is not None:
        added = bias.data + added
    return x, weights, constant(f"{other.name}.bias", np.asarray(added, np.float32)), residual
