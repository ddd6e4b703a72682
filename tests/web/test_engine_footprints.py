"""Every kernel, called with arguments at random and buffers of exactly the bytes that its table says: it touches no other byte.

The page's checks of hostile plans stand on the tables, so what they say must be true whatever the buffers hold.
"""

from __future__ import annotations

import random
from math import ceil
from typing import Any

import numpy as np
import pytest

from .engine import Case, NodeEngine, Out, call, node_engine, table

TRIES, WANTED = 4000, 40
SIZES = (0, 1, 1, 1, 2, 2, 3, 4, 5, 7, 8, 9, 12, 17)
INTS = (0, 0, 1, 1, 2, 3, 4, 5, 8, -1, -2, 13)
DTYPES = {
    "f32": "float32", "f16": "float16", "i64": "int64", "i32": "int32", "i8": "int8", "u8": "uint8",
    "bool": "bool", "any": "uint8",
}  # fmt: skip
LIMITS = {"memory": 64 * 2**20, "work": 1e7}


def evaluate(expression: Any, names: dict[str, int]) -> int:
    """An expression of the tables, as web_runtime/kernels/README.md has it. Raises ValueError where it has no value."""
    if isinstance(expression, int):
        return expression
    if isinstance(expression, str):
        return names[expression]
    operator, *operands = expression
    values = [evaluate(operand, names) for operand in operands]
    if operator == "span":
        counts, strides = values[::2], values[1::2]
        if min(values) < 0:
            raise ValueError
        return 0 if 0 in counts else 1 + sum((count - 1) * stride for count, stride in zip(counts, strides, strict=True))
    result = values[0]
    for value in values[1:]:
        result = {
            "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "min": min, "max": max,
            "//": lambda a, b: a // b if b else 0, "%": lambda a, b: a % b if b else 0, "up": lambda a, b: ceil(a / b) * b,
        }[operator](result, value)  # fmt: skip
    return result


def arguments(kernel: dict[str, Any], source: random.Random) -> dict[str, int] | None:
    """Sizes and ints for which its conditions hold, or None."""
    for _ in range(TRIES // WANTED):
        names = {
            entry["name"]: source.choice(SIZES if entry["kind"] == "size" else INTS)
            for entry in kernel["args"]
            if entry["kind"] in ("size", "int")
        }
        try:
            if all(evaluate(check, names) >= 0 for check in kernel["checks"]) and evaluate(kernel["work"], names) < 1e6:
                [evaluate(entry["elements"], names) for entry in kernel["args"] if "elements" in entry]
                return names
        except ValueError:
            continue
    return None


def filled(dtype: str, elements: int, source: random.Random) -> np.ndarray:
    """Contents that no kernel may trip over: large, odd, out of any range."""
    random_ = np.random.default_rng(source.randrange(2**32))
    if dtype == "bool":
        return random_.integers(0, 2, elements).astype(bool)
    if dtype.startswith("float"):
        large = 6e4 if dtype == "float16" else 1e30
        return random_.choice(np.array([0, 1, -1, 0.5, 3, np.nan, np.inf, large, -large, 7]), elements).astype(dtype)
    low, high = (-(2**31), 2**31 - 1) if dtype in ("int32", "int64") else (-128 if dtype == "int8" else 0, 127)
    return random_.choice(np.array([0, 1, 2, 3, 5, -1, low, high]).clip(low, high), elements).astype(dtype)


def cases(name: str, source: random.Random) -> list[Case]:
    kernel = table()[name]
    made = []
    for _ in range(WANTED):
        names = arguments(kernel, source)
        if names is None:
            continue
        given: dict[str, Any] = dict(names)
        for entry in kernel["args"]:
            if entry["kind"] == "float":
                given[entry["name"]] = source.choice((0.0, 1.0, -1.0, 0.1, 1e-5, float("inf")))
            elif "elements" in entry:
                shape = (max(0, evaluate(entry["elements"], names)),)
                dtype = DTYPES[entry["dtype"]]
                absent = entry["kind"] == "in?" and source.random() < 0.3
                given[entry["name"]] = (
                    None if absent else Out(shape, dtype) if entry["kind"] == "out" else filled(dtype, shape[0], source)
                )
        case = call(name, **given)
        made.append(Case(case.plan, case.weights, case.inputs, limits=LIMITS, guard="buffers"))
    return made


@pytest.fixture(scope="module")
def engine():
    with node_engine() as engine:
        yield engine


@pytest.mark.parametrize("name", sorted(table()))
def test_it_touches_what_its_table_says(name: str, engine: NodeEngine) -> None:
    source = random.Random(name)
    made = cases(name, source)
    results = engine.run(made)
    wrong = [(result.message, case.plan) for result, case in zip(results, made, strict=True) if result.error == "uncoded"]
    assert wrong == []
    ran = sum(not result.error for result in results)
    assert ran >= WANTED / 8, [result.message for result in results if result.error][:3]
