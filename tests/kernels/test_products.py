"""gemm, conv, conv_transpose and depthwise against NumPy, over odd sizes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.kernels.harness import run, run_everywhere
from tests.kernels.reference import activation, conv, conv_transpose, depthwise, pack

_RNG = np.random.default_rng(5)


def _random(*shape: int) -> np.ndarray:
    return _RNG.standard_normal(shape).astype(np.float32)


def _close(actual: np.ndarray, expected: np.ndarray) -> None:
    expected = expected.astype(np.float32).reshape(-1)
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=2e-5 * max(1.0, float(np.abs(expected).max(initial=0))))


@pytest.mark.parametrize(
    ("rows", "columns"), [(1, 1), (1, 40), (2, 17), (3, 8), (4, 8), (5, 24), (7, 31), (49, 16), (66, 137), (130, 9)]
)
@pytest.mark.parametrize("depth", [0, 1, 5, 16, 391, 800])
def test_gemm(rows: int, columns: int, depth: int) -> None:
    a, b, bias, residual = _random(rows, depth), _random(depth, columns), _random(columns), _random(rows, columns)
    (c,) = run(
        "gemm",
        a=a,
        b=pack(b),
        bias=bias,
        residual=residual,
        rows=rows,
        columns=columns,
        depth=depth,
        outer=1,
        inner=1,
        a_row=depth,
        residual_row=columns,
        c_row=columns,
        activation="clip",
        p0=-1.5,
        p1=2.5,
    )
    _close(c, np.clip(a @ b + bias + residual, -1.5, 2.5))


@pytest.mark.parametrize(
    "name",
    [
        "none",
        "relu",
        "leaky_relu",
        "hard_swish",
        "hard_sigmoid",
        "sigmoid",
        "silu",
        "tanh",
        "gelu",
        "gelu_tanh",
        "elu",
        "softplus",
    ],
)
def test_gemm_activations(name: str) -> None:
    a, b = 3 * _random(9, 20), _random(20, 21)
    (c,) = run_everywhere(
        "gemm",
        a=a,
        b=pack(b),
        rows=9,
        columns=21,
        depth=20,
        outer=1,
        inner=1,
        a_row=20,
        c_row=21,
        activation=name,
        p0=0.2,
        p1=0.4,
    )
    _close(c, activation(name, a @ b, 0.2, 0.4))


def test_gemm_batched_with_strides() -> None:
    a, b = _random(2, 3, 6, 5), _random(3, 5, 11)
    packed = np.stack([pack(m) for m in b])
    # A is [outer, row, inner, depth] in memory, B repeats over the outer dim, C is [outer, row, inner, column] with wider rows.
    (c,) = run_everywhere(
        "gemm",
        a=a.transpose(0, 2, 1, 3),
        b=packed,
        rows=6,
        columns=11,
        depth=5,
        outer=2,
        inner=3,
        a_outer=90,
        a_row=15,
        a_inner=5,
        b_inner=packed[0].size,
        c_outer=6 * 60,
        c_row=60,
        c_inner=20,
    )
    padded = np.concatenate([c, np.zeros(2 * 6 * 60 - len(c), np.float32)]).reshape(2, 6, 3, 20)
    _close(padded[..., :11].ravel(), (a @ b).transpose(0, 2, 1, 3))


def test_gemm_keeps_nan_and_infinity() -> None:
    a, b = np.ones((5, 4), np.float32), np.ones((4, 9), np.float32)
    a[1, 2], a[2, 0], a[3, 3] = np.nan, np.inf, -np.inf
    for name in ("none", "relu", "clip", "hard_swish", "sigmoid", "tanh", "gelu"):
        (c,) = run(
            "gemm", a=a, b=pack(b), rows=5, columns=9, depth=4, outer=1, inner=1, a_row=4, c_row=9, activation=name, p1=6
        )
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(c, activation(name, a @ b, 0, 6).ravel(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("rows", "columns"), [(0, 9), (1, 1), (1, 40), (2, 17), (7, 33), (66, 40), (261, 9)])
@pytest.mark.parametrize("depth", [0, 1, 7, 384, 391, 1536])
def test_gemm_int8(rows: int, columns: int, depth: int) -> None:
    codes, scale = _RNG.integers(-128, 128, (depth, columns)), _RNG.random(columns).astype(np.float32) / 128
    a, bias, residual = _random(rows, depth), _random(columns), _random(rows, columns)
    padded = np.concatenate([scale, np.zeros(-columns % 8, np.float32)])
    (c,) = (run_everywhere if depth == 391 else run)(
        "gemm_int8", a=a, b=pack(codes).astype(np.int8), scale=padded, bias=bias, residual=residual,
        rows=rows, columns=columns, depth=depth, a_row=depth, residual_row=columns, c_row=columns,
        activation="clip", p0=-1.5, p1=2.5,
    )  # fmt: skip
    _close(c, np.clip(a @ (codes * scale).astype(np.float32) + bias + residual, -1.5, 2.5))


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (5, 8), (9, 17), (0, 4)])
def test_pack_b(rows: int, columns: int) -> None:
    b = _random(3, rows, columns)
    expected = np.stack([pack(m) for m in b]) if rows else np.zeros(0)
    (packed,) = run_everywhere(
        "pack_b", b=b, batch=3, rows=rows, columns=columns, b_batch=rows * columns, b_row=columns, b_column=1
    )
    np.testing.assert_array_equal(packed, expected.ravel())
    (packed,) = run(
        "pack_b", b=b.transpose(0, 2, 1), batch=3, rows=rows, columns=columns, b_batch=rows * columns, b_row=1, b_column=rows
    )
    np.testing.assert_array_equal(packed, expected.ravel())


_WINDOWS = [
    # kernel, stride, dilation, pads (top, left, bottom, right)
    ((1, 1), (1, 1), (1, 1), (0, 0, 0, 0)),
    ((1, 1), (2, 2), (1, 1), (0, 0, 0, 0)),
    ((3, 3), (1, 1), (1, 1), (1, 1, 1, 1)),
    ((3, 3), (2, 2), (1, 1), (0, 0, 1, 1)),
    ((5, 5), (1, 1), (1, 1), (2, 2, 2, 2)),
    ((5, 5), (2, 2), (1, 1), (1, 2, 2, 1)),
    ((3, 2), (1, 3), (2, 1), (2, 0, 1, 1)),
    ((1, 7), (1, 1), (1, 1), (0, 3, 0, 3)),
]


def _window(window: tuple, height: int, width: int) -> dict[str, int]:
    (kh, kw), (sy, sx), (dy, dx), (top, left, bottom, right) = window
    return {
        "kernel_height": kh,
        "kernel_width": kw,
        "stride_y": sy,
        "stride_x": sx,
        "dilation_y": dy,
        "dilation_x": dx,
        "pad_top": top,
        "pad_left": left,
        "out_height": (height + top + bottom - dy * (kh - 1) - 1) // sy + 1,
        "out_width": (width + left + right - dx * (kw - 1) - 1) // sx + 1,
    }


@pytest.mark.parametrize("window", _WINDOWS)
@pytest.mark.parametrize(
    ("channels", "out_channels", "groups"), [(3, 9, 1), (16, 24, 1), (6, 4, 2), (40, 34, 2), (4, 4, 4), (500, 8, 1)]
)
def test_conv(window: tuple, channels: int, out_channels: int, groups: int) -> None:
    height, width = 9, 11
    x, w = _random(2, height, width, channels), _random(out_channels, channels // groups, *window[0])
    bias, at = _random(out_channels), _window(window, height, width)
    expected = conv(x, w, bias, window, groups)
    residual = _random(*expected.shape)
    columns = out_channels // groups
    packed = [pack(w[g * columns : (g + 1) * columns].transpose(2, 3, 1, 0).reshape(-1, columns)) for g in range(groups)]
    values = dict(
        x=x,
        weights=np.stack(packed),
        bias=bias,
        batch=2,
        height=height,
        width=width,
        channels=channels,
        out_channels=out_channels,
        groups=groups,
        x_pixel=channels,
        residual_pixel=out_channels,
        y_pixel=out_channels,
        activation="relu",
        **at,
    )
    (y,) = (run_everywhere if channels == 40 else run)("conv", **values)
    _close(y, np.maximum(expected, 0))
    (y,) = run("conv", **{**values, "residual": residual, "activation": "silu"})
    _close(y, activation("silu", expected + residual))


@pytest.mark.parametrize("window", _WINDOWS)
@pytest.mark.parametrize(("channels", "multiplier"), [(1, 1), (4, 1), (13, 1), (72, 1), (3, 2)])
@pytest.mark.parametrize("width", [5, 14, 23])
def test_depthwise(window: tuple, channels: int, multiplier: int, width: int) -> None:
    height, outs = 7, channels * multiplier
    x, w, bias = _random(2, height, width, channels), _random(outs, 1, *window[0]), _random(outs)
    expected = depthwise(x, w, bias, window)
    residual = _random(*expected.shape)
    values = dict(
        x=x,
        weights=w[:, 0].transpose(1, 2, 0),
        bias=bias,
        batch=2,
        height=height,
        width=width,
        channels=channels,
        multiplier=multiplier,
        x_pixel=channels,
        residual_pixel=outs,
        y_pixel=outs,
        activation="clip",
        p0=-0.5,
        p1=1,
        **_window(window, height, width),
    )
    (y,) = (run_everywhere if channels == 13 and width == 14 else run)("depthwise", **values)
    _close(y, np.clip(expected, -0.5, 1))
    (y,) = run("depthwise", **{**values, "residual": residual, "activation": "hard_swish"})
    _close(y, activation("hard_swish", expected + residual))


def test_images_may_be_ranges_of_channels() -> None:
    x, w, window = _random(1, 6, 6, 20), _random(8, 12, 3, 3), _WINDOWS[2]
    values = dict(batch=1, height=6, width=6, x_pixel=20, y_pixel=11, **_window(window, 6, 6))
    packed = pack(w.transpose(2, 3, 1, 0).reshape(-1, 8))
    (y,) = run_everywhere("conv", x=x, weights=packed, channels=12, out_channels=8, groups=1, **values)
    y = np.concatenate([y, np.zeros(3, np.float32)]).reshape(1, 6, 6, 11)[..., :8]
    _close(y.ravel(), conv(x[..., :12], w, None, window, 1))
    w = _random(8, 1, 3, 3)
    (y,) = run_everywhere("depthwise", x=x, weights=w[:, 0].transpose(1, 2, 0), channels=8, multiplier=1, **values)
    y = np.concatenate([y, np.zeros(3, np.float32)]).reshape(1, 6, 6, 11)[..., :8]
    _close(y.ravel(), depthwise(x[..., :8], w, None, window))


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "pads"),
    [
        *((k, s, (1, 1), (0, 0, 0, 0)) for k, s in itertools.product([(2, 2), (3, 3), (4, 4)], [(1, 1), (2, 2), (3, 2)])),
        ((3, 3), (2, 2), (2, 1), (1, 2, 1, 1)),
        ((4, 4), (2, 2), (1, 1), (1, 1, 1, 1)),
    ],
)
@pytest.mark.parametrize(("channels", "out_channels", "groups"), [(5, 3, 1), (24, 16, 1), (6, 4, 2)])
def test_conv_transpose(
    kernel: tuple, stride: tuple, dilation: tuple, pads: tuple, channels: int, out_channels: int, groups: int
) -> None:
    x, w, bias = _random(2, 5, 4, channels), _random(channels, out_channels // groups, *kernel), _random(out_channels)
    expected = conv_transpose(x, w, bias, (kernel, stride, dilation, pads), groups)
    ins, columns = channels // groups, out_channels // groups
    packed = [pack(w[g * ins : (g + 1) * ins].transpose(2, 3, 0, 1).reshape(-1, columns)) for g in range(groups)]
    (y,) = run_everywhere(
        "conv_transpose",
        x=x,
        weights=np.stack(packed),
        bias=bias,
        batch=2,
        height=5,
        width=4,
        channels=channels,
        out_channels=out_channels,
        groups=groups,
        x_pixel=channels,
        y_pixel=out_channels,
        kernel_height=kernel[0],
        kernel_width=kernel[1],
        stride_y=stride[0],
        stride_x=stride[1],
        dilation_y=dilation[0],
        dilation_x=dilation[1],
        pad_top=pads[0],
        pad_left=pads[1],
        out_height=expected.shape[1],
        out_width=expected.shape[2],
        activation="relu",
    )
    _close(y, np.maximum(expected, 0))
