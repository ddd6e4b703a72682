"""Networks made at random: the import, all passes and the plan against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.lower.graphs import Arrays, check, model, node, random

Tensor = tuple[str, tuple[int, ...]]


class Network:
    """Grows by one node at a time, each on tensors that are there already; all are of batch 2 and float32."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.nodes: list[Any] = []
        self.weights: Arrays = {}
        self.tensors: list[Tensor] = [("x", (2, 8, 6, 4))]

    def pick(self, *items: Any) -> Any:
        return self.draw(st.sampled_from(items))

    def grow(self) -> None:
        name, shape = self.draw(st.sampled_from(self.tensors[-4:]))
        image = len(shape) == 4
        kinds = ["function", "scale", "pair", "move", "softmax"]
        kinds += ["conv", "conv", "norm", "pool", "gate", "concat", "shuffle", "resize", "slice"] if image else ["product"]
        getattr(self, self.pick(*kinds))(name, shape)

    def add(self, op: str, inputs: str, shape: tuple[int, ...], weights: Arrays | None = None, **attributes: Any) -> str:
        output = f"t{len(self.nodes)}"
        held = {f"{output}_{name}": np.asarray(array) for name, array in (weights or {}).items()}
        self.weights.update(held)
        self.nodes.append(node(op, " ".join([inputs, *held]), output, **attributes))
        self.tensors.append((output, shape))
        return output

    def function(self, name: str, shape: tuple[int, ...]) -> None:
        self.add(self.pick("Relu", "Sigmoid", "Tanh", "HardSwish", "Neg", "Abs"), name, shape)

    def scale(self, name: str, shape: tuple[int, ...]) -> None:
        wide = (shape[1], *(1,) * (len(shape) - 2)) if len(shape) > 1 else shape
        self.add(self.pick("Mul", "Add", "Sub"), name, shape, {"w": random(*self.pick(wide, (1,), shape[1:]))})

    def pair(self, name: str, shape: tuple[int, ...]) -> None:
        same = [other for other, size in self.tensors if size == shape]
        self.add(self.pick("Add", "Mul", "Max"), f"{name} {self.pick(*same)}", shape)

    def move(self, name: str, shape: tuple[int, ...]) -> None:
        perm = self.draw(st.permutations(range(len(shape))))
        self.add("Transpose", name, tuple(shape[axis] for axis in perm), perm=list(perm))

    def softmax(self, name: str, shape: tuple[int, ...]) -> None:
        self.add("Softmax", name, shape, axis=self.draw(st.integers(0, len(shape) - 1)))

    def conv(self, name: str, shape: tuple[int, ...]) -> None:
        n, c, h, w = shape
        size, groups = self.pick((1, 1), (3, 1), (3, c), (1, 2 if c % 2 == 0 else 1))
        out = c if groups == c else self.pick(8, 6, 4)
        stride = self.pick(1, 1, 2)
        pad = size // 2
        weights = {"w": random(out, c // groups, size, size, low=-0.5, high=0.5)}
        if self.draw(st.booleans()):
            weights["b"] = random(out)
        after = tuple((dim + 2 * pad - size) // stride + 1 for dim in (h, w))
        self.add("Conv", name, (n, out, *after), weights, group=groups, strides=[stride] * 2, pads=[pad] * 4)

    def norm(self, name: str, shape: tuple[int, ...]) -> None:
        c = shape[1]
        if self.draw(st.booleans()):
            held = {"s": random(c), "b": random(c, seed=1), "m": random(c, seed=2), "v": random(c, seed=3, low=0.5)}
            self.add("BatchNormalization", name, shape, held)
        else:
            self.add("InstanceNormalization", name, shape, {"s": random(c), "b": random(c, seed=1)}, epsilon=0.1)

    def pool(self, name: str, shape: tuple[int, ...]) -> None:
        self.add(self.pick("MaxPool", "AveragePool"), name, shape, kernel_shape=[3, 3], pads=[1, 1, 1, 1])

    def gate(self, name: str, shape: tuple[int, ...]) -> None:
        small = self.add("ReduceMean", name, (*shape[:2], 1, 1), axes=[2, 3])
        inner = self.add(self.pick("Sigmoid", "Relu"), small, (*shape[:2], 1, 1))
        product = self.add("Mul", f"{name} {inner}", shape)
        if self.draw(st.booleans()):
            self.add("Add", f"{product} {name}", shape)

    def concat(self, name: str, shape: tuple[int, ...]) -> None:
        axis = self.pick(1, 1, 2)
        fits = [(other, size) for other, size in self.tensors if len(size) == 4
                and all(size[index] == shape[index] for index in range(4) if index != axis)]  # fmt: skip
        other, size = self.draw(st.sampled_from(fits))
        total = list(shape)
        total[axis] += size[axis]
        if total[axis] <= 24:
            self.add("Concat", f"{name} {other}", tuple(total), axis=axis)

    def shuffle(self, name: str, shape: tuple[int, ...]) -> None:
        n, c, h, w = shape
        if c % 2 == 0:
            split = self.add("Reshape", name, (n, 2, c // 2, h, w), {"s": np.array([n, 2, c // 2, h, w])})
            turned = self.add("Transpose", split, (n, c // 2, 2, h, w), perm=[0, 2, 1, 3, 4])
            self.add("Reshape", turned, shape, {"s": np.array(shape)})

    def resize(self, name: str, shape: tuple[int, ...]) -> None:
        n, c, h, w = shape
        if h * w <= 64:
            held = {"r": np.zeros(0, np.float32), "s": np.array([1, 1, 2, 2], np.float32)}
            self.add("Resize", name, (n, c, 2 * h, 2 * w), held, mode=self.pick("nearest", "linear"))

    def slice(self, name: str, shape: tuple[int, ...]) -> None:
        axis = self.draw(st.integers(1, 3))
        if shape[axis] > 1:
            size = list(shape)
            size[axis] -= 1
            first = self.pick(0, 1)
            held = {"b": np.array([first]), "e": np.array([first + size[axis]]), "a": np.array([axis])}
            self.add("Slice", name, tuple(size), held)

    def product(self, name: str, shape: tuple[int, ...]) -> None:
        self.add("MatMul", name, (*shape[:-1], 5), {"w": random(shape[-1], 5, low=-0.5, high=0.5)})


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data(), st.integers(1, 14))
def test_networks(data: st.DataObject, length: int) -> None:
    network = Network(data.draw)
    for _ in range(length):
        network.grow()
    last = network.tensors[-1][0]
    if last == "x":
        return
    network.nodes.append(node("Identity", last, "y"))
    made = model(network.nodes, {"x": ("float32", (2, 8, "h", "w"))}, {"y": "float32"}, network.weights)
    check(made, {"x": random(2, 8, 6, 4)}, 2e-4)
