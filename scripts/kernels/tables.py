"""Reads web_runtime/kernels/table/*.json: the one description of the kernels, explained in web_runtime/kernels/README.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packager.lower.kernels import DTYPE_BYTES, Argument, Kernel

if TYPE_CHECKING:
    from packager.lower.kernels import Expression

ROOT = Path(__file__).parents[2]
TABLES = ROOT / "web_runtime" / "kernels" / "table"
BUFFERS = ("in", "in?", "out", "inout")
SCALARS = ("size", "int", "float")
_OPS = ("+", "-", "*", "//", "%", "min", "max")
_KEYS = {"name", "kind", "dtype", "elements", "over"}

# A kernel or an argument as the table has it.
Row = dict[str, Any]


class _Expander:
    """Writes `span`, `up` and ops of many out in binary ops; notes what must be >= 0 for a span to hold."""

    def __init__(self, kinds: dict[str, str]) -> None:
        self.kinds = kinds
        self.checks: list[Expression] = []

    def __call__(self, expression: Expression) -> Expression:
        if isinstance(expression, int):
            return expression
        if isinstance(expression, str):
            if self.kinds.get(expression) not in ("size", "int"):
                raise ValueError(f"{expression!r} is not a size or int argument")
            return expression
        op, *parts = expression
        if op == "span":
            return self._span(parts)
        operands = [self(part) for part in parts]
        if op == "up":
            value, step = operands
            return ["*", ["//", ["+", value, step - 1], step], step]
        if op not in _OPS or len(operands) < 2 or (op in ("-", "//", "%") and len(operands) != 2):
            raise ValueError(f"{expression!r} is not an expression")
        return _chain(op, operands)

    def _span(self, parts: list[Expression]) -> Expression:
        counts, strides = [self(p) for p in parts[::2]], [self(p) for p in parts[1::2]]
        for part in [*counts, *strides]:
            if not self._natural(part) and part not in self.checks:
                self.checks.append(part)
        reach = [c if s == 1 else ["*", ["-", c, 1], s] for c, s in zip(counts, strides, strict=True)]
        # The one stride of 1 counts its elements whole, which saves the `1 +`.
        whole = [] if 1 in strides else [1]
        if strides.count(1) > 1:
            reach = [["-", c, 1] if s == 1 else r for c, s, r in zip(counts, strides, reach, strict=True)]
            whole = [1]
        return _chain("*", [_chain("min", [1, *counts]), _chain("+", [*whole, *reach])])

    def _natural(self, part: Expression) -> bool:
        """Whether the expression cannot be negative."""
        if isinstance(part, int):
            return part >= 0
        if isinstance(part, str):
            return self.kinds[part] == "size"
        return part[0] != "-" and all(self._natural(p) for p in part[1:])


def _chain(op: str, operands: list[Expression]) -> Expression:
    result = operands[0]
    for operand in operands[1:]:
        result = [op, result, operand]
    return result


def _argument(row: Row, expand: _Expander) -> Argument:
    if unknown := set(row) - _KEYS:
        raise ValueError(f"argument {row['name']!r} has {sorted(unknown)}")
    if row["kind"] in SCALARS:
        return Argument(row["name"], row["kind"])
    if row["kind"] not in BUFFERS or row["dtype"] not in DTYPE_BYTES:
        raise ValueError(f"argument {row['name']!r} has an unknown kind or dtype")
    return Argument(row["name"], row["kind"], row["dtype"], expand(row["elements"]), row.get("over"))


def _kernel(place: int, name: str, row: Row) -> Kernel:
    expand = _Expander({arg["name"]: arg["kind"] for arg in row["args"]})
    args = tuple(_argument(arg, expand) for arg in row["args"])
    if len({arg.name for arg in args}) != len(args):
        raise ValueError("two arguments have the same name")
    checks = [expand(check) for check in row["checks"]]
    work = expand(row["work"])
    return Kernel(place, name, row["summary"], args, tuple(checks + expand.checks), work, row["parallel"])


def read_rows() -> dict[str, Row]:
    """Return the rows of all families in the order of the kernels' ids, by name; ValueError where two share one."""
    rows: dict[str, Row] = {}
    for path in sorted(TABLES.glob("*.json")):
        if path.stem in ("activations", "operations"):
            continue
        family = json.loads(path.read_text(encoding="utf-8"))
        if twice := rows.keys() & family:
            raise ValueError(f"{path.name}: the kernels {sorted(twice)} are there twice")
        rows |= family
    return dict(sorted(rows.items()))


def read_kernels() -> list[Kernel]:
    """Return the kernels in the order of their ids; ValueError names the one whose row is wrong.

    Their expressions know only binary ops: spans and the like are written out.
    """
    kernels = []
    for place, (name, row) in enumerate(read_rows().items()):
        try:
            kernels.append(_kernel(place, name, row))
        except (KeyError, ValueError, TypeError) as error:
            raise ValueError(f"kernel {name!r}: {error!r}") from error
    return kernels


def read_activations() -> list[str]:
    """Return the names of the activations in the order of their ids."""
    return list(json.loads((TABLES / "activations.json").read_text(encoding="utf-8")))


def read_operations() -> dict[str, list[str]]:
    """Return the operations of each group in the order of their ids; those of unary_f32 begin with the activations."""
    groups = json.loads((TABLES / "operations.json").read_text(encoding="utf-8"))
    groups["unary_f32"] = read_activations() + list(groups["unary_f32"])
    return {group: list(names) for group, names in groups.items()}
