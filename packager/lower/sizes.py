"""Sizes that may depend on symbolic dimensions: integers, or expressions over symbols in one canonical form.

A ``Size`` is an ``int`` or an ``Expr``. Operators fold constants, so an expression whose symbols cancel is an ``int`` again,
and equal expressions are equal objects however they were written. Symbols stand for dimensions: whole numbers, zero or more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, Union

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Size = Union[int, "Expr"]
Shape = tuple[Size, ...]
T = TypeVar("T")
Monomial = tuple["Atom", ...]


@dataclass(frozen=True)
class Symbol:
    """A dimension that only the caller's tensors tell."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Operation:
    """What a sum of products cannot express: ``//``, ``%``, ``min`` or ``max`` of two sizes."""

    op: str
    left: Size
    right: Size

    @cached_property
    def text(self) -> str:
        """The operation as written by hand; also its place in the canonical order."""
        if self.op in ("min", "max"):
            return f"{self.op}({self.left}, {self.right})"
        return f"{_bracketed(self.left)}{self.op}{_bracketed(self.right)}"

    def __str__(self) -> str:
        return self.text


Atom = Symbol | Operation


@dataclass(frozen=True, eq=False)
class Expr:
    """A sum of products: ``terms`` are (factors in order, coefficient other than 0), in order."""

    terms: tuple[tuple[Monomial, int], ...]

    @cached_property
    def _text(self) -> str:
        parts = []
        for factors, scale in self.terms:
            names = [_bracketed_atom(factor) for factor in factors]
            if scale != 1 or not names:
                names.insert(0, str(scale))
            parts.append("*".join(names))
        return " + ".join(parts).replace("+ -", "- ")

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expr) and self.terms == other.terms

    @cached_property
    def _hash(self) -> int:
        return hash(self.terms)

    def __hash__(self) -> int:
        return self._hash

    def __add__(self, other: Size) -> Size:
        return _sum([*self.terms, *_terms(other)])

    __radd__ = __add__

    def __neg__(self) -> Size:
        return self * -1

    def __sub__(self, other: Size) -> Size:
        return self + -other

    def __rsub__(self, other: Size) -> Size:
        return -self + other

    def __mul__(self, other: Size) -> Size:
        return _sum([(_product(a, b), x * y) for a, x in self.terms for b, y in _terms(other)])

    __rmul__ = __mul__

    def __floordiv__(self, other: Size) -> Size:
        return _divide(self, other)

    def __rfloordiv__(self, other: Size) -> Size:
        return _divide(other, self)

    def __mod__(self, other: Size) -> Size:
        return _modulo(self, other)

    def __rmod__(self, other: Size) -> Size:
        return _modulo(other, self)


def symbol(name: str) -> Expr:
    """The expression of one symbol."""
    return Expr((((Symbol(name),), 1),))


def minimum(left: Size, right: Size) -> Size:
    """The smaller of two, decided now where their difference allows it."""
    return _pick("min", left, right)


def maximum(left: Size, right: Size) -> Size:
    """The larger of two, decided now where their difference allows it."""
    return _pick("max", left, right)


