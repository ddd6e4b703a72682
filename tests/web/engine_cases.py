"""Models of one operator with inputs, made by chance from a seed: odd sizes, tails, broadcasting, dimensions of 0, strides,
dilations, groups and pads, and numbers that are none where ONNX says what comes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.lower.graphs import single

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from packager.model import Model

Arrays = dict[str, np.ndarray]
SIZES = (1, 1, 2, 3, 4, 5, 7, 8, 9, 13, 17, 31, 33)


@dataclass
class Made:
    """A model, its inputs, and how near the answer must come, relative to the largest."""

    model: Model
    feeds: Arrays
    tolerance: float = 2e-5


@dataclass
class Chance:
    """Where sizes, numbers and choices come from."""

    seed: int
    random: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def pick(self, choices: Sequence[Any]) -> Any:
        return choices[int(self.random.integers(len(choices)))]

    def size(self, *sizes: int) -> int:
        return int(self.pick(sizes or SIZES))

    def maybe(self, share: float = 0.5) -> bool:
        return bool(self.random.random() < share)

    def shape(self, low: int = 0, high: int = 4, empty: float = 0.06) -> tuple[int, ...]:
        """Any shape; one dimension may be 0."""
        shape = [self.size() for _ in range(int(self.random.integers(low, high + 1)))]
        while int(np.prod(shape)) > 6000:
            shape[int(np.argmax(shape))] = 2
        if shape and self.maybe(empty):
            shape[int(self.random.integers(len(shape)))] = 0
        return tuple(shape)

    def spread(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A shape that broadcasts to this one."""
        cut = shape[int(self.random.integers(len(shape) + 1)) :]
        return tuple(1 if self.maybe(0.4) else size for size in cut)

    def floats(self, shape: Sequence[int], low: float = -3.0, high: float = 3.0, odd: bool = False) -> np.ndarray:
        """float32; with ``odd`` some are infinite, no number, huge, tiny or a zero with a sign."""
        array = self.random.uniform(low, high, tuple(shape)).astype(np.float32)
        if odd and array.size:
            strange = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30, 1e-30, 88.0, -104.0, 0.5, -2.5], np.float32)
            at = self.random.random(array.shape) < 0.3
            array[at] = self.random.choice(strange, int(at.sum()))
        return array

    def ints(self, shape: Sequence[int], low: int = -9, high: int = 10, dtype: str = "int64") -> np.ndarray:
        return self.random.integers(low, high, tuple(shape)).astype(dtype)

    def made(self, op: str, feeds: Arrays, weights: Arrays | None = None, tolerance: float = 2e-5, **options: Any) -> Made:
        """One node; its dimensions are symbols half of the time."""
        symbolic = options.pop("symbolic", self.maybe())
        return Made(single(op, feeds, weights, symbolic=symbolic, **options), feeds, tolerance)


# Element by element


def unary(chance: Chance, op: str) -> Made:
    low, high = {
        "Sqrt": (0, 9),
        "Log": (0.01, 9),
        "Acosh": (1, 9),
        "Asin": (-1, 1),
        "Acos": (-1, 1),
        "Atanh": (-0.99, 0.99),
    }.get(op, (-6, 6))
    attributes: dict[str, Any] = {}
    for name in {"LeakyRelu": ["alpha"], "Elu": ["alpha"], "HardSigmoid": ["alpha", "beta"]}.get(op, []):
        if chance.maybe():
            attributes[name] = float(chance.random.uniform(0.1, 0.9))
    if op == "Gelu":
        attributes = {"approximate": chance.pick(["none", "tanh"])}
    x = chance.floats(chance.shape(), low, high, odd=op not in ("Sin", "Cos", "Tan") and chance.maybe())
    opset = 24 if op == "Swish" else 20 if op in ("Gelu", "Mish") else 17
    return chance.made(op, {"x": x}, opset=opset, tolerance=5e-5, **attributes)


def clip(chance: Chance, op: str) -> Made:
    x = chance.floats(chance.shape(), odd=chance.maybe())
    bounds = {"low": np.array(-1.5, np.float32), "high": np.array(0.75, np.float32)}
    if chance.maybe():
        return chance.made(op, {"x": x, **bounds}, symbolic=False)
    return chance.made(op, {"x": x}, bounds)


