"""Element by element."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .chance import Arrays, Chance, Made


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
