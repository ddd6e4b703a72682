"""Copies between strides, padding, filling, casts: against NumPy, for every size of element."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from packager.lower._kernels import KERNELS, OPERATIONS
from tests.kernels.harness import run, run_everywhere

_RNG = np.random.default_rng(19)
_ITEMS = [np.uint8, np.float16, np.float32, np.int64]


def _random(shape: tuple[int, ...], dtype: Any = np.float32) -> np.ndarray:
    return _RNG.integers(0, 120, shape).astype(dtype)


def _copy(x: np.ndarray, view: np.ndarray, everywhere: bool = True) -> np.ndarray:
    """Copy what `view` sees of x (by its strides; negative ones are read backwards) into a new array."""
    item, lead = x.itemsize, 6 - view.ndim
    values: dict[str, Any] = {"x": x, "item": item, "reversed": 0}
    sizes = (1,) * lead + view.shape
    for i, (count, stride) in enumerate(zip(sizes, (0,) * lead + view.strides, strict=True)):
        values[f"count{i}"] = count
        values[f"x_stride{i}"] = abs(stride) // item
        values["reversed"] |= (stride < 0) << i
        values[f"y_stride{i}"] = int(np.prod(sizes[i + 1 :]))
    return (run_everywhere if everywhere else run)("copy", **values)[0].view(x.dtype)


@pytest.mark.parametrize("dtype", _ITEMS)
@pytest.mark.parametrize(
    "shape", [(7,), (5, 9), (3, 4, 5), (2, 3, 4, 5), (2, 17, 33), (2, 20, 130), (1, 3, 1), (3, 0, 2)], ids=str
)
def test_transposes(shape: tuple[int, ...], dtype: Any) -> None:
    x = _random(shape, dtype)
    for order in itertools.permutations(range(len(shape))):
        view = x.transpose(order)
        np.testing.assert_array_equal(_copy(x, view, everywhere=len(shape) < 4), view.reshape(-1))


@pytest.mark.parametrize("dtype", _ITEMS)
def test_slices_and_repeats(dtype: Any) -> None:
    x = _random((4, 6, 10), dtype)
    # Views that begin where x does, once dims read backwards are taken from their other end.
    views = [x[:, ::2], x[::3, :4, ::3], x[::-1], x[:, ::-1, ::-1], x[:2, ::-1][:, :, :7], x.transpose(2, 0, 1)[:, ::-1]]
    for view in views:
        np.testing.assert_array_equal(_copy(x, view), view.reshape(-1))
    column = x[:, :1, :1].copy()
    view = np.broadcast_to(column, (3, 4, 5, 6))
    np.testing.assert_array_equal(_copy(column, view), view.reshape(-1))


def test_six_dims() -> None:
    x = _random((2, 3, 4, 2, 3, 5))
    for order in ((0, 3, 1, 4, 2, 5), (5, 4, 3, 2, 1, 0), (0, 5, 1, 3, 2, 4), (1, 0, 3, 2, 5, 4)):
        np.testing.assert_array_equal(_copy(x, x.transpose(order)), x.transpose(order).reshape(-1))


def test_into_a_wider_tensor() -> None:
    x = _random((5, 3))
    # y's footprint has rows 7 apart; what lies between them is not written.
    (y,) = run_everywhere("copy", x=x, item=4, count0=1, count1=1, count2=1, count3=1, count4=5, count5=3, x_stride4=3,
                          x_stride5=1, y_stride4=7, y_stride5=1)  # fmt: skip
    words = np.concatenate([y, np.full(16, 255, np.uint8)]).view(np.float32).reshape(5, 7)
    np.testing.assert_array_equal(words[:, :3], x)
    assert np.isnan(words[:, 3:]).all()


@pytest.mark.parametrize("dtype", _ITEMS)
@pytest.mark.parametrize("count", [0, 1, 3, 17, 9000])
def test_fill(count: int, dtype: Any) -> None:
    value = np.array([77], dtype)
    low, high = np.concatenate([value.view(np.uint8), np.zeros(8 - value.itemsize, np.uint8)]).view(np.int32)
    (y,) = run_everywhere("fill", item=value.itemsize, count=count, low=low, high=high)
    np.testing.assert_array_equal(y.view(dtype), np.full(count, 77, dtype))


def test_ranges() -> None:
    np.testing.assert_array_equal(
        run_everywhere("range_f32", count=9, start=1.5, step=-0.25)[0], 1.5 - 0.25 * np.arange(9, dtype=np.float32)
    )
    for kernel, dtype in (("range_i32", np.int32), ("range_i64", np.int64)):
        np.testing.assert_array_equal(
            run_everywhere(kernel, count=9001, start=-3, step=7)[0], -3 + 7 * np.arange(9001, dtype=dtype)
        )


_PADS = [
    ((3, 4), ((0, 0), (2, 1))),
    ((3, 4), ((2, 3), (0, 0))),
    ((2, 3, 4), ((1, 1), (2, 2), (3, 3))),
    ((2, 3, 4, 5), ((0, 1), (2, 0), (1, 2), (3, 1))),
    ((1, 30, 30, 7), ((0, 0), (1, 1), (1, 1), (0, 0))),
    ((2, 0, 3), ((0, 0), (1, 1), (0, 0))),
]


@pytest.mark.parametrize("dtype", _ITEMS)
@pytest.mark.parametrize("mode", OPERATIONS["pad"])
@pytest.mark.parametrize(("shape", "pads"), _PADS, ids=str)
def test_pad(shape: tuple[int, ...], pads: tuple[tuple[int, int], ...], mode: str, dtype: Any) -> None:
    x = _random(shape, dtype)
    value = np.concatenate([np.array([5], dtype).view(np.uint8), np.zeros(8 - x.itemsize, np.uint8)]).view(np.int32)
    lead = 4 - len(shape)
    values: dict[str, Any] = {
        "x": x,
        "item": x.itemsize,
        "mode": OPERATIONS["pad"].index(mode),
        "low": value[0],
        "high": value[1],
    }
    for i, (count, (before, after)) in enumerate(zip((1,) * lead + shape, ((0, 0),) * lead + pads, strict=True)):
        values |= {f"count{i}": count, f"before{i}": before, f"after{i}": after}
    (y,) = run_everywhere("pad", **values)
    more = {"constant_values": 5} if mode == "constant" or x.size == 0 else {}
    expected = np.pad(x, pads, mode="constant" if x.size == 0 else mode, **more)
    np.testing.assert_array_equal(y.view(dtype), expected.reshape(-1))


@pytest.mark.parametrize("dtype", _ITEMS)
@pytest.mark.parametrize("diagonal", [-9, -2, -1, 0, 1, 3, 9])
@pytest.mark.parametrize("upper", [0, 1])
def test_triangle(upper: int, diagonal: int, dtype: Any) -> None:
    x = 1 + _random((3, 4, 6), dtype)
    (y,) = run_everywhere("triangle", x=x, item=x.itemsize, batch=3, rows=4, columns=6, diagonal=diagonal, upper=upper)
    np.testing.assert_array_equal(y.view(dtype), (np.triu if upper else np.tril)(x, diagonal).reshape(-1))


_NUMPY = {
    "f32": np.float32,
    "f16": np.float16,
    "i64": np.int64,
    "i32": np.int32,
    "i8": np.int8,
    "u8": np.uint8,
    "bool": np.bool_,
}


@pytest.mark.parametrize("kernel", [name for name in KERNELS if name.startswith("cast_")])
def test_casts(kernel: str) -> None:
    _, source, target = kernel.split("_")
    if source in ("f32", "f16"):
        low, high = (0, 255) if target == "u8" else (-128, 127)
        x = np.concatenate([_RNG.uniform(low, high, 500), [0, -0.0, 0.5, 0.99]]).astype(_NUMPY[source])
    elif source == "bool":
        x = _RNG.integers(0, 2, 500).astype(np.bool_)
    else:
        x = _RNG.integers(-128, 127, 500).astype(_NUMPY[source])
    (y,) = run_everywhere(kernel, x=x, count=x.size)
    np.testing.assert_array_equal(y, x.astype(_NUMPY[target]))


def test_casts_of_what_does_not_fit() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 3e9, -3e9, 1e19, -1e19, 2.0**40], np.float32)
    limits = np.iinfo(np.int32)
    np.testing.assert_array_equal(run("cast_f32_i32", x=x, count=5)[0], [0, limits.max, limits.min, limits.max, limits.min])
    wide = np.iinfo(np.int64)
    np.testing.assert_array_equal(
        run("cast_f32_i64", x=x, count=8)[0], [0, wide.max, wide.min, 3e9, -3e9, wide.max, wide.min, 2**40]
    )
    np.testing.assert_array_equal(run("cast_f32_bool", x=x, count=8)[0], [1] * 8)


def test_half_precision() -> None:
    every = np.arange(65536, dtype=np.uint16)
    (wide,) = run("cast_f16_f32", x=every, count=65536)
    np.testing.assert_array_equal(wide, every.view(np.float16).astype(np.float32))
    with np.errstate(over="ignore"):
        x = np.concatenate(
            [_RNG.uniform(-70000, 70000, 2000), np.exp(_RNG.uniform(-20, 12, 5000)), [65519.9, 65520, 1e-8, 2.98e-8, 2.99e-8]]
        )
        x = x.astype(np.float32)
        np.testing.assert_array_equal(run("cast_f32_f16", x=x, count=x.size)[0], x.astype(np.float16))
