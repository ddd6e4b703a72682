"""Matrix products, windows over images, and layers made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .chance import Arrays, Chance, Made


def matmul(chance: Chance, op: str) -> Made:
    m, k, n = chance.size(), chance.size(), chance.size()
    if chance.maybe(0.2):
        m, k, n = chance.size(6, 65, 130), chance.size(255, 600, 1030), chance.size(64, 100, 257)
    if chance.maybe(0.08):
        m = 0
    batch = chance.shape(0, 2, 0)[:2]
    batch = tuple(min(size, 5) for size in batch)
    a = chance.floats((k,) if chance.maybe(0.1) else (*chance.spread(batch), m, k))
    b = chance.floats((k,) if chance.maybe(0.1) else (*(chance.spread(batch) if chance.maybe() else ()), k, n))
    if chance.maybe():
        return chance.made(op, {"a": a}, {"b": b}, symbolic=b.ndim <= 2 and chance.maybe())
    return chance.made(op, {"a": a, "b": b}, symbolic=False)


def gemm(chance: Chance, op: str) -> Made:
    m, k, n = chance.size(0, 1, 2, 3, 5, 9, 33), chance.size(), chance.size()
    flags: dict[str, Any] = {"transA": int(chance.maybe()), "transB": int(chance.maybe())}
    a = chance.floats((k, m) if flags["transA"] else (m, k))
    b = chance.floats((n, k) if flags["transB"] else (k, n))
    rest = {"c": chance.floats(chance.spread((m, n)))} if chance.maybe(0.7) else {}
    scales: dict[str, Any] = {"alpha": 0.5, "beta": 2.0} if chance.maybe(0.3) else {}
    if chance.maybe():
        return chance.made(op, {"a": a}, {"b": b, **rest}, **flags, **scales)
    return chance.made(op, {"a": a, "b": b, **rest}, symbolic=False, **flags, **scales)


def einsum(chance: Chance, op: str) -> Made:
    equation = chance.pick(["bij,bjk->bik", "bhqd,bhkd->bhqk", "ij->ji", "ij->i", "i,j->ij", "...ij,...jk->...ik", "bij,bj->bi",
                            "abc,cd->abd", "ij,ij->ij", "bi,bj,bk->ijk", "ij,jk"])  # fmt: skip
    sizes = {letter: chance.size(1, 2, 3, 5, 8) for letter in "abcdhijkq"}
    extra = chance.size(2, 3)
    feeds: Arrays = {}
    for index, term in enumerate(equation.split("->")[0].replace("...", ".").split(",")):
        feeds[f"x{index}"] = chance.floats([extra if letter == "." else sizes[letter] for letter in term])
    return chance.made(op, feeds, equation=equation, symbolic=False, tolerance=5e-5)


def _window(chance: Chance, rank: int, auto: bool = True) -> tuple[list[int], dict[str, Any]]:
    kernel = [chance.size(1, 2, 3, 3, 5) for _ in range(rank)]
    found: dict[str, Any] = {}
    if chance.maybe():
        found["strides"] = [chance.size(1, 2, 3) for _ in range(rank)]
    if chance.maybe(0.3):
        found["dilations"] = [chance.size(1, 2) for _ in range(rank)]
    if auto and chance.maybe(0.3):
        found["auto_pad"] = chance.pick(["SAME_UPPER", "SAME_LOWER", "VALID"])
        found.pop("dilations", None)
    elif chance.maybe(0.7):
        found["pads"] = [int(chance.random.integers(0, size)) for size in (*kernel, *kernel)]
    return kernel, found


def conv(chance: Chance, op: str) -> Made:
    rank = 1 if chance.maybe(0.2) else 2
    kernel, window = _window(chance, rank)
    groups = chance.size(1, 1, 2, 3, 8)
    depth = 1 if groups > 3 or chance.maybe(0.2) else chance.size(1, 2, 3, 5, 8)
    out = groups * chance.size(1, 1, 2, 3, 8)
    if groups == 1 and chance.maybe(0.2):
        depth, out = chance.size(32, 67, 130), chance.size(24, 64, 100)
    if depth == 1 and groups > 3 and chance.maybe(0.3):
        groups = out = chance.size(16, 36, 100)
    size = [chance.size(9, 11, 13, 16) for _ in range(rank)]
    x = chance.floats((chance.size(1, 1, 2, 0), groups * depth, *size))
    weights = {"w": chance.floats((out, depth, *kernel))}
    if chance.maybe():
        weights["b"] = chance.floats((out,))
    if chance.maybe(0.8):
        return chance.made(op, {"x": x}, weights, kernel_shape=kernel, group=groups, symbolic=False, **window)
    return chance.made(op, {"x": x, **weights}, kernel_shape=kernel, group=groups, symbolic=False, **window)


def conv_transpose(chance: Chance, op: str) -> Made:
    rank = 1 if chance.maybe(0.2) else 2
    kernel, window = _window(chance, rank, auto=False)
    groups, depth = chance.size(1, 1, 2), chance.size(1, 2, 3, 8)
    if "strides" in window and chance.maybe(0.4):
        window["output_padding"] = [stride - 1 for stride in window["strides"]]
    x = chance.floats((chance.size(1, 2), groups * depth, *(chance.size(4, 5, 7) for _ in range(rank))))
    out = chance.size(1, 2, 3, 8)
    weights = {"w": chance.floats((groups * depth, out, *kernel))}
    if chance.maybe():
        weights["b"] = chance.floats((groups * out,))
    return chance.made(op, {"x": x}, weights, kernel_shape=kernel, group=groups, symbolic=False, **window)


def pool(chance: Chance, op: str) -> Made:
    rank = 1 if chance.maybe(0.2) else 2
    kernel, window = _window(chance, rank)
    if "auto_pad" in window:
        kernel = [max(size, stride) for size, stride in zip(kernel, window.get("strides", kernel), strict=True)]
    elif chance.maybe(0.3):
        window["ceil_mode"] = 1
    if op == "AveragePool":
        window["count_include_pad"] = int(chance.maybe())
    x = chance.floats((chance.size(1, 2, 0), chance.size(), *(chance.size(9, 11, 13) for _ in range(rank))),
                      odd=op == "MaxPool" and chance.maybe(0.2))  # fmt: skip
    x = np.nan_to_num(x, nan=-2.0, posinf=np.inf, neginf=-1e30)  # the largest of nothing but these is not defined
    return chance.made(op, {"x": x}, kernel_shape=kernel, opset=22, **window)


def global_pool(chance: Chance, op: str) -> Made:
    return chance.made(op, {"x": chance.floats((chance.size(1, 2), chance.size(), chance.size(), chance.size()))})


def resize(chance: Chance, op: str) -> Made:
    mode = chance.pick(["nearest", "linear", "cubic"])
    x = chance.floats((chance.size(1, 2), chance.size(1, 3, 8, 9), chance.size(3, 5, 8), chance.size(4, 7, 9)))
    options = {"mode": mode, "coordinate_transformation_mode": chance.pick(
        ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"])}  # fmt: skip
    if mode == "nearest":
        options["nearest_mode"] = chance.pick(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
    # With sizes, places half way between two pixels fall to either by the last bit.
    if chance.maybe() or options.get("nearest_mode") == "round_prefer_ceil":
        weights: Arrays = {
            "roi": np.zeros(0, np.float32),
            "scales": np.array(
                [1, 1, chance.pick([2, 3] if mode == "nearest" else [2, 1.5, 0.75]), chance.pick([1, 2])], np.float32
            ),
        }
    else:
        sizes = np.array([*x.shape[:2], chance.size(2, 6, 11), chance.size(3, 8, 10)], np.int64)
        weights = {"roi": np.zeros(0, np.float32), "scales": np.zeros(0, np.float32), "sizes": sizes}
    return chance.made(op, {"x": x}, weights, tolerance=1e-4, **options)


def recurrent(chance: Chance, op: str) -> Made:
    steps, batch, size, hidden = chance.size(1, 3, 6), chance.size(1, 2, 5), chance.size(1, 3, 8, 9), chance.size(1, 4, 7, 16)
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
    direction = chance.pick(["forward", "reverse", "bidirectional"])
    count = 2 if direction == "bidirectional" else 1
    weights = {
        "w": chance.floats((count, gates * hidden, size), -1, 1),
        "r": chance.floats((count, gates * hidden, hidden), -1, 1),
    }
    options: dict[str, Any] = {"hidden_size": hidden, "direction": direction}
    if chance.maybe():
        weights["b"] = chance.floats((count, 2 * gates * hidden), -1, 1)
    if op == "GRU":
        options["linear_before_reset"] = int(chance.maybe())
    outputs = "y h c" if op == "LSTM" else "y h"
    return chance.made(op, {"x": chance.floats((steps, batch, size))}, weights, outputs=outputs, symbolic=False, **options)
