"""Operations on two boxes, comparisons, logic and the choice, with every way to broadcast, against NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from packager.lower._kernels import OPERATIONS
from tests.kernels.harness import run, run_everywhere

if TYPE_CHECKING:
    from collections.abc import Callable

_RNG = np.random.default_rng(11)
_SHAPES = [
    ((7,), (7,)),
    ((5, 9), (9,)),
    ((5, 9), (5, 1)),
    ((5, 9), (1,)),
    ((1,), (4, 3)),
    ((3, 1, 5), (2, 1)),
    ((2, 3, 4, 5, 6), (3, 1, 5, 1)),
    ((2, 1, 4, 1, 6), (1, 3, 1, 5, 1)),
    ((3, 9001), (3, 1)),
    ((20000,), (1,)),
    ((0, 4), (1, 4)),
    ((4, 0), (1,)),
]


def _box(shape: tuple[int, ...], **operands: np.ndarray) -> dict[str, Any]:
    """Counts of the broadcast shape and strides of the operands, in 5 dims."""
    counts = (1,) * (5 - len(shape)) + shape
    values: dict[str, Any] = {f"count{i}": n for i, n in enumerate(counts)}
    for name, array in operands.items():
        sizes = (1,) * (5 - array.ndim) + array.shape
        for i in range(5):
            values[f"{name}_stride{i}"] = 0 if sizes[i] == 1 else int(np.prod(sizes[i + 1 :]))
        values[name] = array
    return values


def _binary(kernel: str, group: str, name: str, a: np.ndarray, b: np.ndarray, everywhere: bool = False) -> np.ndarray:
    shape = np.broadcast_shapes(a.shape, b.shape)
    call = run_everywhere if everywhere else run
    return call(kernel, **_box(shape, a=a, b=b), operation=OPERATIONS[group].index(name))[0].reshape(shape)


_FLOATS: dict[str, Callable[[Any, Any], Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "min": np.minimum,
    "max": np.maximum,
    "pow": lambda a, b: np.power(a.astype(np.float64), b),
    "mod": np.mod,
    "fmod": np.fmod,
    "prelu": lambda a, b: np.where(a < 0, a * b, a),
}


@pytest.mark.parametrize("shapes", _SHAPES, ids=str)
@pytest.mark.parametrize("name", _FLOATS)
def test_floats(name: str, shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    a, b = (_RNG.standard_normal(shape).astype(np.float32) for shape in shapes)
    if name == "pow":
        a = np.abs(a)
    np.testing.assert_allclose(_binary("binary_f32", "binary", name, a, b, True), _FLOATS[name](a, b), rtol=3e-7)
    np.testing.assert_allclose(_binary("binary_f32", "binary", name, np.abs(b), a), _FLOATS[name](np.abs(b), a), rtol=3e-7)


_ODD = np.array([0, -0.0, 1, -1, 2, 3, -3, 0.5, -0.5, 2.5, -7.25, 1e-40, 1e30, -1e30, np.inf, -np.inf, np.nan], np.float32)


@pytest.mark.parametrize("name", _FLOATS)
def test_special_floats(name: str) -> None:
    a, b = _ODD[:, None], _ODD[None, :]
    with np.errstate(all="ignore"):
        expected = _FLOATS[name](a, b).astype(np.float32)
    actual = _binary("binary_f32", "binary", name, a, b)
    np.testing.assert_allclose(actual, expected, rtol=2e-7, atol=1e-45)
    for exponent in (*_ODD, 0.75):  # one exponent for a row takes other ways
        one = _binary("binary_f32", "binary", name, _ODD, np.array([exponent], np.float32))
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(
                one, _FLOATS[name](_ODD, np.full_like(_ODD, exponent)).astype(np.float32), rtol=2e-7, atol=1e-45
            )


def test_strides_of_a_transpose() -> None:
    a, b = _RNG.standard_normal((6, 11)).astype(np.float32), _RNG.standard_normal((11, 6)).astype(np.float32)
    (y,) = run(
        "binary_f32", a=a, b=b, count0=1, count1=1, count2=1, count3=11, count4=6,
        a_stride3=1, a_stride4=11, b_stride3=6, b_stride4=1, operation=0,
    )  # fmt: skip
    np.testing.assert_array_equal(y.reshape(11, 6), a.T + b)


def _int_pow(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.power(a, np.maximum(b, 0))


_INTEGERS: dict[str, Callable[[Any, Any], Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": lambda a, b: np.where(b == 0, 0, np.trunc(a / np.where(b == 0, 1, b))).astype(a.dtype),
    "min": np.minimum,
    "max": np.maximum,
    "mod": lambda a, b: np.where(b == 0, 0, np.mod(a, np.where(b == 0, 1, b))),
    "fmod": lambda a, b: np.where(b == 0, 0, np.fmod(a, np.where(b == 0, 1, b))),
    "prelu": lambda a, b: np.where(a < 0, a * b, a),
    "bit_and": np.bitwise_and,
    "bit_or": np.bitwise_or,
    "bit_xor": np.bitwise_xor,
}


@pytest.mark.parametrize(("kernel", "dtype"), [("binary_i32", np.int32), ("binary_i64", np.int64)])
@pytest.mark.parametrize("shapes", _SHAPES[:8], ids=str)
def test_integers(shapes: tuple[tuple[int, ...], tuple[int, ...]], kernel: str, dtype: type[np.signedinteger]) -> None:
    a, b = (_RNG.integers(-9, 9, shape).astype(dtype) for shape in shapes)
    for name, function in _INTEGERS.items():
        np.testing.assert_array_equal(_binary(kernel, "binary", name, a, b), function(a, b), err_msg=name)
    exponents = np.abs(b)
    np.testing.assert_array_equal(_binary(kernel, "binary", "pow", a, exponents), _int_pow(a, exponents))
    np.testing.assert_array_equal(_binary(kernel, "binary", "shift_left", a, exponents), np.left_shift(a, exponents))
    np.testing.assert_array_equal(_binary(kernel, "binary", "shift_right", a, exponents), np.right_shift(a, exponents))


@pytest.mark.parametrize(("kernel", "dtype"), [("binary_i32", np.int32), ("binary_i64", np.int64)])
def test_integers_never_trap(kernel: str, dtype: type[np.signedinteger]) -> None:
    low = np.iinfo(dtype).min
    a, b = np.array([low, low, 5, -5, low], dtype), np.array([-1, 0, 0, -1, low], dtype)
    for name in OPERATIONS["binary"]:
        _binary(kernel, "binary", name, a, b)
    np.testing.assert_array_equal(_binary(kernel, "binary", "div", a, b), [low, 0, 0, 5, 1])


_COMPARISONS = {
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
}


@pytest.mark.parametrize(
    ("kernel", "dtype"), [("compare_f32", np.float32), ("compare_i32", np.int32), ("compare_i64", np.int64)]
)
@pytest.mark.parametrize("shapes", _SHAPES, ids=str)
def test_comparisons(shapes: tuple[tuple[int, ...], tuple[int, ...]], kernel: str, dtype: type[np.generic]) -> None:
    a, b = (_RNG.integers(-2, 3, shape).astype(dtype) for shape in shapes)
    if dtype is np.float32 and a.size:
        a.reshape(-1)[0] = np.nan
    for name, function in _COMPARISONS.items():
        np.testing.assert_array_equal(_binary(kernel, "comparison", name, a, b), function(a, b))


@pytest.mark.parametrize("shapes", _SHAPES[:8], ids=str)
def test_logic(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    a, b = (_RNG.integers(0, 2, shape).astype(np.uint8) for shape in shapes)
    functions = {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor, "equal": np.equal}
    for name, function in functions.items():
        np.testing.assert_array_equal(_binary("logic_bool", "logic", name, a, b, True), function(a, b))


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.int64])
@pytest.mark.parametrize(
    "shapes",
    [((4, 5), (4, 5), (4, 5)), ((4, 1), (5,), (1,)), ((1,), (3, 2), (3, 1)), ((2, 3, 1), (1, 3, 4), (2, 1, 1))],
    ids=str,
)
def test_where(shapes: tuple[tuple[int, ...], ...], dtype: type[np.generic]) -> None:
    condition = _RNG.integers(0, 2, shapes[0]).astype(np.uint8)
    a, b = (_RNG.integers(0, 100, shape).astype(dtype) for shape in shapes[1:])
    shape = np.broadcast_shapes(*shapes)
    values = _box(shape, condition=condition, a=a, b=b)
    (y,) = run_everywhere("where", **values, item=np.dtype(dtype).itemsize)
    np.testing.assert_array_equal(y.view(dtype).reshape(shape), np.where(condition, a, b))
