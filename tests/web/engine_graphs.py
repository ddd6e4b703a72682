"""Small networks put together by chance: what one operator's case does not show is what the compiler makes of several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper

from tests.lower.graphs import model

from .generated import Arrays, Chance, Made

if TYPE_CHECKING:
    from collections.abc import Callable

Named = tuple[str, tuple[int, ...]]


class Network:
    """Nodes so far, and the tensors that the next one may read."""

    def __init__(self, chance: Chance, shape: tuple[int, ...]) -> None:
        self.chance = chance
        self.nodes: list[Any] = []
        self.weights: Arrays = {}
        self.tensors: list[Named] = [("x", shape)]

    def weight(self, *shape: int, low: float = -0.6, high: float = 0.6) -> str:
        return self.known(self.chance.floats(shape, low, high))

    def known(self, array: np.ndarray) -> str:
        name = f"w{len(self.weights)}"
        self.weights[name] = array
        return name

    def node(self, op: str, inputs: list[str], shape: tuple[int, ...], outputs: int = 1, **attributes: Any) -> Named:
        """The node's only output, or its first; the others follow among the tensors."""
        names = [f"t{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, name=f"{op}_{len(self.nodes)}", **attributes))
        return names[0], shape

    def any(self, fits: Callable[[tuple[int, ...]], bool] = lambda shape: True) -> Named:
        """One of the tensors that fit; a recent one more often than not."""
        found = [entry for entry in self.tensors if fits(entry[1])]
        return found[-1] if self.chance.maybe(0.6) else self.chance.pick(found)

    def made(self) -> Made:
        """The network; what nothing reads is an output, and now and then something else."""
        chance, shape = self.chance, self.tensors[0][1]
        read = {name for node in self.nodes for name in node.input}
        outputs = {name for name, _ in self.tensors[1:] if name not in read}
        if chance.maybe(0.3):
            outputs.add(chance.pick(self.tensors[1:])[0])
        symbols: list[int | str] = list(shape)
        if chance.maybe():
            symbols[0] = "batch"
        if chance.maybe():
            spatial = {2: "height", 3: "width"} if len(shape) == 4 else {1: "length"}
            symbols = [spatial.get(axis, size) for axis, size in enumerate(symbols)]
        built = model(self.nodes, {"x": ("float32", symbols)}, dict.fromkeys(sorted(outputs), "float32"), self.weights)
        return Made(built, {"x": chance.floats(shape, -2, 2)}, 1e-4)


# Steps over images [batch, channels, height, width]


def conv(net: Network) -> Named:
    name, (n, c, h, w) = net.any()
    chance = net.chance
    kind, size = chance.pick(["full", "point", "depth", "group"]), chance.size(3, 5)
    groups = c if kind == "depth" else 2 if kind == "group" and c % 2 == 0 else 1
    size = 1 if kind == "point" else size
    out = c if kind == "depth" else groups * chance.size(1, 2, 3, 4, 8)
    stride = 2 if chance.maybe(0.2) and min(h, w) > 3 else 1
    inputs = [name, net.weight(out, c // groups, size, size)] + ([net.weight(out)] if chance.maybe() else [])
    made = net.node("Conv", inputs, (n, out, -(-h // stride), -(-w // stride)), group=groups, kernel_shape=[size, size],
                    pads=[size // 2] * 4, strides=[stride, stride])  # fmt: skip
    return activation(net, made) if chance.maybe() else made


def activation(net: Network, source: Named | None = None) -> Named:
    name, shape = source or net.any()
    op = net.chance.pick(["Relu", "Sigmoid", "HardSwish", "LeakyRelu", "Tanh", "Clip", "SiLU", "HardSigmoid", "Elu"])
    if op == "SiLU":
        gate, _ = net.node("Sigmoid", [name], shape)
        return net.node("Mul", [name, gate] if net.chance.maybe() else [gate, name], shape)
    bounds = [net.known(np.array(0, np.float32)), net.known(np.array(6, np.float32))] if op == "Clip" else []
    return net.node(op, [name, *bounds], shape)


def scale(net: Network) -> Named:
    name, shape = net.any()
    c = shape[1]
    kind = net.chance.pick(["norm", "Mul", "Add", "Div"])
    if kind == "norm" and len(shape) == 4:
        parts = [net.weight(c), net.weight(c), net.weight(c), net.weight(c, low=0.5, high=1.5)]
        return net.node("BatchNormalization", [name, *parts], shape)
    kind = "Mul" if kind == "norm" else kind
    width = (c, 1, 1) if len(shape) == 4 else (shape[-1],)
    other = net.weight(*width, low=0.5, high=1.5) if net.chance.maybe() else net.known(np.array(1.25, np.float32))
    return net.node(kind, [name, other] if kind == "Div" or net.chance.maybe() else [other, name], shape)


def together(net: Network) -> Named:
    name, shape = net.any()
    other, _ = net.any(lambda entry: entry == shape)
    return net.node(net.chance.pick(["Add", "Mul", "Sub", "Max"]), [name, other], shape)


def concat(net: Network) -> Named:
    name, (n, c, h, w) = net.any()
    other, shape = net.any(lambda entry: (entry[0], *entry[2:]) == (n, h, w))
    return net.node("Concat", [name, other], (n, c + shape[1], h, w), axis=1)


def split(net: Network) -> Named:
    name, (n, c, *rest) = net.any()
    if c < 2:
        return activation(net, (name, (n, c, *rest)))
    first = net.chance.size(*range(1, c))
    sizes = net.known(np.array([first, c - first], np.int64))
    made, _ = net.node("Split", [name, sizes], (), outputs=2, axis=1)
    net.tensors.append((made, (n, first, *rest)))
    return made.replace("_0", "_1"), (n, c - first, *rest)


def gate(net: Network) -> Named:
    name, (n, c, h, w) = net.any()
    pooled, _ = net.node("GlobalAveragePool", [name], (n, c, 1, 1))
    squeezed, _ = net.node("Conv", [pooled, net.weight(c, c, 1, 1), net.weight(c)], (n, c, 1, 1))
    share, _ = net.node("Sigmoid", [squeezed], (n, c, 1, 1))
    return net.node("Mul", [name, share], (n, c, h, w))


def pool(net: Network) -> Named:
    name, (n, c, h, w) = net.any()
    if min(h, w) < 2:
        return activation(net, (name, (n, c, h, w)))
    return net.node(
        net.chance.pick(["MaxPool", "AveragePool"]), [name], (n, c, h // 2, w // 2), kernel_shape=[2, 2], strides=[2, 2]
    )


def larger(net: Network) -> Named:
    name, (n, c, h, w) = net.any()
    if h * w > 200:
        return activation(net, (name, (n, c, h, w)))
    scales = net.known(np.array([1, 1, 2, 2], np.float32))
    mode = net.chance.pick(["nearest", "linear"])
    return net.node("Resize", [name, "", scales], (n, c, 2 * h, 2 * w), mode=mode, coordinate_transformation_mode="asymmetric")


def shuffle(net: Network) -> Named:
    name, (n, c, h, w) = net.any()
    groups = 2 if c % 2 == 0 else 1
    split_ = net.known(np.array([0, groups, c // groups, h, w], np.int64))
    apart, _ = net.node("Reshape", [name, split_], (n, groups, c // groups, h, w))
    moved, _ = net.node("Transpose", [apart], (n, c // groups, groups, h, w), perm=[0, 2, 1, 3, 4])
    return net.node("Reshape", [moved, net.known(np.array([0, c, h, w], np.int64))], (n, c, h, w))


def edges(net: Network) -> Named:
    name, (n, c, h, w) = net.any()
    if net.chance.maybe():
        return net.node("Pad", [name, net.known(np.array([0, 0, 1, 0, 0, 0, 0, 2], np.int64))], (n, c, h + 1, w + 2))
    ends = [net.known(np.array(entry, np.int64)) for entry in ([0], [max(c - 1, 1)], [1])]
    return net.node("Slice", [name, *ends], (n, max(c - 1, 1), h, w))


# Steps over sequences [batch, length, width]


def linear(net: Network) -> Named:
    name, (n, s, d) = net.any()
    out = net.chance.size(d, d, 8, 12, 5)
    made, shape = net.node("MatMul", [name, net.weight(d, out)], (n, s, out))
    if net.chance.maybe(0.7):
        made, shape = net.node("Add", [made, net.weight(out)][:: net.chance.pick([1, -1])], shape)
    return activation(net, (made, shape)) if net.chance.maybe(0.3) else (made, shape)


def gelu(net: Network) -> Named:
    name, shape = net.any()
    numbers = [net.known(np.array(number, np.float32)) for number in (np.sqrt(2), 1, 0.5)]
    part, _ = net.node("Div", [name, numbers[0]], shape)
    curve, _ = net.node("Erf", [part], shape)
    raised, _ = net.node("Add", [curve, numbers[1]], shape)
    whole, _ = net.node("Mul", [name, raised], shape)
    return net.node("Mul", [whole, numbers[2]], shape)


def norm(net: Network) -> Named:
    name, shape = net.any()
    d = shape[-1]
    if net.chance.maybe():
        return net.node("LayerNormalization", [name, net.weight(d), net.weight(d)], shape, axis=-1)
    mean, _ = net.node("ReduceMean", [name], (*shape[:-1], 1), axes=[-1])
    off, _ = net.node("Sub", [name, mean], shape)
    square, _ = net.node("Pow", [off, net.known(np.array(2, np.float32))], shape)
    variance, _ = net.node("ReduceMean", [square], (*shape[:-1], 1), axes=[-1])
    padded, _ = net.node("Add", [variance, net.known(np.array(1e-5, np.float32))], (*shape[:-1], 1))
    root, _ = net.node("Sqrt", [padded], (*shape[:-1], 1))
    made, _ = net.node("Div", [off, root], shape)
    made, _ = net.node("Mul", [made, net.weight(d)], shape)
    return net.node("Add", [made, net.weight(d)], shape)


def attention(net: Network) -> Named:
    name, (n, s, d) = net.any()
    heads, depth = net.chance.size(1, 2), net.chance.size(3, 4, 8)
    parts = []
    for order in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]):
        made, _ = net.node("MatMul", [name, net.weight(d, heads * depth)], (n, s, heads * depth))
        apart, _ = net.node("Reshape", [made, net.known(np.array([0, 0, heads, depth], np.int64))], (n, s, heads, depth))
        parts.append(net.node("Transpose", [apart], (), perm=order)[0])
    scores, _ = net.node("MatMul", parts[:2], (n, heads, s, s))
    scores, _ = net.node("Mul", [scores, net.known(np.array(depth**-0.5, np.float32))], (n, heads, s, s))
    if net.chance.maybe():
        scores, _ = net.node("Add", [scores, net.weight(1, 1, s, s, low=-3, high=0)], (n, heads, s, s))
    share, _ = net.node("Softmax", [scores], (n, heads, s, s), axis=-1)
    mixed, _ = net.node("MatMul", [share, parts[2]], (n, heads, s, depth))
    back, _ = net.node("Transpose", [mixed], (n, s, heads, depth), perm=[0, 2, 1, 3])
    return net.node("Reshape", [back, net.known(np.array([0, 0, heads * depth], np.int64))], (n, s, heads * depth))


def picked(net: Network) -> Named:
    name, (n, s, d) = net.any()
    index = net.known(net.chance.ints((net.chance.size(1, 2, 4),), -s, s))
    return net.node("Gather", [name, index], (n, len(net.weights[index]), d), axis=1)


IMAGES = (conv, conv, conv, activation, scale, together, together, concat, split, gate, pool, larger, shuffle, edges)
SEQUENCES = (linear, linear, gelu, norm, attention, together, together, scale, activation, picked)


def network(seed: int, kind: str) -> Made:
    """A network of a few steps, always the same for a seed."""
    chance = Chance(seed)
    if kind == "images":
        net = Network(chance, (chance.size(1, 1, 2), chance.size(2, 3, 4, 8), chance.size(5, 8, 9), chance.size(6, 7, 8)))
    else:
        net = Network(chance, (chance.size(1, 2), chance.size(1, 3, 5, 9, 70), chance.size(4, 8, 12)))
    for _ in range(chance.size(4, 6, 8, 10)):
        step = chance.pick(IMAGES if kind == "images" else SEQUENCES)
        net.tensors.append(step(net))
    return net.made()