def ceil_div(left: Size, right: Size) -> Size:
    """``left / right`` rounded up."""
    return -((-left) // right)


def product(sizes: Iterable[Size]) -> Size:
    """Of all; 1 for none."""
    result: Size = 1
    for size in sizes:
        result = result * size
    return result


def at_least(size: Size, bound: int) -> bool:
    """True where the size can be shown to be ``bound`` or more whatever the symbols are."""
    low = _lowest(size)
    return low is not None and low >= bound


def value(size: Size, symbols: Mapping[str, int]) -> int:
    """The number, once every symbol has one."""
    return size if isinstance(size, int) else int(fold(size, lambda name: symbols[name], _apply))


def fold(size: Size, leaf: Callable[[str], T], combine: Callable[[str, Any, Any], T]) -> T | int:
    """Walks a size: ``leaf`` gives what stands for a symbol, ``combine`` for an operation on two of those or integers."""
    total: T | int = 0
    for factors, scale in _terms(size):
        term: T | int = scale
        for factor in factors:
            if isinstance(factor, Symbol):
                part: T | int = leaf(factor.name)
            else:
                part = combine(factor.op, fold(factor.left, leaf, combine), fold(factor.right, leaf, combine))
            term = part if isinstance(term, int) and term == 1 else combine("*", part, term)
        total = term if isinstance(total, int) and total == 0 else combine("+", total, term)
    return total


def symbols_of(size: Size) -> set[str]:
    """Names of the symbols in it."""
    found: set[str] = set()
    fold(size, lambda name: found.update((name,)), lambda _op, _left, _right: None)
    return found


def _apply(op: str, left: int, right: int) -> int:
    if op in ("//", "%") and right == 0:
        return 0
    match op:
        case "+":
            return left + right
        case "*":
            return left * right
        case "//":
            return left // right
        case "%":
            return left % right
        case "min":
            return min(left, right)
    return max(left, right)


def _terms(size: Size) -> tuple[tuple[Monomial, int], ...]:
    if isinstance(size, Expr):
        return size.terms
    return (((), int(size)),) if size else ()


def _sum(terms: list[tuple[Monomial, int]]) -> Size:
    total: dict[Monomial, int] = {}
    for factors, scale in terms:
        total[factors] = total.get(factors, 0) + scale
    kept = sorted(((factors, scale) for factors, scale in total.items() if scale), key=_order)
    if not kept:
        return 0
    return kept[0][1] if len(kept) == 1 and not kept[0][0] else Expr(tuple(kept))


def _order(term: tuple[Monomial, int]) -> tuple[int, list[str]]:
    return -len(term[0]), [str(factor) for factor in term[0]]


def _product(left: Monomial, right: Monomial) -> Monomial:
    return tuple(sorted((*left, *right), key=str))


def _operation(op: str, left: Size, right: Size) -> Size:
    return Expr((((Operation(op, left, right),), 1),))


def _divide(left: Size, right: Size) -> Size:
    exact = _exact(left, right)
    if exact is not None:
        return exact
    if not isinstance(right, int) or right <= 0:
        return _operation("//", left, right)
    # (a·n + b) // n = a + b // n: what divides comes out.
    whole = [(factors, scale // right) for factors, scale in _terms(left) if scale % right == 0 or not factors]
    rest = _sum([(factors, scale % right if not factors else scale) for factors, scale in _terms(left)
                 if scale % right or not factors])  # fmt: skip
    if isinstance(rest, int):
        return _sum([*whole, ((), rest // right)])
    inner = _single(rest)
    if inner is not None and isinstance(inner[0].right, int) and inner[0].right > 0:
        # (x // a + k) // b = (x + k·a) // (a·b)
        quotient, offset = inner
        return _sum([*whole, *_terms(_divide(quotient.left + offset * quotient.right, quotient.right * right))])
    return _sum([*whole, *_terms(_operation("//", rest, right))])


def _single(size: Size) -> tuple[Operation, int] | None:
    """(x // a, k) where the size is ``x // a + k``."""
    quotients = [(factors, scale) for factors, scale in _terms(size) if factors]
    offset = sum(scale for factors, scale in _terms(size) if not factors)
    if len(quotients) == 1 and quotients[0][1] == 1 and len(quotients[0][0]) == 1:
        atom = quotients[0][0][0]
        if isinstance(atom, Operation) and atom.op == "//":
            return atom, offset
    return None


def _exact(left: Size, right: Size) -> Size | None:
    """The quotient where every term of ``left`` is a multiple of ``right``, a single product."""
    if left == right:
        return 1
    divisor = _terms(right)
    if len(divisor) != 1:
        return None
    factors, scale = divisor[0]
    result = []
    for product_, coefficient in _terms(left):
        rest = list(product_)
        for factor in factors:
            if factor not in rest:
                return None
            rest.remove(factor)
        if coefficient % scale:
            return None
        result.append((tuple(rest), coefficient // scale))
    return _sum(result)


def _modulo(left: Size, right: Size) -> Size:
    if _exact(left, right) is not None:
        return 0
    if not isinstance(right, int) or right <= 0:
        return _operation("%", left, right)
    rest = _sum([(factors, scale % right) for factors, scale in _terms(left)])
    return rest % right if isinstance(rest, int) else _operation("%", rest, right)


def _pick(op: str, left: Size, right: Size) -> Size:
    difference = left - right
    if at_least(difference, 0):
        return right if op == "min" else left
    if at_least(-difference, 0):
        return left if op == "min" else right
    first, second = sorted((left, right), key=str)
    return _operation(op, first, second)


def _lowest(size: Size) -> int | None:
    """A bound from below, or None where there is none to be seen."""
    total = 0
    for factors, scale in _terms(size):
        if not factors:
            total += scale
            continue
        lows = [_lowest_atom(factor) for factor in factors]
        if scale < 0 or any(low is None or low < 0 for low in lows):
            return None
        part = scale
        for low in lows:
            part *= low or 0
        total += part
    return total


def _lowest_atom(atom: Atom) -> int | None:
    if isinstance(atom, Symbol):
        return 0
    left, right = _lowest(atom.left), _lowest(atom.right)
    if atom.op == "max":
        known = [low for low in (left, right) if low is not None]
        return max(known) if known else None
    if atom.op == "min":
        return None if left is None or right is None else min(left, right)
    positive = isinstance(atom.right, int) and atom.right > 0
    if atom.op == "%":
        return 0 if positive or (right is not None and right >= 0) else None
    if left is not None and positive:
        return left // int(atom.right) if isinstance(atom.right, int) else None
    return 0 if left is not None and left >= 0 and right is not None and right >= 0 else None


def _bracketed(size: Size) -> str:
    text = str(size)
    return text if isinstance(size, int) or text.isidentifier() else f"({text})"


def _bracketed_atom(atom: Atom) -> str:
    return str(atom) if isinstance(atom, Symbol) or atom.op in ("min", "max") else f"({atom})"
