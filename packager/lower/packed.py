"""Weights that travel as int8 codes or half floats stay so while the compiler only moves or rescales them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.ir import Array, Constant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def fold_packed(op: str, attributes: Mapping[str, Any], constants: Sequence[Constant]) -> Constant | None:
    """What the operation makes of packed weights, packed; None where it is not one that keeps them so."""
    rule = _RULES.get(op)
    return rule(attributes, constants) if rule is not None else None


def _cast(attributes: Mapping[str, Any], constants: Sequence[Constant]) -> Constant | None:
    (source,) = constants
    if attributes["to"] != "float32" or source.scale is not None or source.array.dtype not in (np.int8, np.float16):
        return None
    return Constant(source.array, np.ones((1,) * source.array.ndim, np.float32))


def _binary(attributes: Mapping[str, Any], constants: Sequence[Constant]) -> Constant | None:
    if attributes["fn"] not in ("mul", "div"):
        return None
    left, right = constants
    if left.scale is None and attributes["fn"] == "mul":
        left, right = right, left
    if left.scale is None or right.scale is not None or right.array.dtype != np.float32:
        return None
    if right.array.size > left.array.size // 4 or np.broadcast_shapes(left.shape, right.shape) != left.shape:
        return None
    factor = right.array.reshape((1,) * (left.array.ndim - right.array.ndim) + right.array.shape)
    return Constant(left.array, left.scale * factor if attributes["fn"] == "mul" else left.scale / factor)


def _transpose(attributes: Mapping[str, Any], constants: Sequence[Constant]) -> Constant | None:
    (source,) = constants
    if source.scale is None:
        return None
    return Constant(source.array.transpose(attributes["perm"]), _full(source).transpose(attributes["perm"]))


def _reshape(attributes: Mapping[str, Any], constants: Sequence[Constant]) -> Constant | None:
    (source,) = constants
    shape = tuple(attributes["shape"])
    if source.scale is None:
        return None
    # Only dimensions of 1 come and go: the scale's follow.
    if [size for size in shape if size != 1] != [size for size in source.shape if size != 1]:
        return None
    kept = [scale for size, scale in zip(source.shape, _full(source).shape, strict=True) if size != 1]
    scales = iter(kept)
    scale_shape = tuple(1 if size == 1 else next(scales) for size in shape)
    return Constant(source.array.reshape(shape), _full(source).reshape(scale_shape))


def _full(source: Constant) -> Array:
    """The scale with the rank of the codes."""
    scale = np.asarray(source.scale, np.float32)
    return scale.reshape((1,) * (source.array.ndim - scale.ndim) + scale.shape)


_RULES = {"cast": _cast, "binary": _binary, "transpose": _transpose, "reshape": _reshape}
