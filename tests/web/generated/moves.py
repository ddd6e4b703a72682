"""Tensors cut, put together, reordered, read and written by index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .chance import Chance, Made


def concat(chance: Chance, op: str) -> Made:
    shape = chance.shape(1, 4)
    axis = int(chance.random.integers(len(shape)))
    parts = {f"x{index}": chance.floats((*shape[:axis], chance.size(0, 1, 2, 5, 8), *shape[axis + 1 :])) for index in range(3)}
    return chance.made(op, parts, axis=axis, symbolic=False)


def split(chance: Chance, op: str) -> Made:
    sizes = np.array([chance.size(0, 1, 2, 4, 8) for _ in range(3)], np.int64)
    shape = list(chance.shape(1, 4))
    axis = int(chance.random.integers(len(shape)))
    shape[axis] = int(sizes.sum())
    return chance.made(op, {"x": chance.floats(shape)}, {"split": sizes}, axis=axis, outputs="a b c", symbolic=False)


def slices(chance: Chance, op: str) -> Made:
    x = chance.floats(chance.shape(1, 4, 0.02))
    axes = chance.random.permutation(x.ndim)[: int(chance.random.integers(1, x.ndim + 1))]
    count = len(axes)
    starts, ends = (chance.ints((count,), -12, 12) for _ in range(2))
    steps = np.array([chance.pick([1, 1, 2, 3, -1, -2]) for _ in range(count)], np.int64)
    weights = {"starts": starts, "ends": ends, "axes": axes.astype(np.int64), "steps": steps}
    return chance.made(op, {"x": x}, weights, symbolic=chance.maybe(0.3))


def pad(chance: Chance, op: str) -> Made:
    mode = chance.pick(["constant", "constant", "reflect", "edge", "wrap"])
    x = chance.floats(tuple(size + 3 for size in chance.shape(1, 4, 0)))
    pads = chance.ints((2 * x.ndim,), -1 if mode == "constant" else 0, 3)
    weights = {"pads": pads} | ({"value": np.array(1.5, np.float32)} if mode == "constant" and chance.maybe() else {})
    return chance.made(op, {"x": x}, weights, mode=mode, opset=19, symbolic=False)


def transpose(chance: Chance, op: str) -> Made:
    x = chance.floats(chance.shape(1, 5))
    x = x.astype(chance.pick(["float32", "int64", "uint8", "bool"]))
    return chance.made(op, {"x": x}, perm=[int(axis) for axis in chance.random.permutation(x.ndim)])


def reshape(chance: Chance, op: str) -> Made:
    x = chance.floats(chance.shape(1, 4))
    shape = {0: [-1, 1], 1: [0, -1], 2: [1, *x.shape]}[chance.size(0, 1, 2)] if x.size else [*x.shape, 1]
    if op == "Flatten":
        return chance.made(op, {"x": x}, axis=int(chance.random.integers(0, x.ndim + 1)))
    if op == "Unsqueeze":
        return chance.made(op, {"x": x}, {"axes": np.array([0, -1], np.int64)})
    if op == "Squeeze":
        return chance.made(op, {"x": x[None, ..., None]}, {"axes": np.array([0, -1], np.int64)}, symbolic=False)
    return chance.made(op, {"x": x}, {"shape": np.array(shape, np.int64)}, symbolic=x.size > 0 and chance.maybe())


def expand(chance: Chance, op: str) -> Made:
    shape = chance.shape(1, 5)
    x = chance.floats(chance.spread(shape))
    if op == "Tile":
        return chance.made(op, {"x": x}, {"r": chance.ints((x.ndim,), 0, 4)})
    return chance.made(op, {"x": x}, {"shape": np.array(shape, np.int64)}, symbolic=False)


def gather(chance: Chance, op: str) -> Made:
    x = chance.floats(chance.shape(1, 4, 0))
    axis = int(chance.random.integers(x.ndim))
    size, dtype = x.shape[axis], chance.pick(["int64", "int32"])
    if op == "GatherElements":
        shape = tuple(entry if place != axis else chance.size() for place, entry in enumerate(x.shape))
        return chance.made(op, {"x": x, "i": chance.ints(shape, -size, size, dtype)}, axis=axis, symbolic=False)
    index = chance.ints(chance.shape(0, 2), -size, size, dtype)
    if chance.maybe():
        return chance.made(op, {"x": x}, {"i": index}, axis=axis)
    return chance.made(op, {"x": x, "i": index}, axis=axis)


def scatter(chance: Chance, op: str) -> Made:
    x = chance.floats(chance.shape(1, 3, 0))
    axis = int(chance.random.integers(x.ndim))
    if op == "ScatterElements":
        shape = tuple(chance.size(*range(1, size + 1)) for size in x.shape)
        # No place is written twice.
        order = np.argsort(chance.random.random((*shape[:axis], x.shape[axis], *shape[axis + 1 :])), axis)
        index = np.take(order, range(shape[axis]), axis).astype(np.int64)
        return chance.made(op, {"x": x, "i": index, "u": chance.floats(shape)}, axis=axis, opset=18, symbolic=False)
    depth = int(chance.random.integers(1, x.ndim + 1))
    places = np.stack(np.unravel_index(chance.random.permutation(int(np.prod(x.shape[:depth])))[:3], x.shape[:depth]), -1)
    if op == "GatherND":
        return chance.made(op, {"x": x, "i": places.astype(np.int64)}, symbolic=False)
    updates = chance.floats((len(places), *x.shape[depth:]))
    reduction = chance.pick(["none", "add", "mul", "max", "min"])
    return chance.made(op, {"x": x, "i": places.astype(np.int64), "u": updates}, reduction=reduction, opset=18, symbolic=False)


def blocks(chance: Chance, op: str) -> Made:
    block = chance.size(1, 2, 3)
    n, c, h, w = chance.size(1, 2), chance.size(1, 2, 5), chance.size(1, 3, 4), chance.size(1, 2, 5)
    if op == "DepthToSpace":
        mode: dict[str, Any] = {"mode": chance.pick(["DCR", "CRD"])}
        return chance.made(op, {"x": chance.floats((n, c * block * block, h, w))}, blocksize=block, symbolic=False, **mode)
    return chance.made(op, {"x": chance.floats((n, c, h * block, w * block))}, blocksize=block, symbolic=False)


def grid_sample(chance: Chance, op: str) -> Made:
    x = chance.floats((chance.size(1, 2), chance.size(1, 3, 8, 9), chance.size(3, 5), chance.size(4, 7)))
    grid = chance.floats((x.shape[0], chance.size(1, 4), chance.size(3, 6), 2), -1.4, 1.4)
    options: dict[str, Any] = {
        "mode": chance.pick(["linear", "nearest"]), "padding_mode": chance.pick(["zeros", "border"]),
        "align_corners": int(chance.maybe()),
    }  # fmt: skip
    return chance.made(op, {"x": x, "grid": grid}, opset=20, symbolic=False, tolerance=1e-4, **options)
