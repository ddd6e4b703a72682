"""Attention: softmax(scale · Q Kᵀ + mask) V for every head, from tensors in any order of dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.boxes import broadcast_strides
from packager.lower.ir import Array, Node, Operand, Type
from packager.lower.ops.base import Import, Op, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packager.lower.emit import Emitter
    from packager.lower.sizes import Shape, Size

# A node's operands are stored as they lie in memory; q_perm, k_perm and v_perm put them into the order [batch, heads, rows,
# depth], and y_perm puts [batch, heads, queries, columns] into the order of the output.


def _ordered(shape: Sequence[Size], perm: Sequence[int]) -> Shape:
    return tuple(shape[axis] for axis in perm)


def _infer(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    q, v = value_of(inputs[0]), value_of(inputs[2])
    batch, heads, queries, _ = _ordered(q.shape, attributes["q_perm"])
    columns = _ordered(v.shape, attributes["v_perm"])[3]
    return [Type(q.dtype, _ordered((batch, heads, queries, columns), attributes["y_perm"]))]


def _evaluate(attributes: Mapping[str, Any], /, q: Array, k: Array, v: Array, mask: Array | None = None) -> Sequence[Array]:
    q, k, v = (
        entry.astype(np.float64).transpose(attributes[f"{name}_perm"]) for name, entry in zip("qkv", (q, k, v), strict=True)
    )
    scores = attributes["scale"] * (q @ np.swapaxes(k, 2, 3))
    scores = scores if mask is None else scores + mask
    share = np.exp(scores - scores.max(-1, keepdims=True))
    return [((share / share.sum(-1, keepdims=True)) @ v).transpose(attributes["y_perm"]).astype(np.float32)]


def _emit(plan: Emitter, node: Node) -> None:
    q, k, v = (value_of(entry) for entry in node.inputs[:3])
    mask = node.inputs[3] if len(node.inputs) > 3 else None
    batch, heads, queries, depth = _ordered(q.shape, node["q_perm"])
    keys, columns = _ordered(v.shape, node["v_perm"])[2:]
    steps: dict[str, Size] = {}
    for name, entry, perm in (("q", q, node["q_perm"]), ("k", k, node["k_perm"]), ("v", v, node["v_perm"])):
        stride = _ordered(plan.strides(entry), perm)
        steps |= {f"{name}_batch": stride[0], f"{name}_head": stride[1], f"{name}_row": stride[2]}
    y_strides = plan.strides(node.output)
    out = [y_strides[tuple(node["y_perm"]).index(axis)] for axis in range(3)]
    steps |= {"out_batch": out[0], "out_head": out[1], "out_row": out[2]}
    at = (0, 0, 0, 0) if mask is None else broadcast_strides(mask.shape, (batch, heads, queries, keys))
    steps |= dict(zip(("mask_batch", "mask_head", "mask_row", "mask_column"), at, strict=True))
    plan.step("attention", q=q, k=k, v=v, mask=mask, out=node.output, batch=batch, heads=heads, queries=queries, keys=keys,
              depth=depth, columns=columns, scale=node["scale"], **steps)  # fmt: skip


OPS = [Op("attention", _infer, _evaluate, _emit)]
IMPORTS: dict[str, Import] = {}
