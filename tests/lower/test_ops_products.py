"""Convolutions, pools and products: against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.lower.graphs import check, ops_of, random, single

INT64 = np.int64


CONVS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((1, 3, 9, 7), (8, 3, 3, 3), {}),
    ((2, 3, 9, 7), (5, 3, 3, 3), {"pads": [1, 1, 1, 1]}),
    ((1, 4, 9, 8), (6, 4, 3, 3), {"strides": [2, 2], "pads": [0, 1, 1, 0]}),
    ((1, 4, 9, 8), (6, 2, 3, 3), {"group": 2, "dilations": [2, 1]}),
    ((1, 6, 9, 8), (6, 1, 3, 3), {"group": 6, "pads": [1, 1, 1, 1]}),
    ((1, 6, 9, 8), (12, 1, 5, 3), {"group": 6, "strides": [2, 1]}),
    ((2, 6, 5, 4), (9, 6, 1, 1), {}),
    ((1, 6, 5, 4), (9, 6, 1, 1), {"strides": [2, 2]}),
    ((1, 3, 9, 8), (4, 3, 2, 2), {"auto_pad": "SAME_UPPER"}),
    ((1, 3, 9, 8), (4, 3, 4, 3), {"auto_pad": "SAME_LOWER", "strides": [2, 3]}),
    ((1, 3, 9, 8), (4, 3, 2, 2), {"auto_pad": "VALID"}),
    ((2, 3, 11), (4, 3, 3), {"pads": [1, 2], "strides": [2]}),
]


@pytest.mark.parametrize(("shape", "weights", "attributes"), CONVS)
@pytest.mark.parametrize("bias", [False, True])
def test_convolutions(shape: tuple[int, ...], weights: tuple[int, ...], attributes: dict[str, Any], bias: bool) -> None:
    feeds = {"x": random(*shape)}
    extra = {"b": random(weights[0])} if bias else {}
    graph = check(single("Conv", feeds, {"w": random(*weights), **extra}, **attributes), feeds)
    assert ops_of(graph).count("conv") == 1
    check(single("Conv", feeds, {"w": random(*weights), **extra}, symbolic=True, **attributes), feeds)


def test_convolution_with_computed_weights() -> None:
    feeds = {"x": random(1, 3, 6, 5), "w": random(4, 3, 3, 3)}
    check(single("Conv", feeds), feeds)


@pytest.mark.parametrize(
    ("shape", "weights", "attributes"),
    [
        ((1, 3, 4, 5), (3, 6, 2, 2), {"strides": [2, 2]}),
        ((1, 4, 5, 4), (4, 3, 3, 3), {"strides": [2, 1], "pads": [1, 0, 1, 1], "output_padding": [1, 0]}),
        ((1, 4, 5, 4), (4, 3, 3, 3), {"group": 2, "dilations": [2, 1]}),
        ((1, 4, 5, 4), (4, 3, 3, 3), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
        ((1, 4, 5, 4), (4, 3, 3, 3), {"output_shape": [9, 8], "strides": [2, 2]}),
        ((2, 4, 7), (4, 3, 3), {"strides": [2]}),
    ],
)
def test_transposed_convolutions(shape: tuple[int, ...], weights: tuple[int, ...], attributes: dict[str, Any]) -> None:
    feeds = {"x": random(*shape)}
    channels = weights[1] * attributes.get("group", 1)
    check(single("ConvTranspose", feeds, {"w": random(*weights), "b": random(channels)}, **attributes), feeds)


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_shape": [3, 2]},
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
        {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"},
        {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1], "ceil_mode": 1},
    ],
)
def test_pools(op: str, attributes: dict[str, Any]) -> None:
    feeds = {"x": random(1, 3, 9, 8)}
    check(single(op, feeds, **attributes), feeds)
    check(single(op, feeds, symbolic=True, **attributes), feeds)


def test_other_pools() -> None:
    feeds = {"x": random(2, 3, 9, 8)}
    check(single("AveragePool", feeds, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1), feeds)
    check(single("GlobalAveragePool", feeds), feeds)
    check(single("GlobalMaxPool", feeds, symbolic=True), feeds)
    check(single("MaxPool", {"x": random(2, 3, 9)}, kernel_shape=[3]), {"x": random(2, 3, 9)})
    check(single("LRN", feeds, size=5, alpha=0.01, beta=0.6, bias=1.5), feeds)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((3, 5), (5, 4)),
        ((2, 3, 5), (5, 4)),
        ((2, 3, 5), (2, 5, 4)),
        ((2, 1, 3, 5), (3, 5, 4)),
        ((5,), (5, 4)),
        ((3, 5), (5,)),
        ((5,), (5,)),
    ],
)
def test_products(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    feeds = {"a": random(*left), "b": random(*right)}
    check(single("MatMul", feeds), feeds)
    check(single("MatMul", {"a": feeds["a"]}, {"b": feeds["b"]}), {"a": feeds["a"]})


@pytest.mark.parametrize("attributes", [{}, {"transB": 1}, {"transA": 1}, {"alpha": 0.5, "beta": 2.0}])
@pytest.mark.parametrize("bias", [(), (4,), (1, 4), (3, 1), (3, 4)])
def test_gemm(attributes: dict[str, Any], bias: tuple[int, ...]) -> None:
    a = random(5, 3) if attributes.get("transA") else random(3, 5)
    b = random(4, 5) if attributes.get("transB") else random(5, 4)
    check(single("Gemm", {"a": a}, {"b": b, "c": random(*bias)}, **attributes), {"a": a})
