"""Operators of the domain com.microsoft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.lower.graphs import model, node

from .chance import Made

if TYPE_CHECKING:
    from .chance import Arrays, Chance

DOMAIN = "com.microsoft"


def contrib(chance: Chance, op: str) -> Made:
    name = op.removeprefix(f"{DOMAIN}.")
    feeds, weights, options = _operands(chance, name)
    inputs = {entry: ("float32", array.shape) for entry, array in feeds.items()}
    made = model([node(name, " ".join([*feeds, *weights]), domain=DOMAIN, **options)], inputs, {"y": "float32"}, weights)
    made.proto.opset_import.add(domain=DOMAIN, version=1)
    return Made(made, feeds, 1e-4)


def _operands(chance: Chance, name: str) -> tuple[Arrays, Arrays, dict[str, Any]]:
    n, s, d = chance.size(1, 2), chance.size(1, 3, 7), chance.size(4, 8, 13)
    x = chance.floats((n, s, d))
    if name == "FusedMatMul":
        flags = {"transA": int(chance.maybe()), "transB": int(chance.maybe()), "alpha": 0.5}
        b = chance.floats((n, 6, d) if flags["transB"] else (n, d, 6))
        return {"a": x.swapaxes(1, 2).copy() if flags["transA"] else x, "b": b}, {}, flags
    if name == "FusedConv":
        weights = {"w": chance.floats((5, d, 3, 3)), "b": chance.floats((5,))}
        return {"x": chance.floats((n, d, 6, 5))}, weights, {"kernel_shape": [3, 3], "activation": "Relu", "pads": [1] * 4}
    if name.startswith("Skip"):
        parts = {"gamma": chance.floats((d,))}
        if name == "SkipLayerNormalization":
            parts["beta"] = chance.floats((d,))
        if chance.maybe():
            parts["bias"] = chance.floats((d,))
        return {"x": x, "skip": chance.floats((n, s, d))}, parts, {"epsilon": 1e-5}
    bias = {"b": chance.floats((d,))} if name == "BiasGelu" or (name == "FastGelu" and chance.maybe()) else {}
    return {"x": x}, bias, {"alpha": 1.5} if name == "QuickGelu" else {}
