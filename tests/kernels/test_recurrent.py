"""LSTM, GRU and the simple layer against their formulas in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from packager.lower._kernels import ACTIVATIONS
from tests.kernels.harness import run, run_everywhere
from tests.kernels.reference import activation, pack

_RNG = np.random.default_rng(29)
_SIZES = [(1, 1, 1), (5, 1, 3), (4, 2, 8), (3, 3, 13), (7, 1, 40), (0, 2, 5)]  # steps, batch, hidden
_F = {name: ACTIVATIONS.index(name) for name in ("sigmoid", "tanh")}


def _random(*shape: int) -> np.ndarray:
    return (0.5 * _RNG.standard_normal(shape)).astype(np.float32)


def _act(name: str, x: np.ndarray) -> np.ndarray:
    return activation(name, x)


def _order(steps: int, reverse: int) -> list[int]:
    return list(range(steps))[:: -1 if reverse else 1]


def _close(actual: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(actual, expected.reshape(-1), rtol=2e-5, atol=2e-6)


def _call(kernel: str, size: tuple[int, int, int], **values: Any) -> list[np.ndarray]:
    steps, batch, hidden = size
    step = 2 * batch * hidden  # as in a layer of two directions
    outputs = run_everywhere(kernel, steps=steps, batch=batch, hidden=hidden, y_step=step, **values)
    padded = np.concatenate([outputs[-2], np.zeros(steps * step - outputs[-2].size, np.float32)])
    outputs[-2] = padded.reshape(steps, 2, batch * hidden)[:, 0].reshape(-1)
    return outputs


@pytest.mark.parametrize("reverse", [0, 1])
@pytest.mark.parametrize("peepholes", [False, True])
@pytest.mark.parametrize("size", _SIZES, ids=str)
def test_lstm(size: tuple[int, int, int], peepholes: bool, reverse: int) -> None:
    steps, batch, hidden = size
    xw, r, h, c = _random(steps, batch, 4 * hidden), _random(4 * hidden, hidden), _random(batch, hidden), _random(batch, hidden)
    p = _random(3, hidden)
    last_h, last_c, y, _ = _call("lstm", size, xw=xw, r=pack(r.T), peephole=p if peepholes else None, h=h, c=c, reverse=reverse,
                                 gate=_F["sigmoid"], candidate=_F["tanh"], output=_F["tanh"])  # fmt: skip
    if not peepholes:
        p = np.zeros_like(p)
    expected = np.zeros((steps, batch, hidden))
    for t in _order(steps, reverse):
        i, o, f, g = np.split(xw[t] + h @ r.T, 4, axis=1)
        c_next = _act("sigmoid", f + p[2] * c) * c + _act("sigmoid", i + p[0] * c) * _act("tanh", g)
        h, c = _act("sigmoid", o + p[1] * c_next) * _act("tanh", c_next), c_next
        expected[t] = h
    _close(y, expected)
    _close(last_h, h)
    _close(last_c, c)


@pytest.mark.parametrize("reverse", [0, 1])
@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("size", _SIZES, ids=str)
def test_gru(size: tuple[int, int, int], after: int, reverse: int) -> None:
    steps, batch, hidden = size
    xw, r, h, bias = _random(steps, batch, 3 * hidden), _random(3 * hidden, hidden), _random(batch, hidden), _random(hidden)
    last_h, y, _ = _call("gru", size, xw=xw, r=pack(r.T), candidate_bias=bias if after else None, h=h, reverse=reverse,
                         reset_after=after, gate=_F["sigmoid"], candidate=_F["tanh"])  # fmt: skip
    expected = np.zeros((steps, batch, hidden))
    for t in _order(steps, reverse):
        z, reset = (_act("sigmoid", v) for v in np.split(xw[t, :, : 2 * hidden] + h @ r[: 2 * hidden].T, 2, axis=1))
        rest = r[2 * hidden :].T
        fresh = _act("tanh", xw[t, :, 2 * hidden :] + (reset * (h @ rest + bias) if after else (reset * h) @ rest))
        h = (1 - z) * fresh + z * h
        expected[t] = h
    _close(y, expected)
    _close(last_h, h)


@pytest.mark.parametrize("reverse", [0, 1])
@pytest.mark.parametrize("size", _SIZES, ids=str)
def test_rnn(size: tuple[int, int, int], reverse: int) -> None:
    steps, batch, hidden = size
    xw, r, h = _random(steps, batch, hidden), _random(hidden, hidden), _random(batch, hidden)
    last_h, y, _ = _call("rnn", size, xw=xw, r=pack(r.T), h=h, reverse=reverse, activation="tanh")
    expected = np.zeros((steps, batch, hidden))
    for t in _order(steps, reverse):
        h = _act("tanh", xw[t] + h @ r.T)
        expected[t] = h
    _close(y, expected)
    _close(last_h, h)


def test_no_units() -> None:
    empty = np.zeros(0, np.float32)
    run("lstm", xw=empty, r=empty, h=empty, c=empty, steps=3, batch=2, hidden=0)
