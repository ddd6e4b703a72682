"""Hostile plans, weights and inputs, made from sound ones: what a fuzzer sends."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from random import Random

    from .engine import Case

NUMBERS = (
    0,
    1,
    -1,
    2,
    3,
    7,
    8,
    64,
    255,
    4096,
    65_536,
    2**24,
    2**30,
    2**31 - 1,
    2**31,
    -(2**31),
    2**32,
    2**53,
    2**63,
    0.5,
    1e300,
)
OTHERS: tuple[Any, ...] = (None, True, "", "batch", "arena", "weights", "loaded", "float32", "int64", [], {}, "inf", "nan")


def mutated(case: Case, random: Random) -> Case:
    """One case with something wrong with it; mostly a plan that still looks like one."""
    kind = random.random()
    if kind < 0.1:
        return replace(case, plan=_scratched(case, random))
    if kind < 0.2:
        return replace(case, weights=_damaged(case.weights, random))
    if kind < 0.3:
        return replace(case, inputs={name: _odd(array, random) for name, array in case.inputs.items()})
    plan = _plan(case)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        _mutate(plan, random)
    return replace(case, plan=plan)


def _plan(case: Case) -> dict[str, Any]:
    """A plan of its own: from text, where it is that, ten times as fast as a copy."""
    return json.loads(case.plan) if isinstance(case.plan, bytes) else copy.deepcopy(case.plan)


def _scratched(case: Case, random: Random) -> bytes:
    """The text with some bytes changed."""
    text = bytearray(json.dumps(_plan(case)).encode())
    for _ in range(random.randint(1, 4)):
        text[random.randrange(len(text))] = random.choice(b'0123456789,:"[]{}-+*ae\xff ')
    return bytes(text[: random.choice((len(text), len(text), random.randrange(len(text))))])


def _damaged(weights: bytes, random: Random) -> bytes:
    damaged = bytearray(weights)
    for _ in range(random.choice((1, 8, 64))):
        if damaged:
            damaged[random.randrange(len(damaged))] = random.choice((0, 1, 127, 128, 255))
    return bytes(damaged[: random.choice((len(damaged), len(damaged), random.randrange(len(damaged) + 1)))])


def _odd(array: np.ndarray, random: Random) -> np.ndarray:
    """Other values, or other dims."""
    if array.ndim and random.random() < 0.5:
        dims = list(array.shape)
        dims[random.randrange(array.ndim)] = random.choice((0, 1, 2, 5, 13, 40))
        return np.resize(array, dims).astype(array.dtype) if array.size else np.zeros(dims, array.dtype)
    changed = array.copy().reshape(-1)
    values = (np.nan, np.inf, -np.inf, 0, 1e38, -1e38) if array.dtype.kind == "f" else (0, -1, 2**31, -(2**31), 2**62, -(2**63))
    for _ in range(3):
        if changed.size:
            changed[random.randrange(changed.size)] = random.choice(values)
    return changed.reshape(array.shape)


def _mutate(plan: dict[str, Any], random: Random) -> None:
    """Changes one thing, more often deep inside than at the top."""
    part = random.choice(("sizes", "sizes", "values", "values", "steps", "steps", "steps", "any"))
    at: Any = plan if part == "any" else plan[part]
    parent, key = plan, part
    while isinstance(at, dict | list) and at and random.random() < 0.85:
        parent = at
        key = random.choice(list(at) if isinstance(at, dict) else range(len(at)))  # type: ignore[arg-type, assignment]
        at = parent[key]  # type: ignore[index]
    if isinstance(parent, list) and random.random() < 0.2:
        other = random.randrange(len(parent))
        action = random.choice(("swap", "repeat", "drop"))
        if action == "swap":
            parent[key], parent[other] = parent[other], parent[key]  # type: ignore[index]
        elif action == "repeat":
            parent.insert(other, copy.deepcopy(at))
        else:
            del parent[other]
    elif isinstance(at, int) and random.random() < 0.5:
        parent[key] = at + random.choice((-1, 1, -8, 8, 64, at))  # type: ignore[index]
    else:
        parent[key] = random.choice(NUMBERS if random.random() < 0.7 else OTHERS)  # type: ignore[index]
