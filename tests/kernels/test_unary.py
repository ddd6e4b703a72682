"""Elementwise functions against NumPy in double precision: errors in units in the last place, and special values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from packager.lower._kernels import OPERATIONS
from tests.kernels.harness import run, run_everywhere

if TYPE_CHECKING:
    from collections.abc import Callable

_RNG = np.random.default_rng(7)
_SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1e-45,
    -1e-45,
    1e-38,
    -1e-38,
    3e38,
    -3e38,
    np.inf,
    -np.inf,
    np.nan,
    88.7,
    -87.5,
    -103.9,
    0.3466,
]
_erf = np.vectorize(math.erf, otypes=[float])


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, x)


def _elu(x: np.ndarray, alpha: float) -> np.ndarray:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


# name: (function, p0, p1, units in the last place)
_FUNCTIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float, float, float]] = {
    "none": (lambda x: x, 0, 0, 0),
    "relu": (lambda x: np.maximum(x, 0), 0, 0, 0),
    "clip": (lambda x: np.clip(x, -0.5, 6), -0.5, 6, 0),
    "leaky_relu": (lambda x: np.where(x < 0, np.float32(0.1) * x, x), 0.1, 0, 1),
    "sigmoid": (_sigmoid, 0, 0, 2),
    "tanh": (np.tanh, 0, 0, 1),
    "elu": (lambda x: _elu(x, 0.5), 0.5, 0, 4),
    "softplus": (_softplus, 0, 0, 2),
    "selu": (lambda x: 1.25 * np.where(x > 0, x, 1.5 * np.expm1(np.minimum(x, 0))), 1.5, 1.25, 4),
    "celu": (lambda x: np.where(x > 0, x, 2 * np.expm1(np.minimum(x, 0) / 2)), 2, 0, 4),
    "softsign": (lambda x: x / (1 + np.abs(x)), 0, 0, 2),
    "thresholded_relu": (lambda x: np.where(x > 0.5, x, np.where(np.isnan(x), x, 0)), 0.5, 0, 0),
    "shrink": (lambda x: np.where(x < -1.5, x + 0.25, np.where(x > 1.5, x - 0.25, 0)), 1.5, 0.25, 1),
    "affine": (lambda x: 0.75 * x, 0.75, 0, 1),
    "neg": (np.negative, 0, 0, 0),
    "abs": (np.abs, 0, 0, 0),
    "sign": (np.sign, 0, 0, 0),
    "floor": (np.floor, 0, 0, 0),
    "ceil": (np.ceil, 0, 0, 0),
    "round": (np.rint, 0, 0, 0),
    "sqrt": (np.sqrt, 0, 0, 1),
    "rsqrt": (lambda x: 1 / np.sqrt(x), 0, 0, 2),
    "reciprocal": (lambda x: 1 / x, 0, 0, 1),
    "square": (np.square, 0, 0, 1),
    "exp": (np.exp, 0, 0, 1),
    "log": (np.log, 0, 0, 1),
    "erf": (_erf, 0, 0, 1),
    "sin": (np.sin, 0, 0, 0.01),
    "cos": (np.cos, 0, 0, 0.01),
    "tan": (np.tan, 0, 0, 0.01),
    "asin": (np.arcsin, 0, 0, 0.01),
    "acos": (np.arccos, 0, 0, 0.01),
    "atan": (np.arctan, 0, 0, 0.01),
    "sinh": (np.sinh, 0, 0, 0.01),
    "cosh": (np.cosh, 0, 0, 0.01),
    "asinh": (np.arcsinh, 0, 0, 0.01),
    "acosh": (np.arccosh, 0, 0, 0.01),
    "atanh": (np.arctanh, 0, 0, 0.01),
}
# Products of x with what is rounded: right to parts of a million of x, and NaN of infinities where mathematics says so.
_BY_SIZE: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float, float]] = {
    "hard_sigmoid": (lambda x: np.clip(0.2 * x + 0.5, 0, 1), 0.2, 0.5),
    "hard_swish": (lambda x: x * np.clip(x / 6 + 0.5, 0, 1), 0, 0),
    "silu": (lambda x: x * _sigmoid(x), 0, 0),
    "swish": (lambda x: x * _sigmoid(1.702 * x), 1.702, 0),
    "gelu": (lambda x: x / 2 * (1 + _erf(x / math.sqrt(2))), 0, 0),
    "gelu_tanh": (lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))), 0, 0),
    "mish": (lambda x: x * np.tanh(_softplus(x)), 0, 0),
}


def _samples() -> np.ndarray:
    wide = np.exp(_RNG.uniform(-100, 88, 3000)) * _RNG.choice([-1, 1], 3000)
    near = np.concatenate([_RNG.uniform(-1, 1, 3000), _RNG.uniform(-12, 12, 3000), _RNG.uniform(-105, 105, 2000)])
    return np.concatenate([_SPECIAL, wide, near]).astype(np.float32)


def _unary(name: str, x: np.ndarray, p0: float = 0, p1: float = 0, build: str = "relaxed") -> np.ndarray:
    operation = OPERATIONS["unary_f32"].index(name)
    return run("unary_f32", build=build, x=x, count=x.size, operation=operation, p0=p0, p1=p1)[0]


@pytest.mark.parametrize("build", ["simd128", "relaxed"])
@pytest.mark.parametrize("name", _FUNCTIONS)
def test_within_units_in_the_last_place(name: str, build: str) -> None:
    function, p0, p1, units = _FUNCTIONS[name]
    x = _samples()
    with np.errstate(all="ignore"):
        expected = function(x.astype(np.float64))
        rounded = expected.astype(np.float32)
    actual = _unary(name, x, p0, p1, build)
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(rounded))
    with np.errstate(all="ignore"):
        unit = np.spacing(np.abs(rounded)).astype(np.float64)
        error = np.abs(actual.astype(np.float64) - expected) / unit
        # Below the smallest normal number a result may be 0.
        error[(actual == rounded) | np.isnan(rounded) | (np.abs(actual - expected) < 2e-38)] = 0
    worst = int(np.argmax(error))
    assert error[worst] <= max(units, 0) + 0.5, (
        f"{name}({x[worst]!r}) = {actual[worst]!r}, not {expected[worst]!r}: {error[worst]:.2f}"
    )


@pytest.mark.parametrize("name", _BY_SIZE)
def test_products_with_x(name: str) -> None:
    function, p0, p1 = _BY_SIZE[name]
    x = _samples()
    x = x[np.abs(x) < 1e12]
    with np.errstate(all="ignore"):
        expected = function(x.astype(np.float64))
    actual = _unary(name, x, p0, p1)
    np.testing.assert_array_less(np.abs(actual - expected), 4e-7 * np.maximum(np.abs(x), 1) + 1e-12)
    assert np.isnan(_unary(name, np.full(5, np.nan, np.float32), p0, p1)).all()


def test_every_operation_has_a_test() -> None:
    assert set(OPERATIONS["unary_f32"]) == {*_FUNCTIONS, *_BY_SIZE}


@pytest.mark.parametrize("x", [1e6, 123456789.0, 3.4e38, 2.0**60, 5e15])
def test_angles_far_out(x: float) -> None:
    values = np.array([x, -x], np.float32)
    for name, function in (("sin", np.sin), ("cos", np.cos)):
        np.testing.assert_allclose(_unary(name, values), function(values.astype(np.float64)), rtol=1e-6)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8191, 8193, 20001])
def test_any_count_in_every_build(count: int) -> None:
    x = _RNG.standard_normal(count).astype(np.float32)
    for name, function in (("neg", np.negative), ("relu", lambda v: np.maximum(v, 0)), ("exp", np.exp)):
        operation = OPERATIONS["unary_f32"].index(name)
        (y,) = run_everywhere("unary_f32", x=x, count=count, operation=operation)
        np.testing.assert_allclose(y, function(x), rtol=1e-6)


@pytest.mark.parametrize(("kernel", "dtype"), [("unary_i32", np.int32), ("unary_i64", np.int64)])
def test_integers(kernel: str, dtype: type[np.signedinteger]) -> None:
    x = np.array([0, 1, -1, 77, -1234567, np.iinfo(dtype).min, np.iinfo(dtype).max], dtype)
    functions = {"neg": np.negative, "abs": np.abs, "sign": np.sign, "bit_not": np.invert}
    for operation, name in enumerate(OPERATIONS["unary_int"]):
        np.testing.assert_array_equal(run_everywhere(kernel, x=x, count=x.size, operation=operation)[0], functions[name](x))


def test_truth_values() -> None:
    x = np.array([0, 1, 1, 0, 2, 255, 0], np.uint8)
    np.testing.assert_array_equal(run_everywhere("not_bool", x=x, count=7)[0], x == 0)


def test_tests() -> None:
    x = np.array([0, np.nan, np.inf, -np.inf, 1, -1, 1e-45], np.float32)
    functions: dict[str, Any] = {
        "is_nan": np.isnan,
        "is_inf": np.isinf,
        "is_positive_inf": np.isposinf,
        "is_negative_inf": np.isneginf,
    }
    for operation, name in enumerate(OPERATIONS["test_f32"]):
        np.testing.assert_array_equal(run_everywhere("test_f32", x=x, count=7, operation=operation)[0], functions[name](x))