def binary(chance: Chance, op: str) -> Made:
    shape = chance.shape()
    shapes = [shape, chance.spread(shape)][:: chance.pick([1, -1])]
    if chance.maybe(0.3) and op != "PRelu":
        dtype = chance.pick(["int32", "int64"])
        a, b = (chance.ints(entry, dtype=dtype) for entry in shapes)
        b = np.where(b == 0, 3, b).astype(dtype) if op in ("Div", "Mod") else np.abs(b) % 4 if op == "Pow" else b
    else:
        a, b = (chance.floats(entry, odd=chance.maybe(0.3)) for entry in shapes)
        if op == "Pow":
            a = np.abs(a) if chance.maybe(0.7) else a
    options: dict[str, Any] = {"fmod": 1} if op == "Mod" and a.dtype == np.float32 else {}
    if op == "PRelu":
        a, b = chance.floats(shape), chance.floats(chance.spread(shape))
    a, b = np.asarray(a), np.asarray(b)
    if chance.maybe(0.3):
        # A symbolic dimension stands for what it meets, and does not broadcast.
        return chance.made(op, {"a": a}, {"b": b}, tolerance=5e-5, symbolic=a.shape == shape and chance.maybe(), **options)
    return chance.made(op, {"a": a, "b": b}, symbolic=False, tolerance=5e-5, **options)


def logic(chance: Chance, op: str) -> Made:
    shape = chance.shape()
    a, b = (chance.random.random(entry) < 0.5 for entry in (shape, chance.spread(shape)))
    return chance.made(op, {"a": np.asarray(a), "b": np.asarray(b)}, symbolic=False)


def where(chance: Chance, op: str) -> Made:
    shape = chance.shape()
    kind = chance.pick(["float32", "int64", "uint8"])
    a, b = (chance.ints(entry, 0, 2, kind) if kind != "float32" else chance.floats(entry, odd=True)
            for entry in (chance.spread(shape), chance.spread(shape)))  # fmt: skip
    return chance.made(op, {"c": np.asarray(chance.random.random(shape) < 0.5), "a": a, "b": b}, symbolic=False)


def cast(chance: Chance, op: str) -> Made:
    from onnx import TensorProto as T

    shape = chance.shape()
    source = chance.pick(["float32", "int64", "int32", "bool", "uint8", "int8"])
    to = chance.pick([T.FLOAT, T.INT64, T.INT32, T.BOOL, T.UINT8, T.INT8])
    x = chance.floats(shape, 0, 100) if source == "float32" else chance.ints(shape, 0, 2 if source == "bool" else 100, source)
    return chance.made(op, {"x": x}, to=to)


# Matrices and windows


def matmul(chance: Chance, op: str) -> Made:
    m, k, n = chance.size(), chance.size(), chance.size()
    if chance.maybe(0.08):
        m = 0
    batch = chance.shape(0, 2, 0)[:2]
    batch = tuple(min(size, 5) for size in batch)
    a = chance.floats((k,) if chance.maybe(0.1) else (*chance.spread(batch), m, k))
    b = chance.floats((k,) if chance.maybe(0.1) else (*(chance.spread(batch) if chance.maybe() else ()), k, n))
    if chance.maybe():
        return chance.made(op, {"a": a}, {"b": b}, symbolic=a.ndim >= b.ndim and chance.maybe())
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
            "scales": np.array([1, 1, chance.pick([2, 3]), chance.pick([1, 2])], np.float32),
        }
    else:
        sizes = np.array([*x.shape[:2], chance.size(2, 6, 11), chance.size(3, 8, 10)], np.int64)
        weights = {"roi": np.zeros(0, np.float32), "scales": np.zeros(0, np.float32), "sizes": sizes}
    return chance.made(op, {"x": x}, weights, tolerance=1e-4, **options)


# Along axes


def softmax(chance: Chance, op: str) -> Made:
    x = chance.floats(chance.shape(1, 4), -20, 20)
    if x.size and chance.maybe(0.3):
        x.reshape(-1)[0] = -np.inf if x.shape[-1] > 1 else 0
    return chance.made(op, {"x": x}, axis=int(chance.random.integers(-x.ndim, x.ndim)), opset=chance.pick([11, 13, 17]))


