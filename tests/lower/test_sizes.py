import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packager.lower.sizes import Size, at_least, ceil_div, fold, maximum, minimum, product, symbol, symbols_of, value

B, S = symbol("b"), symbol("s")
OPERATIONS = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "//": lambda left, right: left // right,
    "%": lambda left, right: left % right,
    "min": minimum,
    "max": maximum,
}
PLAIN = {**OPERATIONS, "min": min, "max": max}

leaves = st.one_of(st.integers(-9, 9), st.sampled_from(["b", "s"]))
trees = st.recursive(leaves, lambda inner: st.tuples(st.sampled_from(sorted(OPERATIONS)), inner, inner), max_leaves=8)


def build(tree: object) -> Size:
    if isinstance(tree, tuple):
        return OPERATIONS[tree[0]](build(tree[1]), build(tree[2]))
    return tree if isinstance(tree, int) else symbol(str(tree))


def plain(tree: object, symbols: dict[str, int]) -> int:
    if isinstance(tree, tuple):
        return int(PLAIN[tree[0]](plain(tree[1], symbols), plain(tree[2], symbols)))
    return tree if isinstance(tree, int) else symbols[str(tree)]


@settings(max_examples=400, deadline=None)
@given(trees, st.integers(0, 40), st.integers(0, 40))
def test_an_expression_is_its_value(tree: object, b: int, s: int) -> None:
    symbols = {"b": b, "s": s}
    try:
        wanted = plain(tree, symbols)
        size = build(tree)
    except ZeroDivisionError:
        return
    if any(part == 0 for part in divisors(tree, symbols)):
        return
    assert value(size, symbols) == wanted


def divisors(tree: object, symbols: dict[str, int]) -> list[int]:
    if not isinstance(tree, tuple):
        return []
    own = [plain(tree[2], symbols)] if tree[0] in ("//", "%") else []
    return [*own, *divisors(tree[1], symbols), *divisors(tree[2], symbols)]


@settings(max_examples=200, deadline=None)
@given(trees, st.integers(-5, 30))
def test_a_bound_that_is_shown_holds(tree: object, bound: int) -> None:
    try:
        size = build(tree)
    except ZeroDivisionError:
        return
    if at_least(size, bound):
        for b, s in itertools.product((0, 1, 2, 7, 30), repeat=2):
            assert value(size, {"b": b, "s": s}) >= bound


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (B * S * 384 // (B * S), 384),
        ((2 * S + 1) // 2, S),
        (((S - 1) // 2) // 2, (S - 1) // 4),
        ((S // 2 + 3) // 2, (S + 6) // 4),
        (S - S, 0),
        ((4 * S + 6) % 4, 2),
        (maximum(S + 1, S), S + 1),
        (minimum(S, 0), 0),
        (maximum(3, 5), 5),
        (B * (S + 1), B * S + B),
        (ceil_div(2 * S, 2), S),
        (product((B, 2, S)), 2 * S * B),
    ],
)
def test_equal_sizes_are_equal_objects(left: Size, right: Size) -> None:
    assert left == right
    assert hash(left) == hash(right)


def test_symbols_are_named() -> None:
    assert symbols_of(maximum(B, 3) + S // 2) == {"b", "s"}
    assert symbols_of(4) == set()


def test_a_fold_sees_every_operation() -> None:
    assert fold((S + 1) // 2, lambda name: name, lambda op, left, right: f"({left}{op}{right})") in ("((1+s)//2)", "((s+1)//2)")


def test_a_division_by_nothing_gives_nothing() -> None:
    assert value(S // B, {"s": 4, "b": 0}) == 0
