"""GridSample: an image read at places that are computed, from its neighbours in height and width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.lower.ops.pairs import binary
from packager.lower.ops.unary import unary
from packager.lower.ops.window import from_nhwc, to_nhwc
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from packager.lower.ir import Value
    from packager.lower.ops.base import Call, Import, Op


def _grid_sample(call: Call) -> Value:
    x, grid = call[0], call[1]
    mode, padding = call.get("mode", "linear"), call.get("padding_mode", "zeros")
    if mode not in ("linear", "bilinear", "nearest") or padding not in ("zeros", "border") or x.rank != 4:
        raise Unsupported(f"its mode {mode} with padding {padding} at rank {x.rank} is not covered")
    if grid.dtype != "float32" or not all(isinstance(size, int) for size in x.shape[2:]):
        raise Unsupported("the size of its image depends on the input's shape")
    pixels, _ = to_nhwc(call.build, x)
    across, down = (_places(call, grid, axis, int(x.shape[3 - axis])) for axis in (0, 1))  # type: ignore[arg-type]
    taps: list[tuple[Value, Value, Value | None]] = [(unary(call, "round", down), unary(call, "round", across), None)]
    if mode != "nearest":
        taps = _neighbours(call, down, across)
    total: Value | None = None
    for row, column, share in taps:
        part = _read(call, pixels, row, column, share, padding == "zeros")
        total = part if total is None else binary(call, "add", total, part)
    if total is None:
        raise AssertionError
    return from_nhwc(call.build, total, rank3=False)


def _places(call: Call, grid: Value, axis: int, size: int) -> Value:
    """Where the grid [batch, height, width, 2], from -1 to 1, points to: [batch, height, width, 1], in pixels."""
    part = call.build.op("slice", grid, starts=(0, 0, 0, axis), counts=(*grid.shape[:3], 1), steps=(1,) * 4)
    half = (size - 1) / 2 if call.get("align_corners", 0) else size / 2
    place = unary(call, "affine", part, half, (size - 1) / 2)
    return unary(call, "clip", place, 0.0, size - 1.0) if call.get("padding_mode", "zeros") == "border" else place


def _neighbours(call: Call, down: Value, across: Value) -> list[tuple[Value, Value, Value | None]]:
    """The four pixels around each place: row, column, and what each gives."""
    sides = []
    for place in (down, across):
        first = unary(call, "floor", place)
        part = binary(call, "sub", place, first)
        sides.append([(first, unary(call, "affine", part, -1.0, 1.0)), (unary(call, "affine", first, 1.0, 1.0), part)])
    return [(row, column, binary(call, "mul", a, b)) for row, a in sides[0] for column, b in sides[1]]


def _read(call: Call, pixels: Value, row: Value, column: Value, share: Value | None, zeros: bool) -> Value:
    """Pixels [batch, height, width, channels] at rows and columns, times their share; nothing comes from outside."""
    build, index = call.build, []
    for place, size in ((row, pixels.shape[1]), (column, pixels.shape[2])):
        held = unary(call, "clip", place, 0.0, float(size) - 1)  # type: ignore[arg-type]
        index.append(build.op("cast", held, to="int32"))
        if zeros:
            inside = build.op("cast", binary(call, "equal", held, place, "compare"), to="float32")
            share = inside if share is None else binary(call, "mul", share, inside)
    found = build.op("gather_nd", pixels, build.op("concat", *index, axis=3), batch=1)
    return found if share is None else binary(call, "mul", found, share)


OPS: list[Op] = []
IMPORTS: dict[str, Import] = {"GridSample": _grid_sample}
