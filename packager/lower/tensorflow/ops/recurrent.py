"""Recurrent layers, step after step: a graph model has no loop that a GPU would be any faster with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.lower.ops.base import value_of
from packager.lower.tensorflow.ops.pointwise import activated
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from packager.lower.ir import Node
    from packager.lower.tensorflow.writer import Writer

_MOST_STEPS = 32


def _recurrent(out: Writer, node: Node) -> None:
    fn, (products, r, *rest) = node["fn"], node.inputs
    products = value_of(products)
    steps, batch, _ = products.shape
    if not isinstance(steps, int) or not 0 < steps <= _MOST_STEPS:
        raise Unsupported(f"it runs over {steps} steps, where {_MOST_STEPS} are covered")
    if fn != "lstm" or (len(rest) > 2 and rest[2] is not None):
        raise Unsupported(f"it is a {fn}" + (" with peepholes" if fn == "lstm" else ""))
    xs, weights = out.read(products), out.matrix(value_of(r))
    h, c = (out.read(entry) for entry in rest[:2])
    every: list[str] = []
    for step in reversed(range(steps)) if node["reverse"] else range(steps):
        part = out.add("Slice", xs, out.vector((step, 0, 0)), out.vector((1, *products.shape[1:])))
        h, c = _lstm(out, node, out.reshape(part, products.shape[1:]), weights, h, c)
        every.append(h)
    hidden = node.outputs[0].shape[2]
    rows = [out.reshape(state, (1, batch, hidden)) for state in (every[::-1] if node["reverse"] else every)]
    whole = rows[0] if steps == 1 else out.add("ConcatV2", *rows, out.scalar(0), N=steps)
    for output, made in zip(node.outputs, (whole, h, c), strict=True):
        out.give(output, made)


def _lstm(out: Writer, node: Node, x: str, r: str, h: str, c: str) -> tuple[str, str]:
    hidden = node.outputs[0].shape[2]
    product = out.add("MatMul", h, r, transpose_a=False, transpose_b=False)
    parts = out.add("SplitV", out.add("AddV2", x, product), out.vector([hidden] * 4), out.scalar(1))

    def act(name: str, tensor: str) -> str:
        return activated(out, node[name], tensor, node["alpha"], node["beta"])

    i, o, f = (act("gate", f"{parts}:{index}") for index in range(3))
    c = out.add("AddV2", out.add("Mul", f, c), out.add("Mul", i, act("candidate", f"{parts}:3")))
    return out.add("Mul", o, act("output", c)), c


EMIT = {"recurrent": _recurrent}
