"""attention against NumPy, over odd sizes, masks and strides."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels.harness import run, run_everywhere

_RNG = np.random.default_rng(6)


def _random(*shape: int) -> np.ndarray:
    return _RNG.standard_normal(shape).astype(np.float32)


def _reference(q: np.ndarray, k: np.ndarray, v: np.ndarray, scale: float, mask: np.ndarray | float = 0.0) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        scores = q.astype(np.float64) @ k.astype(np.float64).swapaxes(2, 3) * scale + mask
        e = np.exp(scores - scores.max(axis=3, keepdims=True))
        return (e / e.sum(axis=3, keepdims=True)) @ v


def _strides(name: str, array: np.ndarray) -> dict[str, int]:
    """Strides of [batch, heads, rows, columns], 0 where it broadcasts."""
    steps = [0 if size == 1 else stride // 4 for size, stride in zip(array.shape, array.strides, strict=True)]
    return {f"{name}_batch": steps[0], f"{name}_head": steps[1], f"{name}_row": steps[2]}


def _values(q: np.ndarray, k: np.ndarray, v: np.ndarray, scale: float) -> dict[str, object]:
    batch, heads, queries, depth = q.shape
    columns = v.shape[3]
    return {
        "q": q,
        "k": k,
        "v": v,
        "batch": batch,
        "heads": heads,
        "queries": queries,
        "keys": k.shape[2],
        "depth": depth,
        "columns": columns,
        "scale": scale,
        "q_batch": heads * queries * depth,
        "q_head": queries * depth,
        "q_row": depth,
        "k_batch": heads * k.shape[2] * depth,
        "k_head": k.shape[2] * depth,
        "k_row": depth,
        "v_batch": heads * k.shape[2] * columns,
        "v_head": k.shape[2] * columns,
        "v_row": columns,
        "out_batch": queries * heads * columns,
        "out_head": columns,
        "out_row": heads * columns,
    }


def _close(out: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(out, expected.transpose(0, 2, 1, 3).astype(np.float32).ravel(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (5, 3), (16, 16), (33, 127), (40, 128), (3, 300), (65, 260)])
@pytest.mark.parametrize(("depth", "columns"), [(32, 32), (5, 9), (64, 12), (200, 8), (1024, 4)])
def test_attention(queries: int, keys: int, depth: int, columns: int) -> None:
    q, k, v = _random(2, 3, queries, depth), _random(2, 3, keys, depth), _random(2, 3, keys, columns)
    values = _values(q, k, v, depth**-0.5)
    (out,) = (run_everywhere if keys == 127 else run)("attention", **values)
    _close(out, _reference(q, k, v, depth**-0.5))
    for shape in [(2, 1, 1, keys), (1, 1, queries, keys), (2, 3, queries, 1)]:
        mask = np.where(_RNG.random(shape) < 0.3, np.float32(-3.4e38), _random(*shape))
        steps = {**_strides("mask", mask), "mask_column": int(shape[3] > 1)}
        (out,) = run("attention", **values, mask=mask, **steps)
        with np.errstate(over="ignore"):
            _close(out, _reference(q, k, v, depth**-0.5, mask.astype(np.float32)))


def test_attention_over_one_buffer() -> None:
    batch, heads, rows, depth = 2, 4, 21, 8
    qkv = _random(batch, rows, 3, heads, depth)
    row = 3 * heads * depth
    steps = {f"{name}_{axis}": size for name in "qkv" for axis, size in [("batch", rows * row), ("head", depth), ("row", row)]}
    parts = [qkv.ravel()[i * heads * depth :] for i in range(3)]
    values = {**_values(*qkv.transpose(2, 0, 3, 1, 4), 0.3), **dict(zip("qkv", parts, strict=True)), **steps}
    (out,) = run_everywhere("attention", **values)
    _close(out, _reference(*qkv.transpose(2, 0, 3, 1, 4), 0.3))


def test_attention_masked_by_infinity() -> None:
    q, k, v = _random(1, 1, 3, 4), _random(1, 1, 200, 4), _random(1, 1, 200, 4)
    mask = np.zeros((1, 1, 3, 200), np.float32)
    mask[0, 0, 0, :150], mask[0, 0, 1] = -np.inf, -np.inf
    (out,) = run("attention", **_values(q, k, v, 1), mask=mask, mask_row=200, mask_column=1)
    _close(out, _reference(q, k, v, 1, mask))
    assert np.isnan(out.reshape(3, 4)[1]).all()
    assert np.isfinite(out.reshape(3, 4)[[0, 2]]).all()
