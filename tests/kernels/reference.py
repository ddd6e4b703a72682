"""Plain NumPy for what the kernels compute; images are [batch, height, width, channels], weights as in ONNX."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Window = tuple[Any, Any, Any, Any]  # kernel, stride, dilation, pads (top, left, bottom, right)


def pack(b: np.ndarray) -> np.ndarray:
    """Return B [rows, columns] in panels of 8 columns."""
    padded = np.pad(b, ((0, 0), (0, -b.shape[1] % 8)))
    return np.ascontiguousarray(padded.reshape(b.shape[0], padded.shape[1] // 8, 8).transpose(1, 0, 2))


def activation(name: str, x: np.ndarray, p0: float = 0, p1: float = 0) -> np.ndarray:
    """Return the activation of every element, in float64."""
    x = x.astype(np.float64)
    functions = {
        "none": lambda: x,
        "relu": lambda: np.maximum(x, 0),
        "clip": lambda: np.clip(x, p0, p1),
        "leaky_relu": lambda: np.where(x < 0, p0 * x, x),
        "hard_sigmoid": lambda: np.clip(p0 * x + p1, 0, 1),
        "hard_swish": lambda: x * np.clip(x / 6 + 0.5, 0, 1),
        "sigmoid": lambda: 1 / (1 + np.exp(-x)),
        "silu": lambda: x / (1 + np.exp(-x)),
        "tanh": lambda: np.tanh(x),
        "gelu": lambda: x / 2 * (1 + np.vectorize(math.erf, otypes=[float])(x / math.sqrt(2))),
        "gelu_tanh": lambda: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
        "elu": lambda: np.where(x < 0, p0 * np.expm1(np.minimum(x, 0)), x),
        "softplus": lambda: np.logaddexp(0, x),
    }
    return functions[name]()


def _windows(x: np.ndarray, window: Window, fill: float = 0.0) -> np.ndarray:
    """Return [batch, out_height, out_width, channels, kernel_height, kernel_width]."""
    (kh, kw), (sy, sx), (dy, dx), (top, left, bottom, right) = window
    x = np.pad(x.astype(np.float64), ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(x, (dy * (kh - 1) + 1, dx * (kw - 1) + 1), axis=(1, 2))
    return view[:, ::sy, ::sx, :, ::dy, ::dx]


def conv(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, window: Window, groups: int) -> np.ndarray:
    """Return the convolution with w [out channels, channels / groups, kernel height, kernel width]."""
    view = _windows(x, window)
    ins, outs = x.shape[3] // groups, w.shape[0] // groups
    parts = [
        np.einsum("nyxcij,ocij->nyxo", view[:, :, :, g * ins : (g + 1) * ins], w[g * outs : (g + 1) * outs], optimize=True)
        for g in range(groups)
    ]
    return np.concatenate(parts, axis=3) + (0 if bias is None else bias)


def depthwise(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, window: Window) -> np.ndarray:
    """Return the convolution with w [channels * multiplier, 1, kernel height, kernel width]."""
    view = np.repeat(_windows(x, window), w.shape[0] // x.shape[3], axis=3)
    return np.einsum("nyxcij,cij->nyxc", view, w[:, 0]) + (0 if bias is None else bias)


def conv_transpose(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, window: Window, groups: int) -> np.ndarray:
    """Return the transposed convolution with w [channels, out channels / groups, kernel height, kernel width]."""
    (kh, kw), (sy, sx), (dy, dx), (top, left, bottom, right) = window
    n, height, width, channels = x.shape
    ins, outs = channels // groups, w.shape[1]
    y = np.zeros((n, sy * (height - 1) + dy * (kh - 1) + 1, sx * (width - 1) + dx * (kw - 1) + 1, outs * groups))
    for g in range(groups):
        part, weights = x[..., g * ins : (g + 1) * ins], w[g * ins : (g + 1) * ins]
        for iy, ix, ky, kx in np.ndindex(height, width, kh, kw):
            y[:, iy * sy + ky * dy, ix * sx + kx * dx, g * outs : (g + 1) * outs] += part[:, iy, ix] @ weights[:, :, ky, kx]
    return y[:, top : y.shape[1] - bottom, left : y.shape[2] - right] + (0 if bias is None else bias)


def pool(x: np.ndarray, window: Window, largest: bool, count_padding: bool = False) -> np.ndarray:
    """Return the largest value or the mean under each window."""
    if largest:
        return _windows(x, window, -np.inf).max(axis=(4, 5))
    count = _windows(np.ones_like(x), window, float(count_padding))
    return _windows(x, window).sum(axis=(4, 5)) / count.sum(axis=(4, 5))