def reduce(chance: Chance, op: str) -> Made:
    shape = chance.shape(1, 4, 0.1 if op in ("ReduceSum", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare") else 0)
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


# Movement


def concat(chance: Chance, op: str) -> Made:
    shape = chance.shape(1, 4)
    axis = int(chance.random.integers(len(shape)))
    parts = {f"x{index}": chance.floats((*shape[:axis], chance.size(0, 1, 2, 5, 8), *shape[axis + 1 :])) for index in range(3)}
    return chance.made(op, parts, axis=axis, symbolic=False)


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


def blocks(chance: Chance, op: str) -> Made:
    block = chance.size(1, 2, 3)
    n, c, h, w = chance.size(1, 2), chance.size(1, 2, 5), chance.size(1, 3, 4), chance.size(1, 2, 5)
    if op == "DepthToSpace":
        mode: dict[str, Any] = {"mode": chance.pick(["DCR", "CRD"])}
        return chance.made(op, {"x": chance.floats((n, c * block * block, h, w))}, blocksize=block, symbolic=False, **mode)
    return chance.made(op, {"x": chance.floats((n, c, h * block, w * block))}, blocksize=block, symbolic=False)


def einsum(chance: Chance, op: str) -> Made:
    equation = chance.pick(["bij,bjk->bik", "bhqd,bhkd->bhqk", "ij->ji", "ij->i", "i,j->ij", "...ij,...jk->...ik", "bij,bj->bi",
                            "abc,cd->abd", "ij,ij->ij", "bi,bj,bk->ijk", "ij,jk"])  # fmt: skip
    sizes = {letter: chance.size(1, 2, 3, 5, 8) for letter in "abcdhijkq"}
    extra = chance.size(2, 3)
    feeds: Arrays = {}
    for index, term in enumerate(equation.split("->")[0].replace("...", ".").split(",")):
        feeds[f"x{index}"] = chance.floats([extra if letter == "." else sizes[letter] for letter in term])
    return chance.made(op, feeds, equation=equation, symbolic=False, tolerance=5e-5)


def quantise(chance: Chance, op: str) -> Made:
    x = chance.floats(chance.shape(2, 4, 0), -40, 40)
    axis = int(chance.random.integers(x.ndim))
    dtype, many = chance.pick(["int8", "uint8"]), chance.maybe()
    shape = (x.shape[axis],) if many else ()
    weights = {"s": chance.floats(shape, 0.1, 0.5), "z": chance.ints(shape, 0, 60, dtype)}
    options: dict[str, Any] = {"axis": axis} if many else {}
    made = chance.made(op, {"x": x}, weights, **options)
    made.model.proto.graph.output[0].type.tensor_type.elem_type = 3 if dtype == "int8" else 2
    return made


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


def dequantise(chance: Chance, op: str) -> Made:
    shape = chance.shape(2, 4, 0)
    axis = int(chance.random.integers(len(shape)))
    dtype = chance.pick(["int8", "uint8"])
    low, high = (-128, 128) if dtype == "int8" else (0, 256)
    x, many = chance.ints(shape, low, high, dtype), chance.maybe()
    parts: Arrays = {"s": chance.floats((shape[axis],) if many else (), 0.01, 0.1)}
    if chance.maybe(0.7):
        parts["z"] = chance.ints((shape[axis],) if many else (), low, high, dtype)
    options = {"axis": axis} if many else {}
    return chance.made(op, {"x": x}, parts, **options)


GENERATED: dict[str, tuple[Callable[[Chance, str], Made], int]] = {
    **dict.fromkeys(
        ("Relu", "LeakyRelu", "HardSwish", "HardSigmoid", "Sigmoid", "Tanh", "Erf", "Exp", "Sqrt", "Elu", "Softplus", "Abs",
         "Neg", "Floor", "Ceil", "Round", "Reciprocal", "Log", "Sign"), (unary, 3)),
    **dict.fromkeys(("Gelu", "Sin", "Cos", "Acos", "Atanh", "Mish", "Swish"), (unary, 3)),
    "Clip": (clip, 6),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "PRelu", "Mod"), (binary, 8)),
    **dict.fromkeys(("Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"), (binary, 4)),
    **dict.fromkeys(("And", "Or", "Xor"), (logic, 2)),
    "Where": (where, 10), "Cast": (cast, 16), "MatMul": (matmul, 24), "Gemm": (gemm, 16), "Conv": (conv, 50),
    "ConvTranspose": (conv_transpose, 20), "MaxPool": (pool, 16), "AveragePool": (pool, 16),
    "GlobalAveragePool": (global_pool, 4), "GlobalMaxPool": (global_pool, 4), "Resize": (resize, 30),
    "Softmax": (softmax, 10), "LogSoftmax": (softmax, 8),
    **{f"Reduce{name}": (reduce, 6) for name in (
        "Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp")},
    "ArgMax": (arg, 8), "ArgMin": (arg, 6),
    **{f"{name}Normalization": (normalise, 6) for name in ("Layer", "Batch", "Instance", "Group")},
    "Concat": (concat, 10), "Split": (split, 8), "Slice": (slices, 24), "Pad": (pad, 20), "Transpose": (transpose, 14),
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), (reshape, 5)),
    "Expand": (expand, 8), "Tile": (expand, 5), "Gather": (gather, 14), "GatherElements": (gather, 6),
    **dict.fromkeys(("ScatterElements", "ScatterND", "GatherND"), (scatter, 6)),
    **dict.fromkeys(("CumSum", "TopK", "OneHot", "Trilu"), (along, 6)),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), (blocks, 4)),
    "Einsum": (einsum, 22), "QuantizeLinear": (quantise, 10),
    "LSTM": (recurrent, 8), "GRU": (recurrent, 8), "RNN": (recurrent, 4), "DequantizeLinear": (dequantise, 10),
}  # fmt: skip
"""For each operator what makes its cases, and how many."""


def generated(op: str, times: int = 3) -> list[Made]:
    """The cases of an operator, always the same; ``times`` as many as the table says."""
    make, count = GENERATED[op]
    return [make(Chance(sum(map(ord, op)) * 1000 + index), op) for index in range(count * times)]
