"""A plan as text for people: each step with its kernel, shapes, buffers, operations and bytes; and a summary."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from packager.lower._kernels import ACTIVATIONS, KERNELS, OPERATIONS
from packager.lower.kernels import evaluate

Plan = Mapping[str, Any]


@dataclass(frozen=True)
class Summary:
    """What one inference takes: bytes, and scalar operations."""

    steps: int
    operations: int
    arena: int
    activations: int
    weights: int
    loaded: int
    by_kernel: dict[str, tuple[int, int]]


def describe(plan: Plan, dims: Mapping[str, int] | None = None, sources: Sequence[str] = ()) -> str:
    """The plan with its symbols as ``dims`` says (1 for what it leaves out), and the model's node behind each step."""
    view = _View(plan, dims or {})
    lines = [view.heading(), ""]
    if plan["load"]:
        lines += ["Once, after the weights are there:", *view.listing(plan["load"], ()), ""]
    lines += ["For each inference:", *view.listing(plan["steps"], sources), "", *_totals(summary(plan, dims))]
    return "\n".join(lines) + "\n"


def summary(plan: Plan, dims: Mapping[str, int] | None = None) -> Summary:
    """Totals for these dimensions. The arena is that of a simple plan; the page's may be smaller."""
    view = _View(plan, dims or {})
    by_kernel: dict[str, tuple[int, int]] = {}
    for step in plan["steps"]:
        count, work = by_kernel.get(step["kernel"], (0, 0))
        by_kernel[step["kernel"]] = count + 1, work + view.work(step)
    lives = view.lives()
    loaded = sum(view.bytes(index) for index, value in enumerate(plan["values"]) if value["place"] == "loaded")
    return Summary(
        len(plan["steps"]), sum(work for _, work in by_kernel.values()), _arena(list(lives.values())),
        sum(life.bytes for life in lives.values()), plan["weights"], loaded, by_kernel,
    )  # fmt: skip


@dataclass(frozen=True)
class _Life:
    first: int
    last: int
    bytes: int


class _View:
    """A plan at given dimensions."""

    def __init__(self, plan: Plan, dims: Mapping[str, int]) -> None:
        self.plan = plan
        self.dims = {name: dims.get(name, 1) for name in plan["symbols"]}
        self.sizes: list[int] = []
        for entry in plan["sizes"]:
            self.sizes.append(self._size(entry))

    def _size(self, entry: Any) -> int:
        if isinstance(entry, str):
            return self.dims[entry]
        if isinstance(entry, int):
            return entry
        op, left, right = entry[0], self.sizes[entry[1]], self.sizes[entry[2]]
        if op in ("//", "%") and right == 0:
            return 0
        return int(evaluate((op, left, right), {}))

    def shape(self, index: int) -> tuple[int, ...]:
        return tuple(self.sizes[size] for size in self.plan["values"][index]["shape"])

    def bytes(self, index: int) -> int:
        value = self.plan["values"][index]
        return math.prod(self.shape(index)) * int(np.dtype(value["dtype"]).itemsize)

    def root(self, index: int) -> int:
        value = self.plan["values"][index]
        return self.root(value["of"]) if value["place"] == "alias" else index

    def work(self, step: Mapping[str, Any]) -> int:
        kernel = KERNELS[step["kernel"]]
        given = {
            argument.name: self.sizes[arg["s"]] if "s" in arg else arg["i"]
            for argument, arg in zip(kernel.args, step["args"], strict=True)
            if argument.dtype is None and argument.kind != "float"
        }
        return evaluate(kernel.work, given)

    def lives(self) -> dict[int, _Life]:
        """When each value that is computed is needed, by its root: first and last step, and bytes."""
        spans: dict[int, tuple[int, int]] = {}
        for place, step in enumerate(self.plan["steps"]):
            for arg in step["args"]:
                if arg is not None and "v" in arg:
                    root = self.root(arg["v"])
                    if self.plan["values"][root]["place"] in ("arena", "output", "input"):
                        spans[root] = spans.get(root, (place, place))[0], place
        return {root: _Life(first, last, self.bytes(root)) for root, (first, last) in spans.items()}

    def heading(self) -> str:
        plan = self.plan
        inputs, outputs = (
            ", ".join(f"{entry['name']} {self.buffer(entry['value'])}" for entry in plan[kind])
            for kind in ("inputs", "outputs")
        )
        at = ", ".join(f"{name} = {number}" for name, number in self.dims.items())
        return f"{inputs} → {outputs}" + (f", at {at}" if at else "")

    def buffer(self, index: int) -> str:
        value = self.plan["values"][index]
        text = f"{value['dtype']}[{'×'.join(map(str, self.shape(index)))}]"
        if value["place"] == "alias":
            offset = self.sizes[value["offset"]] if "offset" in value else 0
            return f"v{self.root(index)}{f'+{offset}' if offset else ''} as {text}"
        return f"{'w' if value['place'] in ('weights', 'loaded') else 'v'}{index} {text}"

    def listing(self, steps: Sequence[Mapping[str, Any]], sources: Sequence[str]) -> Iterator[str]:
        width = max((len(step["kernel"]) for step in steps), default=0)
        for place, step in enumerate(steps):
            reads, writes, words = self._arguments(step)
            moved = sum(self.bytes(index) for index in {*reads, *writes})
            source = f"  ← {sources[place]}" if place < len(sources) and sources[place] else ""
            taken, made = (", ".join(map(self.buffer, buffers)) for buffers in (reads, writes))
            yield (
                f"{place:4} {step['kernel']:{width}}  {taken} → {made}"
                f"{words}  {count(self.work(step))}op {count(moved)}B{source}"
            )

    def _arguments(self, step: Mapping[str, Any]) -> tuple[list[int], list[int], str]:
        reads: list[int] = []
        writes: list[int] = []
        words: list[str] = []
        for argument, arg in zip(KERNELS[step["kernel"]].args, step["args"], strict=True):
            if arg is not None and "v" in arg:
                (writes if argument.kind in ("out", "inout") else reads).append(arg["v"])
            elif argument.name in ("activation", "operation") and arg is not None and "i" in arg:
                word = _word(step["kernel"], argument.name, arg["i"])
                words += [f"  {word}"] if word not in ("none", "") else []
        return reads, writes, "".join(words)


