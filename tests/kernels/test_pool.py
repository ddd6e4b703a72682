"""Pools and the expansion of wire weights against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels.harness import run, run_everywhere
from tests.kernels.reference import pool

_RNG = np.random.default_rng(7)
_WINDOWS = [
    ((2, 2), (2, 2), (1, 1), (0, 0, 0, 0)),
    ((3, 3), (2, 2), (1, 1), (1, 1, 1, 1)),
    ((3, 2), (1, 3), (2, 1), (2, 0, 1, 1)),
    ((9, 11), (1, 1), (1, 1), (0, 0, 0, 0)),
]


@pytest.mark.parametrize("window", _WINDOWS)
@pytest.mark.parametrize("channels", [1, 4, 7, 70])
def test_pools(window: tuple, channels: int) -> None:
    (kh, kw), (sy, sx), (dy, dx), (top, left, bottom, right) = window
    x = _RNG.standard_normal((2, 9, 11, channels)).astype(np.float32)
    x[0, 0, 0, 0] = np.nan
    values = {
        "x": x,
        "batch": 2,
        "height": 9,
        "width": 11,
        "channels": channels,
        "x_pixel": channels,
        "y_pixel": channels,
        "kernel_height": kh,
        "kernel_width": kw,
        "stride_y": sy,
        "stride_x": sx,
        "dilation_y": dy,
        "dilation_x": dx,
        "pad_top": top,
        "pad_left": left,
        "out_height": (9 + top + bottom - dy * (kh - 1) - 1) // sy + 1,
        "out_width": (11 + left + right - dx * (kw - 1) - 1) // sx + 1,
    }
    (y,) = run_everywhere("max_pool", **values)
    np.testing.assert_array_equal(y, pool(x, window, largest=True).astype(np.float32).ravel())
    for count in (0, 1):
        (y,) = run_everywhere("average_pool", **values, pad_bottom=bottom, pad_right=right, count_padding=count)
        np.testing.assert_allclose(y, pool(x, window, False, bool(count)).astype(np.float32).ravel(), rtol=1e-5, atol=1e-6)


def test_average_pool_counts_nothing_beyond_the_padding() -> None:
    x = np.ones((1, 1, 5, 1), np.float32)
    (y,) = run(
        "average_pool",
        x=x,
        batch=1,
        height=1,
        width=5,
        channels=1,
        x_pixel=1,
        y_pixel=1,
        kernel_height=1,
        kernel_width=4,
        stride_y=1,
        stride_x=3,
        dilation_y=1,
        dilation_x=1,
        pad_left=1,
        pad_right=1,
        out_height=1,
        out_width=3,
        count_padding=1,
    )
    np.testing.assert_allclose(y, [3 / 4, 3 / 4, 0], atol=1e-6)


@pytest.mark.parametrize("count", [0, 1, 7, 64, 40001])
def test_expand_f16(count: int) -> None:
    bits = _RNG.integers(0, 1 << 16, count).astype(np.uint16)
    bits[:8] = [0, 0x8000, 1, 0x83FF, 0x7C00, 0xFC00, 0x7E00, 0x7BFF][:count]
    (y,) = run_everywhere("expand_f16", x=bits, count=count)
    np.testing.assert_array_equal(y, bits.view(np.float16).astype(np.float32))


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 8), (7, 21)])
def test_expand_int8(rows: int, columns: int) -> None:
    x = _RNG.integers(-128, 128, (rows, columns)).astype(np.int8)
    by_column, by_row = _RNG.random(columns).astype(np.float32), _RNG.random(rows).astype(np.float32)
    (y,) = run_everywhere("expand_int8_columns", x=x, scale=by_column, rows=rows, columns=columns)
    np.testing.assert_array_equal(y, (x * by_column).ravel())
    (y,) = run_everywhere("expand_int8_rows", x=x, scale=by_row, rows=rows, columns=columns)
    np.testing.assert_array_equal(y, (x * by_row[:, None]).ravel())
    panels, scale = _RNG.integers(-128, 128, (3, rows, 8)).astype(np.int8), _RNG.random((3, 1, 8)).astype(np.float32)
    (y,) = run_everywhere("expand_int8_panels", x=panels, scale=scale, panels=3, rows=rows)
    np.testing.assert_array_equal(y, (panels * scale).ravel())
