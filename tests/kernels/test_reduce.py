"""Reductions, places of the largest, running sums and the k largest, against NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from packager.lower._kernels import OPERATIONS
from tests.kernels.harness import run, run_everywhere

if TYPE_CHECKING:
    from collections.abc import Callable

_RNG = np.random.default_rng(13)
_SHAPES = [
    (1, 1, 1),
    (3, 7, 1),
    (2, 384, 1),
    (5, 1001, 1),
    (2, 5, 3),
    (3, 9, 16),
    (2, 17, 37),
    (1, 300, 21),
    (4, 1, 6),
    (0, 5, 2),
    (2, 5, 0),
]
_FLOATS: dict[str, Callable[..., Any]] = {
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "min": np.min,
    "prod": np.prod,
    "l1": lambda x, axis: np.abs(x).sum(axis),
    "l2": lambda x, axis: np.sqrt(np.square(x).sum(axis)),
    "sum_square": lambda x, axis: np.square(x).sum(axis),
    "log_sum": lambda x, axis: np.log(np.sum(x, axis)),
    "log_sum_exp": lambda x, axis: np.log(np.sum(np.exp(x), axis)),
}


def _sizes(x: np.ndarray) -> dict[str, int]:
    return dict(zip(("outer", "size", "inner"), x.shape, strict=True))


def _random(shape: tuple[int, ...]) -> np.ndarray:
    return _RNG.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("shape", _SHAPES, ids=str)
@pytest.mark.parametrize("name", _FLOATS)
def test_floats(name: str, shape: tuple[int, int, int]) -> None:
    x = np.abs(_random(shape)) if name == "log_sum" else _random(shape)
    (y,) = run_everywhere("reduce_f32", x=x, **_sizes(x), operation=OPERATIONS["reduction"].index(name))
    expected = _FLOATS[name](x.astype(np.float64), axis=1).reshape(-1)
    np.testing.assert_allclose(y, expected, rtol=3e-6, atol=3e-6)


@pytest.mark.parametrize("inner", [1, 3])
def test_nothing_and_what_is_not_finite(inner: int) -> None:
    empty = {"sum": 0, "mean": np.nan, "max": -np.inf, "min": np.inf, "prod": 1, "l1": 0, "l2": 0, "log_sum_exp": -np.inf}
    for name, value in empty.items():
        operation = OPERATIONS["reduction"].index(name)
        (y,) = run("reduce_f32", x=np.zeros(0, np.float32), outer=2, size=0, inner=inner, operation=operation)
        np.testing.assert_array_equal(y, np.full(2 * inner, value, np.float32))
    for value in (np.nan, np.inf, -np.inf):
        x = _random((2, 21, inner))
        x[1, 20] = value
        for name in ("sum", "max", "min", "log_sum_exp"):
            (y,) = run("reduce_f32", x=x, **_sizes(x), operation=OPERATIONS["reduction"].index(name))
            with np.errstate(all="ignore"):
                expected = _FLOATS[name](x.astype(np.float64), axis=1).reshape(-1)
            np.testing.assert_allclose(y, expected, rtol=1e-5)


@pytest.mark.parametrize("shape", [(1, 100_000, 1), (1, 20_000, 16), (2, 9_600, 5)], ids=str)
def test_long_means_keep_their_digits(shape: tuple[int, int, int]) -> None:
    x = _random(shape) * 0.1 + 3
    (y,) = run("reduce_f32", x=x, **_sizes(x), operation=OPERATIONS["reduction"].index("mean"))
    np.testing.assert_allclose(y, x.astype(np.float64).mean(axis=1).reshape(-1), rtol=1e-6)


@pytest.mark.parametrize(("kernel", "dtype"), [("reduce_i32", np.int32), ("reduce_i64", np.int64)])
@pytest.mark.parametrize("shape", [(3, 7, 1), (2, 5, 3), (0, 5, 2)], ids=str)
def test_integers(shape: tuple[int, int, int], kernel: str, dtype: type[np.signedinteger]) -> None:
    x = _RNG.integers(-9, 9, shape).astype(dtype)
    for operation, name in enumerate(OPERATIONS["reduction_int"]):
        (y,) = run_everywhere(kernel, x=x, **_sizes(x), operation=operation)
        expected = np.trunc(_FLOATS[name](x.astype(np.float64), axis=1)).astype(dtype).reshape(-1)
        np.testing.assert_array_equal(y, expected, err_msg=name)


@pytest.mark.parametrize(("kernel", "dtype"), [("arg_f32", np.float32), ("arg_i32", np.int32), ("arg_i64", np.int64)])
@pytest.mark.parametrize("shape", [(3, 7, 1), (2, 21, 37), (1, 1, 5), (4, 1000, 1)], ids=str)
def test_places(shape: tuple[int, int, int], kernel: str, dtype: type[np.generic]) -> None:
    x = _RNG.integers(-5, 5, shape).astype(dtype)
    backwards = x[:, ::-1]
    for smallest, function in ((0, np.argmax), (1, np.argmin)):
        (y,) = run_everywhere(kernel, x=x, **_sizes(x), smallest=smallest)
        np.testing.assert_array_equal(y, function(x, axis=1).reshape(-1))
        (y,) = run(kernel, x=x, **_sizes(x), smallest=smallest, from_end=1)
        np.testing.assert_array_equal(y, shape[1] - 1 - function(backwards, axis=1).reshape(-1))


@pytest.mark.parametrize(("kernel", "dtype"), [("cumsum_f32", np.float32), ("cumsum_i32", np.int32), ("cumsum_i64", np.int64)])
@pytest.mark.parametrize("shape", [(3, 7, 1), (2, 5, 3), (1, 0, 4)], ids=str)
def test_running_sums(shape: tuple[int, int, int], kernel: str, dtype: type[np.generic]) -> None:
    x = _RNG.integers(-9, 9, shape).astype(dtype)
    for exclusive in (0, 1):
        for reverse in (0, 1):
            (y,) = run_everywhere(kernel, x=x, **_sizes(x), exclusive=exclusive, reverse=reverse)
            way = x[:, ::-1] if reverse else x
            expected = np.cumsum(way, axis=1) - (way if exclusive else 0)
            np.testing.assert_array_equal(y.reshape(shape), expected[:, ::-1] if reverse else expected)


@pytest.mark.parametrize("shape", [(3, 7, 1), (2, 50, 3), (1, 1000, 1)], ids=str)
@pytest.mark.parametrize("k", [0, 1, 5, 7])
def test_the_k_largest(shape: tuple[int, int, int], k: int) -> None:
    x = _RNG.integers(-20, 20, shape).astype(np.float32)
    for smallest, sign in ((0, -1), (1, 1)):
        values, places = run_everywhere("top_k", x=x, **_sizes(x), k=k, smallest=smallest)
        order = np.argsort(sign * x, axis=1, kind="stable")[:, :k]
        np.testing.assert_array_equal(places.reshape(order.shape), order)
        np.testing.assert_array_equal(values.reshape(order.shape), np.take_along_axis(x, order, axis=1))
