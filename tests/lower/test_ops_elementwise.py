"""Functions of each element, comparisons, casts: against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.lower.graphs import check, ints, model, node, random, single

UNARY: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in (
        "Relu", "Sigmoid", "Tanh", "Neg", "Abs", "Sign", "Floor", "Ceil", "Round", "Reciprocal", "Exp", "Erf", "Sin", "Cos",
        "Tan", "Atan", "Sinh", "Cosh", "Asinh", "Softplus", "Softsign", "HardSwish", "Mish", "Identity",
    )),
    ("LeakyRelu", {}), ("LeakyRelu", {"alpha": 0.2}), ("Elu", {"alpha": 0.5}), ("Celu", {"alpha": 2.0}), ("Selu", {}),
    ("HardSigmoid", {"alpha": 0.3, "beta": 0.4}), ("ThresholdedRelu", {"alpha": 0.5}), ("Shrink", {"lambd": 0.7, "bias": 0.1}),
    ("Clip", {}),
]  # fmt: skip


@pytest.mark.parametrize(("op", "attributes"), UNARY)
def test_functions_of_one(op: str, attributes: dict[str, Any]) -> None:
    x = random(2, 3, 5)
    opset = 18 if op == "Mish" else 17
    check(single(op, {"x": x}, opset=opset, **attributes), {"x": x})
    check(single(op, {"x": x}, opset=opset, symbolic=True, **attributes), {"x": x})


@pytest.mark.parametrize("op", ["Sqrt", "Log", "Acosh"])
def test_functions_of_positive_numbers(op: str) -> None:
    x = random(2, 7, low=1.0, high=3.0)
    check(single(op, {"x": x}), {"x": x})


@pytest.mark.parametrize("op", ["Asin", "Acos", "Atanh"])
def test_functions_of_small_numbers(op: str) -> None:
    x = random(2, 7, low=-0.9, high=0.9)
    check(single(op, {"x": x}), {"x": x})


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu(approximate: str) -> None:
    x = random(3, 5)
    check(single("Gelu", {"x": x}, opset=20, approximate=approximate), {"x": x})


def test_not_numbers_and_infinities() -> None:
    x = np.array([[np.nan, np.inf, -np.inf, 0.0, -1.5]], np.float32)
    for op in ("IsNaN", "IsInf", "Relu", "Sigmoid", "Abs", "Neg", "Exp"):
        check(single(op, {"x": x}, outputs="y"), {"x": x})
    check(single("IsInf", {"x": x}, detect_positive=0), {"x": x})


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Min", "Max"])
@pytest.mark.parametrize(
    ("left", "right"), [((3, 5), (3, 5)), ((2, 3, 5), (5,)), ((3, 1), (1, 5)), ((), (4,)), ((2, 1, 4, 1), (3, 1, 7))]
)
def test_functions_of_two(op: str, left: tuple[int, ...], right: tuple[int, ...]) -> None:
    feeds = {"a": random(*left), "b": random(*right, seed=1, low=0.5)}
    check(single(op, feeds), feeds)


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Min", "Max", "Mod"])
def test_functions_of_two_integers(op: str) -> None:
    feeds = {"a": ints(3, 4), "b": ints(4, low=1)}
    check(single(op, feeds), feeds)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0, 3.0, -1.0])
def test_powers(exponent: float) -> None:
    feeds = {"x": random(3, 4, low=0.5)}
    check(single("Pow", feeds, {"e": np.array(exponent, np.float32)}), feeds)


@pytest.mark.parametrize("op", ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"])
@pytest.mark.parametrize("dtype", ["float32", "int64", "int32"])
def test_comparisons(op: str, dtype: str) -> None:
    feeds = {"a": ints(3, 4, dtype=dtype), "b": ints(4, dtype=dtype)}
    check(single(op, feeds), feeds)


@pytest.mark.parametrize("op", ["And", "Or", "Xor"])
def test_logic(op: str) -> None:
    feeds = {"a": ints(3, 4) > 0, "b": ints(4) > 0}
    check(single(op, feeds), feeds)
    check(single("Not", {"a": feeds["a"]}), {"a": feeds["a"]})


def test_where_and_prelu_and_means() -> None:
    feeds = {"c": ints(3, 1) > 0, "a": random(3, 4), "b": random(4)}
    check(model([node("Where", "c a b")], {"c": ("bool", (3, 1)), "a": ("float32", (3, 4)), "b": ("float32", (4,))},
                {"y": "float32"}), feeds)  # fmt: skip
    pair = {"a": random(2, 3, 4), "b": random(3, 1)}
    check(single("PRelu", pair), pair)
    many = {"a": random(3, 4), "b": random(4), "c": random(3, 1)}
    for op in ("Sum", "Mean", "Max"):
        check(single(op, many), many)


def test_clip_with_bounds() -> None:
    feeds = {"x": random(3, 5)}
    check(single("Clip", feeds, {"low": np.float32(-0.5), "high": np.float32(0.7)}), feeds)
    check(single("Clip", {"x": ints(7)}, {"low": np.int64(-1), "high": np.int64(2)}), {"x": ints(7)})


@pytest.mark.parametrize("to", ["float32", "int64", "int32", "bool", "uint8"])
@pytest.mark.parametrize("dtype", ["float32", "int64", "int32", "bool"])
def test_casts(dtype: str, to: str) -> None:
    from tests.lower.graphs import TYPES

    x = np.abs(ints(9)).astype(dtype) if dtype != "float32" else np.abs(random(9)) * 20
    check(single("Cast", {"x": x}, to=TYPES[to]), {"x": x})
