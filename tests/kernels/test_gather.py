"""Reading and writing at places that tensors name, against NumPy; hostile indices stay inside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from packager.lower._kernels import OPERATIONS
from tests.kernels.harness import run, run_everywhere

_RNG = np.random.default_rng(23)
_ITEMS = [np.uint8, np.float16, np.float32, np.int64]
_INDICES = [np.int32, np.int64]


def _random(shape: tuple[int, ...], dtype: Any = np.float32) -> np.ndarray:
    return _RNG.integers(0, 120, shape).astype(dtype)


def _index(size: int, shape: Any, dtype: Any = np.int64) -> np.ndarray:
    """Indices from -size to size - 1."""
    return _RNG.integers(-size, size, shape).astype(dtype)


def _strides(kernel_buffer: str, array: np.ndarray, counts: tuple[int, ...], axis: int) -> dict[str, Any]:
    """Arguments of gather_elements and scatter_elements: counts of the indices, strides of the other array but for its axis."""
    lead = 5 - len(counts)
    steps = [stride // array.itemsize for stride in np.ascontiguousarray(array).strides]
    values: dict[str, Any] = {f"count{i}": 1 for i in range(lead)} | {f"count{i + lead}": n for i, n in enumerate(counts)}
    values |= {f"{kernel_buffer}_stride{i + lead}": 0 if i == axis else step for i, step in enumerate(steps)}
    return values | {"size": array.shape[axis], "axis_stride": steps[axis], "item": array.itemsize}


@pytest.mark.parametrize("index_dtype", _INDICES)
@pytest.mark.parametrize("dtype", _ITEMS)
@pytest.mark.parametrize("shape", [(1, 7, 1), (2, 5, 3), (3, 9, 16), (1, 30, 384), (2, 4, 0), (0, 4, 2)], ids=str)
def test_gather(shape: tuple[int, int, int], dtype: Any, index_dtype: Any) -> None:
    x, index = _random(shape, dtype), _index(shape[1], 11, index_dtype)
    sizes = dict(zip(("outer", "size", "inner"), shape, strict=True))
    (y,) = run_everywhere("gather", x=x, index=index, item=x.itemsize, index_item=index.itemsize, **sizes, indices=11)
    np.testing.assert_array_equal(y.view(dtype), np.take(x, index % shape[1], axis=1).reshape(-1))


@pytest.mark.parametrize("index_dtype", _INDICES)
def test_hostile_indices_are_clamped(index_dtype: Any) -> None:
    limits = np.iinfo(index_dtype)
    index = np.array([limits.min, limits.max, -6, 5, 2**31 - 1, -(2**31)], index_dtype)
    x = _random((5, 3))
    for last in ("x", "index", "y"):
        (y,) = run(
            "gather", last=last, x=x, index=index, item=4, index_item=index.itemsize, outer=1, size=5, inner=3, indices=6
        )
        np.testing.assert_array_equal(y.view(np.float32).reshape(6, 3), x[[0, 4, 0, 4, 4, 0]])
    for last in ("y", "index", "updates"):
        values = _strides("y", x, (6, 3), 0) | {"index": np.repeat(index, 3), "index_item": index.itemsize, "element": 3}
        run("scatter_elements", last=last, y=x, updates=_random((6, 3)), **values)
        sizes = {
            "size0": 5,
            "size1": 3,
            "size2": 1,
            "size3": 1,
            "size4": 1,
            "index_item": index.itemsize,
            "depth": 2,
            "inner": 1,
        }
        run("scatter_nd", last=last, y=x, updates=_random((3,)), index=index, item=4, indices=3, element=3, **sizes)
        run("gather_nd", last="x", x=x, index=index, item=4, batch=1, indices=3, **sizes)


@pytest.mark.parametrize("columns", [1, 6, 384])
def test_rows_of_narrow_tables(columns: int) -> None:
    index = _index(40, 13)
    codes, scale = _RNG.integers(-127, 128, (40, columns)).astype(np.int8), _RNG.uniform(0.01, 1, 40).astype(np.float32)
    (y,) = run_everywhere(
        "gather_rows_int8", x=codes, scale=scale, index=index, index_item=8, size=40, columns=columns, indices=13
    )
    np.testing.assert_array_equal(y, (codes.astype(np.float32) * scale[:, None])[index].reshape(-1))
    half = _RNG.standard_normal((40, columns)).astype(np.float16)
    (y,) = run_everywhere("gather_rows_f16", x=half, index=index, index_item=8, size=40, columns=columns, indices=13)
    np.testing.assert_array_equal(y, half.astype(np.float32)[index].reshape(-1))


@pytest.mark.parametrize("dtype", _ITEMS)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_gather_elements(axis: int, dtype: Any) -> None:
    x = _random((4, 5, 6), dtype)
    index = _index(x.shape[axis], (3, 4, 5))
    values = _strides("x", x, index.shape, axis) | {"x": x, "index": index, "index_item": 8}
    (y,) = run_everywhere("gather_elements", **values)
    cut = tuple(slice(None) if i == axis else slice(n) for i, n in enumerate(index.shape))
    expected = np.take_along_axis(x[cut], index % x.shape[axis], axis)
    np.testing.assert_array_equal(y.view(dtype), expected.reshape(-1))


@pytest.mark.parametrize("reduction", OPERATIONS["scatter"])
@pytest.mark.parametrize(("dtype", "element"), [(np.float32, "f32"), (np.int32, "i32"), (np.int64, "i64"), (np.uint8, "other")])
def test_scatter(dtype: Any, element: str, reduction: str) -> None:
    if element == "other" and reduction != "set":
        return
    functions = {"set": lambda a, b: b, "add": np.add, "mul": np.multiply, "min": np.minimum, "max": np.maximum}
    choice = {
        "element": OPERATIONS["scatter_element"].index(element),
        "reduction": OPERATIONS["scatter"].index(reduction),
        "index_item": 8,
    }
    x, index, updates = _random((4, 5), dtype), _index(4, (3, 5)), _random((3, 5), dtype)
    (y,) = run_everywhere("scatter_elements", y=x, index=index, updates=updates, **_strides("y", x, (3, 5), 0), **choice)
    expected = x.copy()
    for i, j in np.ndindex(3, 5):
        expected[index[i, j], j] = functions[reduction](expected[index[i, j], j], updates[i, j])
    np.testing.assert_array_equal(y.view(dtype), expected.reshape(-1))
    index, updates = np.stack([_index(4, 6), _index(5, 6)], axis=1), _random((6, 3), dtype)
    table = _random((4, 5, 3), dtype)
    sizes = {
        "size0": 4,
        "size1": 5,
        "size2": 1,
        "size3": 1,
        "size4": 1,
        "inner": 3,
        "depth": 2,
        "indices": 6,
        "item": x.itemsize,
    }
    (y,) = run_everywhere("scatter_nd", y=table, index=index, updates=updates, **sizes, **choice)
    for row, update in zip(index, updates, strict=True):
        table[tuple(row)] = functions[reduction](table[tuple(row)], update)
    np.testing.assert_array_equal(y.view(dtype), table.reshape(-1))


@pytest.mark.parametrize("dtype", _ITEMS)
@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_gather_nd(depth: int, dtype: Any) -> None:
    x = _random((2, 4, 5, 6), dtype)
    index = np.stack([_index(n, (2, 7)) for n in (4, 5, 6)], axis=2)[:, :, :depth]
    sizes = {f"size{i}": (4, 5, 6)[i] if i < depth else 1 for i in range(5)}
    inner = int(np.prod(x.shape[1 + depth :]))
    values = {"batch": 2, "indices": 7, "depth": depth, "inner": inner, "item": x.itemsize, "index_item": 8}
    (y,) = run_everywhere("gather_nd", x=x, index=index, **sizes, **values)
    expected = [[x[(b, *index[b, i])] for i in range(7)] for b in range(2)]
    np.testing.assert_array_equal(y.view(dtype), np.array(expected).reshape(-1))


@pytest.mark.parametrize("dtype", _ITEMS)
def test_one_hot(dtype: Any) -> None:
    index, values = np.array([[0, 3, -1], [4, 9, -9]], np.int64), np.array([2, 7], dtype)
    (y,) = run_everywhere("one_hot", index=index, values=values, item=values.itemsize, index_item=8, outer=2, depth=5, inner=3)
    on = (index[:, None, :] == np.arange(5)[:, None]) | (index[:, None, :] + 5 == np.arange(5)[:, None])
    np.testing.assert_array_equal(y.view(dtype), np.where(on, values[1], values[0]).reshape(-1))
