"""Softmax and normalisations against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels.harness import run, run_everywhere
from tests.kernels.reference import activation

_RNG = np.random.default_rng(17)


def _random(*shape: int) -> np.ndarray:
    return _RNG.standard_normal(shape).astype(np.float32)


def _close(actual: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(actual, expected.reshape(-1), rtol=2e-5, atol=2e-6)


def _softmax(x: np.ndarray, logarithm: int) -> np.ndarray:
    x = x.astype(np.float64)
    with np.errstate(all="ignore"):
        shifted = x - x.max(axis=1, keepdims=True, initial=-np.inf)
        e = np.exp(shifted)
        total = e.sum(axis=1, keepdims=True)
        return shifted - np.log(total) if logarithm else e / total


@pytest.mark.parametrize("logarithm", [0, 1])
@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (3, 3, 1), (5, 7, 1), (2, 128, 1), (2, 1001, 1), (3, 5, 2), (2, 21, 37), (2, 0, 3), (0, 4, 1)], ids=str
)
def test_softmax(shape: tuple[int, int, int], logarithm: int) -> None:
    x = 5 * _random(*shape)
    (y,) = run_everywhere("softmax", x=x, outer=shape[0], size=shape[1], inner=shape[2], logarithm=logarithm)
    _close(y, _softmax(x, logarithm))


@pytest.mark.parametrize("logarithm", [0, 1])
@pytest.mark.parametrize("inner", [1, 3])
def test_softmax_of_what_is_not_finite(inner: int, logarithm: int) -> None:
    x = _random(5, 7, inner)
    x[1, 2] = -np.inf
    x[2] = -np.inf
    x[3, 1] = np.nan
    x[4, 6] = 3e38
    (y,) = run("softmax", x=x, outer=5, size=7, inner=inner, logarithm=logarithm)
    _close(y, _softmax(x, logarithm))


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (4, 384), (2, 1030), (0, 5)], ids=str)
def test_layer_norm(shape: tuple[int, int]) -> None:
    x, scale, bias = 3 * _random(*shape) + 10, _random(shape[1]), _random(shape[1])
    wide = x.astype(np.float64)
    expected = (wide - wide.mean(1, keepdims=True)) / np.sqrt(wide.var(axis=1, keepdims=True) + 1e-5)
    (y,) = run_everywhere("layer_norm", x=x, scale=scale, bias=bias, rows=shape[0], columns=shape[1], epsilon=1e-5)
    np.testing.assert_allclose(y, (expected * scale + bias).reshape(-1), rtol=1e-4, atol=1e-5)
    (y,) = run("layer_norm", x=x, rows=shape[0], columns=shape[1], epsilon=1e-5)
    np.testing.assert_allclose(y, expected.reshape(-1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 7), (4, 384)], ids=str)
def test_rms_norm(shape: tuple[int, int]) -> None:
    x, scale = _random(*shape), _random(shape[1])
    (y,) = run_everywhere("rms_norm", x=x, scale=scale, rows=shape[0], columns=shape[1], epsilon=1e-6)
    _close(y, x / np.sqrt(np.square(x.astype(np.float64)).mean(1, keepdims=True) + 1e-6) * scale)


@pytest.mark.parametrize("groups", [1, 2, 5, 10])
@pytest.mark.parametrize(("outer", "inner"), [(35, 1), (1, 35), (1, 3), (3, 5), (200, 1)])
def test_group_norm(outer: int, inner: int, groups: int) -> None:
    batch, channels = 2, 10
    x, scale, bias = _random(batch, outer, channels, inner) + 2, _random(channels), _random(channels)
    wide = x.astype(np.float64).reshape(batch, outer, groups, channels // groups, inner)
    mean, variance = wide.mean((1, 3, 4), keepdims=True), wide.var(axis=(1, 3, 4), keepdims=True)
    expected = ((wide - mean) / np.sqrt(variance + 1e-5)).reshape(x.shape)
    sizes = {"batch": batch, "outer": outer, "channels": channels, "inner": inner, "groups": groups}
    (y,) = run_everywhere("group_norm", x=x, scale=scale, bias=bias, **sizes, epsilon=1e-5)
    _close(y, expected * scale[:, None] + bias[:, None])
    _close(run("group_norm", x=x, **sizes, epsilon=1e-5)[0], expected)


@pytest.mark.parametrize("shape", [(3, 7, 1), (50, 64, 1), (2, 5, 9), (1, 3, 9001), (2, 0, 3)], ids=str)
@pytest.mark.parametrize("name", ["none", "relu", "silu"])
def test_scale_shift(name: str, shape: tuple[int, int, int]) -> None:
    x, scale, shift = _random(*shape), _random(shape[1]), _random(shape[1])
    sizes = dict(zip(("outer", "channels", "inner"), shape, strict=True))
    (y,) = run_everywhere("scale_shift", x=x, scale=scale, shift=shift, **sizes, activation=name)
    _close(y, activation(name, x * scale[:, None] + shift[:, None]))


@pytest.mark.parametrize("beta", [0.75, 0.6])
@pytest.mark.parametrize(("before", "after"), [(2, 2), (0, 0), (1, 4), (7, 0)])
@pytest.mark.parametrize("shape", [(3, 7, 1), (2, 1030, 1), (2, 5, 9), (1, 1, 1), (1, 64, 40), (2, 0, 3)], ids=str)
def test_local_response_norm(shape: tuple[int, int, int], before: int, after: int, beta: float) -> None:
    x = 3 * _random(*shape)
    padded = np.pad(np.square(x.astype(np.float64)), ((0, 0), (before, after), (0, 0)))
    total = sum(padded[:, i : i + shape[1]] for i in range(before + after + 1))
    sizes = dict(zip(("outer", "size", "inner"), shape, strict=True)) | {"before": before, "after": after}
    (y,) = run_everywhere("local_response_norm", x=x, **sizes, alpha=0.2, beta=beta, bias=1.5)
    _close(y, x * (1.5 + 0.2 * total) ** -beta)