def _word(kernel: str, argument: str, number: int) -> str:
    if argument == "activation":
        return ACTIVATIONS[number]
    family = kernel.split("_")[0]
    group = {"unary": "unary_f32", "compare": "comparison", "logic": "logic", "reduce": "reduction"}.get(family, family)
    group = {"unary_i32": "unary_int", "unary_i64": "unary_int", "test_f32": "test_f32"}.get(kernel, group)
    words = OPERATIONS.get(group, ())
    return words[number] if number < len(words) else str(number)


def _arena(lives: Sequence[_Life]) -> int:
    """The largest first, each at the lowest place that is free for as long as it lives."""
    placed: list[tuple[int, _Life]] = []
    for life in sorted(lives, key=lambda life: (-life.bytes, life.first)):
        at = 0
        for start, other in sorted(placed, key=lambda entry: entry[0]):
            if other.first <= life.last and life.first <= other.last and start < at + life.bytes:
                at = max(at, start + other.bytes)
        placed.append((at, life))
    return max((start + life.bytes for start, life in placed), default=0)


def _totals(found: Summary) -> Iterator[str]:
    share = 100 * found.arena / found.activations if found.activations else 0
    yield f"{found.steps} steps, {count(found.operations)}op"
    yield f"arena {count(found.arena)}B ({share:.0f} % of all activations, {count(found.activations)}B)"
    expanded = f", expanded to {count(found.loaded)}B while loading" if found.loaded else ""
    yield f"weights {count(found.weights)}B{expanded}"
    for kernel, (calls, work) in sorted(found.by_kernel.items(), key=lambda entry: (-entry[1][1], entry[0])):
        yield f"  {kernel}: {calls} calls, {count(work)}op"


def count(number: int) -> str:
    """With a prefix, three digits: 12.3 M."""
    scaled = float(number)
    for prefix in ("", "k", "M", "G"):
        if scaled < 1000 or prefix == "G":
            break
        scaled /= 1000
    digits = f"{scaled:.0f}" if scaled >= 100 or not prefix else f"{scaled:.3g}"
    return f"{digits} {prefix}"
