"""Along axes: softmax, reductions, norms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .chance import Arrays, Chance, Made


def softmax(chance: Chance, op: str) -> Made:
    x = chance.floats((chance.size(1, 3), chance.size(700, 3001)) if chance.maybe(0.15) else chance.shape(1, 4), -20, 20)
    if x.size and chance.maybe(0.3):
        x.reshape(-1)[0] = -np.inf if x.shape[-1] > 1 else 0
    return chance.made(op, {"x": x}, axis=int(chance.random.integers(-x.ndim, x.ndim)), opset=chance.pick([11, 13, 17]))


def reduce(chance: Chance, op: str) -> Made:
    shape = chance.shape(1, 4, 0.1 if op in ("ReduceSum", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare") else 0)
    if chance.maybe(0.1):
        shape = (chance.size(1, 5), chance.size(300, 1111), chance.size(1, 9))
    axes = chance.random.permutation(len(shape))[: int(chance.random.integers(1, len(shape) + 1))]
    low = 0.1 if op in ("ReduceLogSum", "ReduceProd") else -3
    if op in ("ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceMean") and chance.maybe(0.25):
        x = chance.ints(shape, dtype=chance.pick(["int32", "int64"]))
        x = np.sign(x) if op == "ReduceProd" else np.abs(x) * 4 if op == "ReduceMean" else x
    else:
        x = chance.floats(shape, low, 1.2, odd=op in ("ReduceSum", "ReduceMax", "ReduceMin") and chance.maybe(0.15))
        x = np.nan_to_num(x, nan=0.5) if op != "ReduceSum" else x
    keep = int(chance.maybe())
    if chance.maybe(0.2):
        return chance.made(op, {"x": x}, opset=18, keepdims=keep)
    return chance.made(op, {"x": x}, {"axes": axes.astype(np.int64)}, opset=18, keepdims=keep)


def arg(chance: Chance, op: str) -> Made:
    x = chance.ints(chance.shape(1, 4, 0), dtype=chance.pick(["int32", "int64"])) if chance.maybe(0.2) else np.round(
        chance.floats(chance.shape(1, 4, 0)), 1)  # fmt: skip
    return chance.made(op, {"x": x}, axis=int(chance.random.integers(-x.ndim, x.ndim)), keepdims=int(chance.maybe()),
                       select_last_index=int(chance.maybe(0.3)))  # fmt: skip


def normalise(chance: Chance, op: str) -> Made:
    shape = (chance.size(1, 2), chance.size(2, 4, 6, 12, 36), *(chance.size(3, 5, 8) for _ in range(chance.size(1, 2))))
    x, channels = chance.floats(shape), shape[1]
    scale, bias = chance.floats((channels,)), chance.floats((channels,))
    if op == "GroupNormalization":
        return chance.made(op, {"x": x}, {"s": scale, "b": bias}, num_groups=2, opset=21, symbolic=False, tolerance=1e-4)
    if op == "InstanceNormalization":
        return chance.made(op, {"x": x}, {"s": scale, "b": bias}, symbolic=False, tolerance=1e-4)
    if op == "BatchNormalization":
        weights = {"s": scale, "b": bias, "m": chance.floats((channels,)), "v": chance.floats((channels,), 0.2, 2)}
        return chance.made(op, {"x": x}, weights)
    axis = int(chance.random.integers(1, x.ndim))
    weights = {"s": chance.floats(shape[axis:])} | ({"b": chance.floats(shape[axis:])} if chance.maybe() else {})
    return chance.made(op, {"x": x}, weights, axis=axis, symbolic=False, tolerance=1e-4)


def along(chance: Chance, op: str) -> Made:
    x = np.round(chance.floats(chance.shape(2, 4, 0)), 1)
    axis = int(chance.random.integers(-x.ndim, x.ndim))
    if op == "CumSum":
        options: dict[str, Any] = {"exclusive": int(chance.maybe()), "reverse": int(chance.maybe())}
        x = x if chance.maybe() else chance.ints(x.shape)
        return chance.made(op, {"x": x}, {"axis": np.array(axis, np.int64)}, **options)
    if op == "TopK":
        k = np.array([chance.size(*range(1, x.shape[axis] + 1))], np.int64)
        return chance.made(op, {"x": x}, {"k": k}, axis=axis, largest=int(chance.maybe()), outputs="v i", symbolic=False)
    if op == "OneHot":
        weights: Arrays = {"depth": np.array(7, np.int64), "values": np.array([-1, 4], np.float32)}
        return chance.made(op, {"x": chance.ints(x.shape, -7, 7)}, weights, axis=axis, outputs="y", symbolic=False)
    upper: dict[str, Any] = {"upper": int(chance.maybe())}
    return chance.made(op, {"x": x}, {"k": np.array(int(chance.random.integers(-3, 4)), np.int64)}, **upper)
