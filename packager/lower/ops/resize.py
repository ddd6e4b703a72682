"""Resize, NHWC: nearest, linear and cubic, in the coordinate modes of ONNX."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.ir import Array, Node, Operand, Type, Value
from packager.lower.ops.base import Call, Import, Op, value_of
from packager.lower.ops.resample import resampled
from packager.lower.ops.window import from_nhwc, to_nhwc
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from packager.lower.emit import Emitter
    from packager.lower.sizes import Size


_ROUNDING: dict[str, Callable[[Array], Array]] = {
    "round_prefer_floor": lambda place: np.ceil(place - 0.5),
    "round_prefer_ceil": lambda place: np.floor(place + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def _infer(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    x = value_of(inputs[0])
    return [Type(x.dtype, (x.shape[0], *attributes["out"], x.shape[3]))]


def _evaluate(attributes: Mapping[str, Any], /, x: Array) -> Sequence[Array]:
    result = x.astype(np.float64)
    for axis in (1, 2):
        weights = axis_weights(attributes, x.shape[axis], attributes["out"][axis - 1], attributes["scales"][axis - 1])
        result = np.moveaxis(np.tensordot(weights, result, (1, axis)), 0, axis)
    return [result.astype(np.float32)]


def axis_weights(attributes: Mapping[str, Any], size: int, out: int, scale: float) -> Array:
    """[out, size]: how much each old place gives to each new one."""
    exact = scale if scale else out / size
    return _weights_at(attributes, _places(attributes["coordinate"], size, out, exact), size)


def _weights_at(attributes: Mapping[str, Any], places: Array, size: int) -> Array:
    out = len(places)
    weights = np.zeros((out, size))
    rows = np.arange(out)
    if attributes["fn"] == "nearest":
        rounding = _ROUNDING[attributes["rounding"]]
        weights[rows, np.clip(rounding(places), 0, size - 1).astype(int)] = 1
        return weights
    base = np.floor(places).astype(int)
    part = places - base
    if attributes["fn"] == "linear":
        taps = [(0, 1 - part), (1, part)]
    else:
        taps = [(offset, _cubic(part - offset, attributes["a"])) for offset in range(-1, 3)]
    for offset, share in taps:
        at = base + offset
        if attributes["exclude_outside"]:
            share = np.where((at < 0) | (at >= size), 0, share)
        np.add.at(weights, (rows, np.clip(at, 0, size - 1)), share)
    return weights / weights.sum(1, keepdims=True) if attributes["exclude_outside"] else weights


def _cubic(distance: Array, a: float) -> Array:
    d = np.abs(distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def _places(coordinate: str, size: int, out: int, scale: float) -> Array:
    i = np.arange(out, dtype=np.float64)
    match coordinate:
        case "align_corners":
            return i * (size - 1) / (out - 1) if out > 1 else i * 0
        case "asymmetric":
            return i / scale
        case "tf_half_pixel_for_nn":
            return (i + 0.5) / scale
        case "pytorch_half_pixel" if out <= 1:
            return i * 0
        case "half_pixel_symmetric":
            adjustment = out / (scale * size)
            return size / 2 * (1 - adjustment) + (i + 0.5) / scale - 0.5
    return (i + 0.5) / scale - 0.5


def _emit(plan: Emitter, node: Node) -> None:
    x, y = value_of(node.inputs[0]), node.output
    extra = {
        "nearest": {"rounding": node["rounding"]},
        "linear": {},
        "cubic": {"exclude_outside": node["exclude_outside"], "a": node["a"]},
    }[node["fn"]]
    plan.step(
        f"resize_{node['fn']}", x=x, y=y, batch=x.shape[0], height=x.shape[1], width=x.shape[2], channels=x.shape[3],
        x_pixel=plan.row(x), y_pixel=plan.row(y), out_height=y.shape[1], out_width=y.shape[2], coordinate=node["coordinate"],
        scale_y=node["scales"][0], scale_x=node["scales"][1], **extra,
    )  # fmt: skip


def _resize(call: Call) -> Value:
    x = call[0]
    if call.opset < 11:
        scales, sizes = call.input(1), None
        coordinate, rounding = "asymmetric", "floor"
    else:
        scales, sizes = call.input(2), call.input(3)
        coordinate = call.get("coordinate_transformation_mode", "half_pixel")
        rounding = call.get("nearest_mode", "round_prefer_floor")
    if scales is not None and scales.count == 0:
        scales = None
    return _resized(call, x, scales, sizes, coordinate, rounding)


def _resized(call: Call, x: Value, scales: Operand, sizes: Operand, coordinate: str, rounding: str) -> Value:
    fn = {"nearest": "nearest", "linear": "linear", "bilinear": "linear", "cubic": "cubic"}.get(call.get("mode", "nearest"))
    if fn is None:
        raise Unsupported(f"its mode {call.get('mode')} is not covered")
    if x.dtype in ("int8", "uint8") and fn == "nearest":
        wide = call.build.op("cast", x, to="float32")
        return call.build.op("cast", _resized(call, wide, scales, sizes, coordinate, rounding), to=x.dtype)
    axes = [axis + x.rank if axis < 0 else axis for axis in call.get("axes") or range(x.rank)]
    out, factors = _targets(call, x, scales, sizes, axes)
    spatial = range(x.rank - (1 if x.rank == 3 else 2), x.rank)
    others = [axis for axis in range(x.rank) if axis not in spatial and out[axis] != x.shape[axis]]
    moved = any(isinstance(out[axis], int) and isinstance(x.shape[axis], int) for axis in others)
    if moved or x.rank not in (3, 4) or coordinate == "tf_crop_and_resize" or call.get("antialias", 0):
        return _by_tables(call, x, fn, coordinate, rounding, axes, out, factors)
    for axis in others:
        call.build.equal(out[axis], x.shape[axis])
    x4, view = to_nhwc(call.build, x)
    size = (1, out[2]) if view else (out[2], out[3])
    scale = (1.0, factors[2]) if view else (factors[2], factors[3])
    y = call.build.op("resize", x4, fn=fn, out=size, scales=scale, coordinate=coordinate, rounding=rounding,
                      a=float(call.get("cubic_coeff_a", -0.75)),
                      exclude_outside=int(call.get("exclude_outside", 0)))  # fmt: skip
    return from_nhwc(call.build, y, view)


def _targets(call: Call, x: Value, scales: Operand, sizes: Operand, axes: list[int]) -> tuple[list[Size], list[float]]:
    """The size of each dimension, and its scale, 0 where that is new over old."""
    out, factors = list(x.shape), [0.0] * x.rank
    if scales is None:
        if sizes is None or sizes.elements is None:
            raise Unsupported("its sizes depend on data")
        for axis, size in zip(axes, _kept_aspect(call, x, axes, sizes.elements), strict=True):
            out[axis] = size
        return out, factors
    if scales.data is None:
        raise Unsupported("its scales are not constant")
    for axis, factor in zip(axes, scales.data.reshape(-1).tolist(), strict=True):
        out[axis], factors[axis] = _scaled(x.shape[axis], factor), float(factor)
    return out, factors


def _kept_aspect(call: Call, x: Value, axes: list[int], sizes: Sequence[Size]) -> Sequence[Size]:
    """The sizes, or those of the picture that fits into them or covers them."""
    policy = call.get("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return sizes
    old = [x.shape[axis] for axis in axes]
    if not all(isinstance(size, int) for size in (*sizes, *old)):
        raise Unsupported("it keeps the aspect ratio of a size that only the input tells")
    factors = [int(new) / int(size) for new, size in zip(sizes, old, strict=True)]  # type: ignore[arg-type]
    factor = min(factors) if policy == "not_larger" else max(factors)
    return [int(np.floor(int(size) * factor + 0.5)) for size in old]  # type: ignore[arg-type]


def _by_tables(call: Call, x: Value, fn: str, coordinate: str, rounding: str, axes: list[int], out: list[Size],
               factors: list[float]) -> Value:  # fmt: skip
    """Axis by axis, for sizes that are numbers."""
    if x.dtype != "float32":
        raise Unsupported(f"it works on {x.dtype}")
    crop = coordinate == "tf_crop_and_resize"
    region = call.data(1, "region").reshape(2, -1) if crop else np.zeros((2, len(axes)))
    inside = np.ones((1,) * x.rank, bool)
    for index, axis in enumerate(axes):
        size, new = x.shape[axis], out[axis]
        if size == new and not crop:
            continue
        if not isinstance(size, int) or not isinstance(new, int):
            raise Unsupported("it resizes, in a way that needs to know the sizes, what only the input's shape tells")
        table: Array
        if crop:
            places = _cut(size, new, *map(float, region[:, index]))
            within = (places >= 0) & (places <= size - 1)
            inside = inside & within.reshape((-1, *(1,) * (x.rank - axis - 1)))
            table = _weights_at(_settings(call, fn, "", rounding), places.clip(0, size - 1), size)
        elif call.get("antialias", 0) and fn != "nearest" and new < size:
            table = _smooth(call, fn, size, new, factors[axis])
        else:
            table = axis_weights(_settings(call, fn, coordinate, rounding), size, new, factors[axis])
        x = resampled(call, x, axis, table)
    if inside.all():
        return x
    beyond = call.build.constant(np.array(call.get("extrapolation_value", 0.0), np.float32))
    return call.build.op("where", call.build.constant(inside), x, beyond)


def _settings(call: Call, fn: str, coordinate: str, rounding: str) -> dict[str, Any]:
    return {"fn": fn, "coordinate": coordinate, "rounding": rounding, "a": float(call.get("cubic_coeff_a", -0.75)),
            "exclude_outside": int(call.get("exclude_outside", 0))}  # fmt: skip


def _cut(size: int, out: int, start: float, end: float) -> Array:
    """Places in a part of the axis, from ``start`` to ``end`` of its length."""
    if out == 1:
        return np.full(1, (start + end) * (size - 1) / 2)
    return start * (size - 1) + np.arange(out) * (end - start) * (size - 1) / (out - 1)


def _smooth(call: Call, fn: str, size: int, out: int, scale: float) -> Array:
    """Each new place is a mean over as many old ones as it stands for, by a wider kernel."""
    exact = scale if scale else out / size
    reach = int(np.ceil((1 if fn == "linear" else 2) / exact))
    places = np.arange(-reach, size + reach)
    distance = (places + 0.5 - (np.arange(out)[:, None] + 0.5) / exact) * exact
    linear = np.clip(1 - np.abs(distance), 0, None)
    share = linear if fn == "linear" else _cubic(distance, float(call.get("cubic_coeff_a", -0.75)))
    if call.get("exclude_outside", 0):
        share = np.where((places < 0) | (places >= size), 0, share)
    table = np.zeros((out, size))
    for place, column in zip(np.clip(places, 0, size - 1), share.T, strict=True):
        table[:, place] += column
    return np.asarray(table / table.sum(1, keepdims=True))


def _scaled(size: Size, factor: float) -> Size:
    """floor(size × factor): exact for numbers; for symbols where the factor is a fraction of small numbers."""
    if isinstance(size, int):
        return int(np.floor(size * np.float32(factor)))
    exact = Fraction(factor).limit_denominator(64)
    if float(exact) == factor:
        return size * exact.numerator // exact.denominator
    if 1 / factor == round(1 / factor):
        return size // round(1 / factor)
    raise Unsupported(f"it scales a size that only the input tells by {factor:g}")


def _upsample(call: Call) -> Value:
    scales: Operand = call.input(1)
    if scales is None:
        scales = call.build.constant(np.array(call.get("scales"), np.float32))
    return _resized(call, call[0], scales, None, "asymmetric", "floor")


OPS = [Op("resize", _infer, _evaluate, _emit)]
IMPORTS: dict[str, Import] = {"Resize": _resize, "Upsample": _upsample}
