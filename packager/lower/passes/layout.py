"""Transposes sink towards the outputs until they meet their inverses: NHWC inside, the model's own layout at its borders.

A transpose moves past an operation that does not care for the order of dimensions; two in a row become one; one that moves
only dimensions of 1 is a reshape.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packager.lower.builder import GraphBuilder
from packager.lower.ir import Graph, Node, Operand, Value, prune
from packager.lower.passes.alias import merge_reshapes
from packager.lower.passes.cse import merge_equal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from packager.lower.sizes import Shape, Size

Perm = tuple[int, ...]
_MAX_ROUNDS = 12


def sink_transposes(graph: Graph) -> Graph:
    """The same function with as few transposes as sinking leaves."""
    for _ in range(_MAX_ROUNDS):
        sunk = merge_equal(merge_reshapes(_round(graph)))
        if len(sunk.nodes) == len(graph.nodes) and _places(sunk) == _places(graph):
            break
        graph = sunk
    return sunk


def _places(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes]


def _round(graph: Graph) -> Graph:
    build = GraphBuilder("layout.")
    build.checks.update(dict.fromkeys(graph.checks))
    moved: dict[Value, tuple[Value, Perm]] = {}
    stands: dict[Value, Value] = {}

    def current(operand: Operand) -> Operand:
        return stands.get(operand, operand) if operand is not None else None

    def plain(operand: Operand) -> Operand:
        """The operand itself, its transposes made where they were put off."""
        operand = current(operand)
        if operand is not None and operand in moved:
            source, perm = moved[operand]
            made = _turned(build, source, perm)
            stands[operand] = made
            moved.pop(operand)
            return made
        return operand

    for node in graph.nodes:
        build.source = node.source
        inputs = [current(operand) for operand in node.inputs]
        if node.op == "transpose":
            source, perm = inputs[0], tuple(node["perm"])
            assert source is not None
            if source in moved:
                source, first = moved[source]
                perm = tuple(first[axis] for axis in perm)
            _put(node.output, source, perm, moved, stands)
            continue
        rule = _RULES.get(node.op)
        found = rule(build, node, inputs, moved) if rule is not None and any(entry in moved for entry in inputs) else None
        if found is not None:
            for output, (source, perm) in zip(node.outputs, found, strict=True):
                _put(output, source, perm, moved, stands)
            continue
        kept = tuple(_again(plain, operand, stands) for operand in node.inputs)
        build.nodes.append(replace(node, inputs=kept))
    outputs = []
    for name, result in graph.outputs:
        build.source = ""
        made = plain(result)
        assert made is not None
        outputs.append((name, made))
    return prune(replace(graph, nodes=tuple(build.nodes), outputs=tuple(outputs), checks=tuple(build.checks)))


def _again(plain: Callable[[Operand], Operand], operand: Operand, stands: dict[Value, Value]) -> Operand:
    made = plain(operand)
    return stands.get(made, made) if made is not None else None


def _put(output: Value, source: Value, perm: Perm, moved: dict[Value, tuple[Value, Perm]], stands: dict[Value, Value]) -> None:
    """``output`` is ``source`` transposed, which is put off until something needs it."""
    if perm == tuple(range(len(perm))):
        stands[output] = source
    else:
        moved[output] = (source, perm)


def _turned(build: GraphBuilder, source: Value, perm: Perm) -> Value:
    """The transpose made after all: a reshape where only dimensions of 1 move."""
    if _only_ones_move(source.shape, perm):
        return build.op("reshape", source, shape=tuple(source.shape[axis] for axis in perm))
    return build.op("transpose", source, perm=perm)


def _only_ones_move(shape: Shape, perm: Perm) -> bool:
    real = [axis for axis in perm if shape[axis] != 1]
    return real == sorted(real)


Moved = dict[Value, tuple[Value, Perm]]
Found = list[tuple[Value, Perm]] | None


def _inverse(perm: Perm) -> Perm:
    return tuple(perm.index(axis) for axis in range(len(perm)))


def _unary(build: GraphBuilder, node: Node, inputs: Sequence[Operand], moved: Moved) -> Found:
    source, perm = moved[inputs[0]]  # type: ignore[index]
    rest = inputs[1:]
    return [(build.op(node.op, source, *rest, **node.attributes), perm)]


def _shared(inputs: Sequence[Operand], moved: Moved) -> Perm | None:
    """The transpose that the operands have in common, where the others can be had in its order for nothing."""
    perms = {moved[entry][1] for entry in inputs if entry in moved}
    if len(perms) != 1:
        return None
    (perm,) = perms
    for entry in inputs:
        if entry is None or entry in moved or entry.constant is not None:
            continue
        if entry.rank > len(perm) or not _only_ones_move((1,) * (len(perm) - entry.rank) + entry.shape, _inverse(perm)):
            return None
    return perm


def _ordered(build: GraphBuilder, entry: Operand, perm: Perm, moved: Moved) -> Operand:
    """The operand in the order before the transpose; of lower rank, it is filled up in front as broadcasting does."""
    if entry is None:
        return None
    if entry in moved:
        return moved[entry][0]
    if all(size == 1 for size in entry.shape):
        return entry
    shape = (1,) * (len(perm) - entry.rank) + tuple(entry.shape)
    full = entry if entry.rank == len(perm) else build.op("reshape", entry, shape=shape)
    inverse = _inverse(perm)
    if entry.constant is not None:
        return build.op("transpose", full, perm=inverse)
    return build.op("reshape", full, shape=tuple(shape[axis] for axis in inverse))


def _nary(build: GraphBuilder, node: Node, inputs: Sequence[Operand], moved: Moved) -> Found:
    perm = _shared(inputs, moved)
    if perm is None or node.output.rank != len(perm):
        return None
    ordered = [_ordered(build, entry, perm, moved) for entry in inputs]
    return [(build.op(node.op, *ordered, **node.attributes), perm)]


def _concat(build: GraphBuilder, node: Node, inputs: Sequence[Operand], moved: Moved) -> Found:
    perms = {moved[entry][1] for entry in inputs if entry in moved}
    if len(perms) != 1 or any(entry not in moved and (entry is None or entry.constant is None) for entry in inputs):
        return None
    (perm,) = perms
    ordered = [_ordered(build, entry, perm, moved) for entry in inputs]
    return [(build.op("concat", *ordered, axis=perm[node["axis"]]), perm)]


def _slice(build: GraphBuilder, node: Node, inputs: Sequence[Operand], moved: Moved) -> Found:
    source, perm = moved[inputs[0]]  # type: ignore[index]
    inverse = _inverse(perm)
    attributes = {name: tuple(node[name][axis] for axis in inverse) for name in ("starts", "counts", "steps")}
    return [(build.op("slice", source, **attributes), perm)]


def _pad(build: GraphBuilder, node: Node, inputs: Sequence[Operand], moved: Moved) -> Found:
    source, perm = moved[inputs[0]]  # type: ignore[index]
    inverse = _inverse(perm)
    sizes = {name: tuple(node[name][axis] for axis in inverse) for name in ("before", "after")}
    return [(build.op("pad", source, **{**node.attributes, **sizes}), perm)]


def _reduce(build: GraphBuilder, node: Node, inputs: Sequence[Operand], moved: Moved) -> Found:
    source, perm = moved[inputs[0]]  # type: ignore[index]
    axes = tuple(sorted(perm[axis] for axis in node["axes"]))
    made = build.op(node.op, source, **{**node.attributes, "axes": axes})
    if node["keepdims"]:
        return [(made, perm)]
    left = [axis for axis in range(len(perm)) if axis not in axes]
    return [(made, tuple(left.index(perm[axis]) for axis in range(len(perm)) if axis not in node["axes"]))]


def _along(build: GraphBuilder, node: Node, inputs: Sequence[Operand], moved: Moved) -> Found:
    source, perm = moved[inputs[0]]  # type: ignore[index]
    return [(build.op(node.op, source, **{**node.attributes, "axis": perm[node["axis"]]}), perm)]


def _reshape(build: GraphBuilder, node: Node, inputs: Sequence[Operand], moved: Moved) -> Found:
    """Past a reshape that splits single dimensions, or drops and adds ones; merged dimensions must lie side by side."""
    source, perm = moved[inputs[0]]  # type: ignore[index]
    before = tuple(source.shape[axis] for axis in perm)
    groups = _groups(before, tuple(node["shape"]))
    if groups is None:
        return None
    places = [[perm[axis] for axis in old if before[axis] != 1] for old, _ in groups]
    if any(place != list(range(place[0], place[0] + len(place))) for place in places if place):
        order = _gathered(perm, groups)
        if order == perm:
            return None
        source = build.op("transpose", source, perm=order)
        perm = tuple(order.index(axis) for axis in perm)
    # The new dimensions in the order of the source.
    last = [max((perm[axis] for axis in old), default=-1) for old, _ in groups]
    taken = [axis for index in sorted(range(len(groups)), key=lambda index: last[index]) for axis in groups[index][1]]
    made = build.op("reshape", source, shape=tuple(node["shape"][axis] for axis in taken))
    return [(made, tuple(taken.index(axis) for axis in range(len(taken))))]


Groups = list[tuple[list[int], list[int]]]


def _gathered(perm: Perm, groups: Groups) -> Perm:
    """The order of the source with merged dimensions side by side, at the place of their last: a channel shuffle."""
    order = sorted(range(len(groups)), key=lambda index: max((perm[axis] for axis in groups[index][0]), default=-1))
    return tuple(perm[axis] for index in order for axis in groups[index][0])


def _groups(before: Sequence[Size], after: Sequence[Size]) -> Groups | None:
    """How a reshape takes old dimensions to new ones, in smallest groups of equal products. None if it is not to be seen."""
    groups: Groups = []
    i = j = 0
    while i < len(before) or j < len(after):
        old, new = [], []
        left: Size = 1
        right: Size = 1
        if i < len(before):
            old, left, i = [i], before[i], i + 1
        if j < len(after) and (not old or left != 1 or i >= len(before)):
            new, right, j = [j], after[j], j + 1
        while left != right:
            if _divides(left, right) and i < len(before):
                left, i = left * before[i], i + 1
                old.append(i - 1)
            elif _divides(right, left) and j < len(after):
                right, j = right * after[j], j + 1
                new.append(j - 1)
            else:
                return None
        groups.append((old, new))
    return groups


def _divides(small: Size, large: Size) -> bool:
    return (
        small == 1
        or (isinstance(small, int) and isinstance(large, int) and small > 0 and large % small == 0)
        or (small != 0 and large % small == 0)
    )


_RULES: dict[str, Callable[[GraphBuilder, Node, Sequence[Operand], Moved], Found]] = {
    "unary": _unary, "test": _unary, "not": _unary, "cast": _unary,
    "binary": _nary, "compare": _nary, "logic": _nary, "where": _nary,
    "concat": _concat, "slice": _slice, "pad": _pad, "reduce": _reduce,
    "softmax": _along, "cumsum": _along, "local_response": _along,
    "reshape": _reshape,
}  # fmt: skip
