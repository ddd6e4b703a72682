"""Numbers kept as integers: DequantizeLinear, of weights above all, and what int8 models spell around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from packager.lower.ops.base import Call, Import, Op, axis_of
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from packager.lower.ir import Operand, Value

OPS: list[Op] = []


def _along(call: Call, x: Value, operand: Value) -> Value:
    """A scale or a zero point of one axis in the shape that broadcasts over x."""
    if operand.rank == 0 or operand.count == 1:
        return call.build.op("reshape", operand, shape=()) if operand.rank else operand
    if operand.rank != 1 or call.get("block_size", 0):
        raise Unsupported("its scales are by blocks")
    axis = axis_of(call.get("axis", 1), x.rank)
    return call.build.op("reshape", operand, shape=(*(1,) * axis, operand.shape[0], *(1,) * (x.rank - axis - 1)))


def _dequantise(call: Call) -> Value:
    build, x, scale, zero = call.build, call[0], call[1], call.input(2)
    if scale.dtype != "float32" or x.dtype not in ("int8", "uint8", "int32"):
        raise Unsupported(f"it is of {x.dtype} with scales of {scale.dtype}")
    x, zero = _centred(call, x, zero)
    numbers = build.op("cast", x, to="float32")
    if zero is not None:
        numbers = build.op("binary", numbers, build.op("cast", _along(call, x, zero), to="float32"), fn="sub")
    return build.op("binary", numbers, _along(call, x, scale), fn="mul")


def _centred(call: Call, x: Value, zero: Operand) -> tuple[Value, Operand]:
    """Without the zero point where it is 0 all over, or 128 of constant bytes: those are int8 codes then."""
    if zero is None or zero.data is None:
        return x, zero
    if not np.any(zero.data):
        return x, None
    if x.data is not None and x.dtype == "uint8" and np.all(zero.data == 128):
        return call.build.constant((x.data.astype(np.int16) - 128).astype(np.int8)), None
    return x, zero


IMPORTS: dict[str, Import] = {"DequantizeLinear": _dequantise}
