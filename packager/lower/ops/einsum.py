"""Einsum: sums over what one operand has alone, then products two by two, as matrix products or element by element."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packager.lower.ops.matrix import matmul
from packager.lower.ops.pairs import binary
from packager.lower.sizes import product
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.lower.ir import Value
    from packager.lower.ops.base import Call, Import, Op

# A term is a value and a letter for each of its dimensions.
Term = tuple["Value", str]
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _einsum(call: Call) -> Value:
    values = [call[index] for index in range(len(call.inputs))]
    if any(value.dtype != "float32" for value in values):
        raise Unsupported(f"it works on {values[0].dtype}")
    terms, wanted = _parsed(str(call.get("equation")), values)
    for value, letters in terms:
        if len(set(letters)) != len(letters):
            raise Unsupported("it reads a diagonal")
        for other, names in terms:
            for axis, letter in enumerate(letters):
                if letter in names:
                    call.build.equal(value.shape[axis], other.shape[names.index(letter)])
    while len(terms) > 1:
        (a, b), rest = terms[:2], terms[2:]
        needed = set(wanted).union(*(letters for _, letters in rest))
        terms = [_joined(call, _alone(call, a, needed | set(b[1])), _alone(call, b, needed | set(a[1])), needed), *rest]
    value, letters = _alone(call, terms[0], set(wanted))
    return _ordered(call, value, letters, wanted)


def _parsed(equation: str, values: Sequence[Value]) -> tuple[list[Term], str]:
    """The terms, and the letters of the output; dimensions behind an ellipsis get capitals that nothing else has."""
    equation = equation.replace(" ", "")
    left, _, right = equation.partition("->")
    names = left.split(",")
    if len(names) != len(values):
        raise Unsupported("its equation has other operands than it")
    free = [letter for letter in _LETTERS if letter not in equation]
    extra = max(value.rank - len(name.replace("...", "")) for name, value in zip(names, values, strict=True))
    hidden = "".join(free[:extra]) if "..." in equation else ""
    terms = []
    for name, value in zip(names, values, strict=True):
        own = value.rank - len(name.replace("...", ""))
        letters = name.replace("...", hidden[len(hidden) - own :] if own else "")
        if len(letters) != value.rank or not re.fullmatch("[A-Za-z]*", letters):
            raise Unsupported("its equation does not fit its operands")
        terms.append((value, letters))
    if "->" in equation:
        return terms, right.replace("...", hidden)
    every = "".join(letters for _, letters in terms)
    return terms, hidden + "".join(sorted(letter for letter in set(every) - set(hidden) if every.count(letter) == 1))


def _alone(call: Call, term: Term, needed: set[str]) -> Term:
    """Without the dimensions that nothing else asks for: their sum."""
    value, letters = term
    axes = tuple(axis for axis, letter in enumerate(letters) if letter not in needed)
    if axes:
        value = call.build.op("reduce", value, fn="sum", axes=axes, keepdims=0)
    return value, "".join(letter for letter in letters if letter in needed)


def _joined(call: Call, a: Term, b: Term, needed: set[str]) -> Term:
    (left, names), (right, others) = a, b
    both = [letter for letter in names if letter in others]
    batch, summed = "".join(entry for entry in both if entry in needed), "".join(entry for entry in both if entry not in needed)
    rows, columns = (
        "".join(entry for entry in names if entry not in both),
        "".join(entry for entry in others if entry not in both),
    )
    sizes = dict(zip(names, left.shape, strict=True)) | dict(zip(others, right.shape, strict=True))

    def shaped(term: Term, *groups: str) -> Value:
        value = _ordered(call, term[0], term[1], batch + "".join(groups))
        merged = tuple(product([sizes[letter] for letter in group]) for group in groups)
        shape = (*(sizes[letter] for letter in batch), *merged)
        return value if shape == tuple(value.shape) else call.build.op("reshape", value, shape=shape)

    letters = batch + rows + columns
    if summed:
        made = matmul(call, shaped(a, rows, summed), shaped(b, summed, columns))
    else:
        first = shaped(a, rows)
        wide = call.build.op("reshape", first, shape=(*first.shape, 1))
        second = shaped(b, columns)
        narrow = call.build.op("reshape", second, shape=(*second.shape[:-1], 1, second.shape[-1]))
        made = binary(call, "mul", wide, narrow)
    return call.build.op("reshape", made, shape=tuple(sizes[letter] for letter in letters)), letters


def _ordered(call: Call, value: Value, letters: str, wanted: str) -> Value:
    if sorted(letters) != sorted(wanted):
        raise Unsupported("its output has letters that its operands lack")
    if letters == wanted:
        return value
    return call.build.op("transpose", value, perm=tuple(letters.index(letter) for letter in wanted))


OPS: list[Op] = []
IMPORTS: dict[str, Import] = {"Einsum": _einsum}
