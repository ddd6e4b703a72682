"""What a kernel of the compiled engine is; web_runtime/kernels/README.md explains their table, `_kernels.py` holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Expression = Any  # int | name of a size or int argument | (op, Expression, Expression); recursive types are no help here

DTYPE_BYTES = {"f32": 4, "f16": 2, "i64": 8, "i32": 4, "i8": 1, "u8": 1, "bool": 1, "any": 1}


@dataclass(frozen=True)
class Argument:
    """One argument; a buffer has a dtype and counts elements, `over` names the input that may be the same buffer."""

    name: str
    kind: str
    dtype: str | None = None
    elements: Expression = None
    over: str | None = None


@dataclass(frozen=True)
class Kernel:
    """One kernel: every expression of `checks` must be >= 0; `work` counts scalar operations."""

    id: int
    name: str
    summary: str
    args: tuple[Argument, ...]
    checks: tuple[Expression, ...]
    work: Expression
    parallel: bool


def evaluate(expression: Expression, values: Mapping[str, int]) -> int:
    """The value of an expression, given the sizes and ints by name."""
    if isinstance(expression, int):
        return expression
    if isinstance(expression, str):
        return values[expression]
    op, a, b = expression[0], evaluate(expression[1], values), evaluate(expression[2], values)
    match op:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "//":
            return a // b
        case "%":
            return a % b
        case "min":
            return min(a, b)
        case _:
            return max(a, b)
