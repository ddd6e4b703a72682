"""Numbers kept as integers: DequantizeLinear, of weights above all, and what int8 models spell around it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from packager.lower.ops.base import Call, Import, Op, axis_of
from packager.lower.ops.convolution import conv
from packager.lower.ops.matrix import matmul
from packager.lower.unsupported import Unsupported
from packager.model import DTYPES

if TYPE_CHECKING:
    from packager.lower.ir import Operand, Value

OPS: list[Op] = []
_LIMITS = {"int8": (-128.0, 127.0), "uint8": (0.0, 255.0)}


def _along(call: Call, x: Value, operand: Value) -> Value:
    """A scale or a zero point, one in all, of one axis or by blocks of it, in the shape that broadcasts over x."""
    build, block = call.build, call.get("block_size", 0)
    if operand.rank == 0 or (operand.count == 1 and not block):
        return build.op("reshape", operand, shape=()) if operand.rank else operand
    axis = axis_of(call.get("axis", 1), x.rank)
    if block:
        wide = (*operand.shape[: axis + 1], 1, *operand.shape[axis + 1 :])
        full = (*operand.shape[: axis + 1], block, *operand.shape[axis + 1 :])
        repeated = build.op("expand", build.op("reshape", operand, shape=wide), shape=full)
        build.equal(operand.shape[axis] * block, x.shape[axis])
        return build.op("reshape", repeated, shape=tuple(x.shape))
    if operand.rank != 1:
        raise Unsupported("its scales are by blocks")
    return build.op("reshape", operand, shape=(*(1,) * axis, operand.shape[0], *(1,) * (x.rank - axis - 1)))


def _dequantise(call: Call) -> Value:
    build, x, scale, zero = call.build, call[0], call[1], call.input(2)
    if scale.dtype != "float32" or x.dtype not in ("int8", "uint8", "int32"):
        raise Unsupported(f"it is of {x.dtype} with scales of {scale.dtype}")
    x, zero = _centred(call, x, zero)
    numbers = build.op("cast", x, to="float32")
    if zero is not None:
        numbers = build.op("binary", numbers, build.op("cast", _along(call, x, zero), to="float32"), fn="sub")
    return build.op("binary", numbers, _along(call, x, scale), fn="mul")


def _quantise(call: Call) -> Value:
    zero = call.input(2)
    to = zero.dtype if zero is not None else DTYPES.get(call.get("output_dtype"), "uint8")
    if call[0].dtype != "float32" or call[1].dtype != "float32" or to not in _LIMITS:
        raise Unsupported(f"it makes {to} of {call[0].dtype} with scales of {call[1].dtype}")
    zero = None if zero is None else _along(call, call[0], zero)
    return _stepped(call, call[0], _along(call, call[0], call[1]), zero, to)


def _stepped(call: Call, x: Value, scale: Value, zero: Operand, to: str) -> Value:
    """x in steps of the scale around the zero point, held to the dtype's range; ties go to the even step."""
    build = call.build
    steps = build.op("unary", build.op("binary", x, scale, fn="div"), fn="round", p0=0.0, p1=0.0)
    if zero is not None:
        steps = build.op("binary", steps, build.op("cast", zero, to="float32"), fn="add")
    low, high = _LIMITS[to]
    return build.op("cast", build.op("unary", steps, fn="clip", p0=low, p1=high), to=to)


def _numbers(call: Call, codes: Value, zero: Operand, axis: int) -> Value:
    """Codes less their zero point, which may be one for each place of an axis, as floats: they are small, so exact."""
    build = call.build
    numbers = build.op("cast", codes, to="float32")
    if zero is None or (zero.data is not None and not np.any(zero.data)):
        return numbers
    if zero.rank == 1 and zero.count != 1:
        place = axis_of(axis, codes.rank)
        zero = build.op("reshape", zero, shape=(zero.shape[0], *(1,) * (codes.rank - place - 1)))
    elif zero.rank == 1:
        zero = build.op("reshape", zero, shape=())
    return build.op("binary", numbers, build.op("cast", zero, to="float32"), fn="sub")


