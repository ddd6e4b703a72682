"""Cast: directly where there is a kernel for it, else by way of a wider dtype."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.ir import Array, Node, Operand, Type, Value
from packager.lower.ops.base import Call, Import, Op, is_sizes, value_of
from packager.lower.ops.dtypes import SUFFIX, suffix
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packager.lower.emit import Emitter


def _infer_cast(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    return [Type(attributes["to"], value_of(inputs[0]).shape)]


def _evaluate_cast(attributes: Mapping[str, Any], /, x: Array) -> Sequence[Array]:
    to = np.dtype(attributes["to"])
    if is_sizes(x):
        if to.kind not in "iu":
            raise NotImplementedError
        return [x]
    if x.dtype.kind == "f" and to.kind in "iu" and to.itemsize >= 4:
        limits = np.iinfo(to)
        whole = np.trunc(np.nan_to_num(x.astype(np.float64), nan=0.0, posinf=np.inf, neginf=-np.inf))
        wide = np.clip(whole, float(limits.min), float(limits.max))
        return [np.where(wide >= float(limits.max), limits.max, wide.astype(to)).astype(to)]
    return [x.astype(to)]


def _emit_cast(plan: Emitter, node: Node) -> None:
    x = value_of(node.inputs[0])
    source, to = suffix(x.dtype), suffix(node["to"])
    direct = f"cast_{source}_{to}"
    through = next((middle for middle in ("float32", "int32") if plan.has(f"cast_{source}_{SUFFIX[middle]}")
                    and plan.has(f"cast_{SUFFIX[middle]}_{to}")), None)  # fmt: skip
    if plan.has(direct) or through is None:
        plan.step(direct, x=x, y=node.output, count=x.count)
        return
    middle = plan.scratch(through, x.shape)
    plan.step(f"cast_{source}_{SUFFIX[through]}", x=x, y=middle, count=x.count)
    plan.step(f"cast_{SUFFIX[through]}_{to}", x=middle, y=node.output, count=x.count)


OPS = [Op("cast", _infer_cast, _evaluate_cast, _emit_cast, symbolic=True)]


def _cast(call: Call) -> Value:
    to = call.get("to")
    if not isinstance(to, str):
        raise Unsupported("it casts to a type that the engine does not have")
    return call[0] if call[0].dtype == to else call.build.op("cast", call[0], to=to)


def _cast_like(call: Call) -> Value:
    to = call[1].dtype
    return call[0] if call[0].dtype == to else call.build.op("cast", call[0], to=to)


IMPORTS: dict[str, Import] = {"Cast": _cast, "CastLike": _cast_like}
