"""Holds a plan to docs/plan.md, at given dimensions: what the page's engine refuses fails here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower._kernels import KERNELS
from packager.lower.kernels import DTYPE_BYTES, evaluate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packager.lower import Compiled

PLACES = {"input", "output", "arena", "weights", "loaded", "alias"}
KERNEL_DTYPES = {
    "float32": "f32",
    "float16": "f16",
    "int64": "i64",
    "int32": "i32",
    "int8": "i8",
    "uint8": "u8",
    "bool": "bool",
}


def hold(compiled: Compiled, dims: Mapping[str, int]) -> None:
    """Every rule of docs/plan.md."""
    plan = compiled.plan
    assert set(plan) - {"check"} == {
        "format", "version", "symbols", "sizes", "values", "inputs", "outputs", "weights", "load", "steps",
    }  # fmt: skip
    sizes = bound(plan, dims)
    for left, right in plan.get("check", []):
        assert sizes[left] == sizes[right], (left, right)
    values(plan, sizes)
    assert sum(map(len, compiled.weights)) == plan["weights"]
    assert len(compiled.sources) == len(plan["steps"])
    ready = {index for index, value in enumerate(plan["values"]) if value["place"] in ("input", "weights")}
    for kind in ("load", "steps"):
        for step in plan[kind]:
            hold_step(plan, sizes, step, ready, kind == "load")
    for entry in plan["outputs"]:
        assert bottom(plan, entry["value"]) in ready, entry["name"]


def bound(plan: Mapping[str, Any], dims: Mapping[str, int]) -> list[int]:
    """The sizes of the pool."""
    sizes: list[int] = []
    for entry in plan["sizes"]:
        if isinstance(entry, list):
            op, left, right = entry
            assert op in {"+", "-", "*", "//", "%", "min", "max"}
            assert 0 <= left < len(sizes)
            assert 0 <= right < len(sizes)
            nothing = op in ("//", "%") and sizes[right] == 0
            sizes.append(0 if nothing else evaluate((op, sizes[left], sizes[right]), {}))
        else:
            sizes.append(dims[entry] if isinstance(entry, str) else entry)
    return sizes


def values(plan: Mapping[str, Any], sizes: list[int]) -> None:
    """Places, offsets and shapes."""
    for index, value in enumerate(plan["values"]):
        assert value["place"] in PLACES
        assert all(sizes[size] >= 0 for size in value["shape"]), value
        if value["place"] == "weights":
            assert value["offset"] % 64 == 0
            assert value["offset"] + count(value, sizes) * np.dtype(value["dtype"]).itemsize <= plan["weights"]
        if value["place"] == "alias":
            assert value["of"] < index
            assert sizes[value.get("offset", 0)] >= 0 or "offset" not in value
        if value["place"] in ("weights", "loaded"):
            assert all(isinstance(plan["sizes"][size], int) for size in value["shape"])
    inputs = [index for index, value in enumerate(plan["values"]) if value["place"] == "input"]
    assert [entry["value"] for entry in plan["inputs"]] == inputs


def hold_step(plan: Mapping[str, Any], sizes: list[int], step: Mapping[str, Any], ready: set[int], loading: bool) -> None:
    """Arguments, dtypes, checks and footprints of one step."""
    kernel = KERNELS[step["kernel"]]
    given = {}
    for argument, arg in zip(kernel.args, step["args"], strict=True):
        if argument.dtype is None and argument.kind != "float":
            given[argument.name] = sizes[arg["s"]] if "s" in arg else arg["i"]
            assert argument.kind == "int" or given[argument.name] >= 0, (step["kernel"], argument.name)
    for check in kernel.checks:
        assert evaluate(check, given) >= 0, (step["kernel"], check, given)
    written = []
    for argument, arg in zip(kernel.args, step["args"], strict=True):
        if argument.dtype is None:
            continue
        if arg is None:
            assert argument.kind == "in?"
            continue
        value, root = plan["values"][arg["v"]], bottom(plan, arg["v"])
        place = plan["values"][root]["place"]
        assert argument.dtype in ("any", KERNEL_DTYPES[value["dtype"]]), (step["kernel"], argument.name, value["dtype"])
        room = count(plan["values"][root], sizes) * np.dtype(plan["values"][root]["dtype"]).itemsize - start(
            plan, sizes, arg["v"]
        )
        assert evaluate(argument.elements, given) * DTYPE_BYTES[argument.dtype] <= room, (step["kernel"], argument.name, given)
        if argument.kind in ("out", "inout"):
            assert place in (("loaded",) if loading else ("arena", "output")), (step["kernel"], argument.name)
            written.append(root)
        if argument.kind != "out":
            assert root in ready, (step["kernel"], argument.name, "is read before it is written")
            assert not loading or place in ("weights", "loaded")
    ready.update(written)


def bottom(plan: Mapping[str, Any], index: int) -> int:
    """The value that an alias is memory of."""
    value = plan["values"][index]
    return bottom(plan, value["of"]) if value["place"] == "alias" else index


def start(plan: Mapping[str, Any], sizes: list[int], index: int) -> int:
    """Bytes from the start of the value at the bottom."""
    value = plan["values"][index]
    if value["place"] != "alias":
        return 0
    return start(plan, sizes, value["of"]) + (sizes[value["offset"]] if "offset" in value else 0)


def count(value: Mapping[str, Any], sizes: list[int]) -> int:
    """Elements of a value."""
    return int(np.prod([sizes[size] for size in value["shape"]], dtype=np.int64))