def _matmul_integer(call: Call) -> Value:
    """Sums are exact up to 2^24, and beyond it as near as floats are."""
    product = matmul(call, _numbers(call, call[0], call.input(2), -2), _numbers(call, call[1], call.input(3), -1))
    return call.build.op("cast", product, to="int32")


def _conv_integer(call: Call) -> Value:
    inputs = (_numbers(call, call[0], call.input(2), 1), _numbers(call, call[1], call.input(3), 0))
    made = conv(replace(call, inputs=inputs))
    return call.build.op("cast", made, to="int32")


def dequantised(call: Call, index: int) -> Value:
    """The numbers of codes whose scale and zero point are the next inputs, one each for all."""
    numbers = _numbers(call, call[index], call.input(index + 2), 0)
    return call.build.op("binary", numbers, _one(call, call[index + 1]), fn="mul")


def quantised(call: Call, numbers: Value, index: int) -> Value:
    """Codes of numbers by a scale and a zero point, one each for all, at two inputs."""
    zero = call.input(index + 1)
    to = "uint8" if zero is None else zero.dtype
    return _stepped(call, numbers, _one(call, call[index]), None if zero is None else _one(call, zero), to)


def _scaled(call: Call, made: Value, first: int, zero: int, axis: int) -> Value:
    """The product in the steps of the output; scales are inputs ``first`` and ``first + 3``, the output's behind those."""
    build, a, b, y = call.build, call[first], call[first + 3], call[zero - 1]
    scales = build.op("binary", _one(call, a), _placed(call, b, made.rank, axis), fn="mul")
    return _stepped(call, build.op("binary", made, scales, fn="mul"), _one(call, y), _one(call, call[zero]), call[zero].dtype)


def _one(call: Call, entry: Value) -> Value:
    if entry.count != 1:
        raise Unsupported("its scales are of one axis")
    return call.build.op("reshape", entry, shape=()) if entry.rank else entry


def _placed(call: Call, entry: Value, rank: int, axis: int) -> Value:
    if entry.count == 1:
        return _one(call, entry)
    if entry.rank != 1:
        raise Unsupported("its scales are of more than one axis")
    return call.build.op("reshape", entry, shape=(entry.shape[0], *(1,) * (rank - 1 - axis_of(axis, rank))))


def _qlinear_matmul(call: Call) -> Value:
    made = matmul(call, _numbers(call, call[0], call[2], -2), _numbers(call, call[3], call[5], -1))
    return _scaled(call, made, 1, 7, -1)


def _qlinear_conv(call: Call) -> Value:
    bias = call.input(8)
    inputs: tuple[Operand, ...] = (_numbers(call, call[0], call[2], 1), _numbers(call, call[3], call[5], 0))
    if bias is not None:
        inputs = (*inputs, call.build.op("cast", bias, to="float32"))
    return _scaled(call, conv(replace(call, inputs=inputs)), 1, 7, 1)


def _centred(call: Call, x: Value, zero: Operand) -> tuple[Value, Operand]:
    """Without the zero point where it is 0 all over, or 128 of constant bytes: those are int8 codes then."""
    if zero is None or zero.data is None:
        return x, zero
    if not np.any(zero.data):
        return x, None
    if x.data is not None and x.dtype == "uint8" and np.all(zero.data == 128):
        return call.build.constant((x.data.astype(np.int16) - 128).astype(np.int8)), None
    return x, zero


IMPORTS: dict[str, Import] = {
    "DequantizeLinear": _dequantise,
    "QuantizeLinear": _quantise,
    "MatMulInteger": _matmul_integer,
    "ConvInteger": _conv_integer,
    "QLinearMatMul": _qlinear_matmul,
    "QLinearConv": _qlinear_conv,
}
