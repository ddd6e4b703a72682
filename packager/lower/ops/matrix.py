"""Matrix products: by constant weights with an epilogue, and of two computed tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.lower.boxes import broadcast_strides, merge, row_major
from packager.lower.ir import Array, Node, Operand, Type, Value
from packager.lower.ops.base import Call, Op, broadcast, joined, value_of
from packager.lower.ops.convolution import NO_ACTIVATION, finish
from packager.lower.sizes import Size, product
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packager.lower.emit import Emitter


def _infer_gemm(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    a, b = value_of(inputs[0]), value_of(inputs[1])
    return [Type(a.dtype, (*a.shape[:-1], b.shape[1]))]


def _evaluate_gemm(attributes: Mapping[str, Any], /, a: Array, b: Array, bias: Array | None = None,
                   residual: Array | None = None) -> Sequence[Array]:  # fmt: skip
    return [finish(attributes, a.astype(np.float64) @ b.astype(np.float64), bias, residual)]


def _emit_gemm(plan: Emitter, node: Node) -> None:
    a, b, bias, residual = (*node.inputs, None, None)[:4]
    a, b = value_of(a), value_of(b)
    depth, columns = b.shape
    if coded := plan.coded_panels(b):
        plan.gemm_int8(a, *coded, node.output, product(a.shape[:-1]), columns, depth, bias=bias, residual=residual,
                       activation=node["fn"], p0=node["p0"], p1=node["p1"])  # fmt: skip
        return
    plan.gemm(a, plan.panels(b), node.output, product(a.shape[:-1]), columns, depth, bias=bias, residual=residual,
              activation=node["fn"], p0=node["p0"], p1=node["p1"])  # fmt: skip


def _infer_matmul(attributes: Mapping[str, Any], inputs: Sequence[Operand]) -> Sequence[Type]:
    a, b = value_of(inputs[0]), value_of(inputs[1])
    columns = b.shape[-2] if attributes["transposed"] else b.shape[-1]
    return [Type(a.dtype, (*joined(a.shape[:-2], b.shape[:-2]), a.shape[-2], columns))]


def _evaluate_matmul(attributes: Mapping[str, Any], /, a: Array, b: Array) -> Sequence[Array]:
    b = np.swapaxes(b, -1, -2) if attributes["transposed"] else b
    return [(a.astype(np.float64) @ b.astype(np.float64)).astype(np.float32)]


def _emit_matmul(plan: Emitter, node: Node) -> None:
    """B is packed matrix by matrix, whatever its strides; its transposition costs nothing."""
    a, b = value_of(node.inputs[0]), value_of(node.inputs[1])
    rows, depth = a.shape[-2:]
    columns = node.output.shape[-1]
    outer = node.output.shape[:-2]
    matrices = product(b.shape[:-2])
    down, across = (1, depth) if node["transposed"] else (columns, 1)
    packed = plan.scratch("float32", (matrices, -(-columns // 8), depth, 8))
    plan.step("pack_b", b=b, packed=packed, batch=matrices, rows=depth, columns=columns,
              b_batch=depth * columns, b_row=down, b_column=across)  # fmt: skip
    size = -(-columns // 8) * 8 * depth
    units = (rows * depth, size, rows * columns)
    strides = [broadcast_strides(a.shape[:-2], outer), broadcast_strides(b.shape[:-2], outer), row_major(outer)]
    if all(strides[1][axis] == 0 for axis in range(len(outer))) and tuple(a.shape[:-2]) == tuple(outer):
        plan.gemm(a, packed, node.output, product(outer) * rows, columns, depth)
        return
    counts, merged = merge(outer, strides)
    if len(counts) > 2:
        raise Unsupported("its batch runs over more than 2 separate dimensions")
    ones: list[Size] = [1] * (2 - len(counts))
    counts = ones + counts
    given: dict[str, Size] = {
        f"{name}_{dim}": step * unit
        for name, steps, unit in zip("abc", merged, units, strict=True)
        for dim, step in zip(("outer", "inner"), [*[0] * (2 - len(steps)), *steps], strict=True)
    }
    plan.gemm(a, packed, node.output, rows, columns, depth, batch=(counts[0], counts[1]), strides=given)


def matmul(call: Call, a: Value, b: Value, transposed: bool = False) -> Value:
    """NumPy's ``@``, with operands of rank 1 too; ``transposed``: of b's last two axes."""
    build = call.build
    if a.dtype != "float32" or b.dtype != "float32":
        raise Unsupported(f"it works on {a.dtype}")
    left = build.op("reshape", a, shape=(1, *a.shape)) if a.rank == 1 else a
    right = build.op("reshape", b, shape=(*b.shape, 1)) if b.rank == 1 else b
    build.equal(left.shape[-1], right.shape[-1] if transposed else right.shape[-2])
    if (right.rank == 2 and right.constant is not None) or (right.rank == 2 and not transposed):
        if transposed:
            right = build.op("transpose", right, perm=(1, 0))
        y = build.op("gemm", left, right, **NO_ACTIVATION)
    else:
        broadcast(build, left.shape[:-2], right.shape[:-2])
        y = build.op("matmul", left, right, transposed=transposed)
    shape = (*y.shape[:-2], *(() if a.rank == 1 else y.shape[-2:-1]), *(() if b.rank == 1 else y.shape[-1:]))
    return build.op("reshape", y, shape=shape) if a.rank == 1 or b.rank == 1 else y


def _import_gemm(call: Call) -> Value:
    build, a, b, c = call.build, call[0], call[1], call.input(2)
    if a.dtype != "float32":
        raise Unsupported(f"it works on {a.dtype}")
    if call.get("transA", 0):
        a = build.op("transpose", a, perm=(1, 0))
    if call.get("transB", 0):
        b = build.op("transpose", b, perm=(1, 0))
    build.equal(a.shape[1], b.shape[0])
    alpha, beta = call.get("alpha", 1.0), call.get("beta", 1.0)
    if alpha != 1.0:
        b = build.op("binary", b, build.constant(np.array(alpha, np.float32)), fn="mul")
    if c is not None and beta != 1.0:
        c = build.op("binary", c, build.constant(np.array(beta, np.float32)), fn="mul")
    columns = b.shape[1]
    if c is not None and c.count == columns and (c.rank == 1 or tuple(c.shape) == (1, columns)):
        return build.op("gemm", a, b, build.op("reshape", c, shape=(columns,)), **NO_ACTIVATION)
    y = build.op("gemm", a, b, **NO_ACTIVATION)
    if c is None:
        return y
    broadcast(build, y.shape, c.shape)
    return build.op("binary", y, c, fn="add")


OPS = [
    Op("gemm", _infer_gemm, _evaluate_gemm, _emit_gemm),
    Op("matmul", _infer_matmul, _evaluate_matmul, _emit_matmul),
]
IMPORTS = {"Gemm": _import_gemm, "MatMul": lambda call: matmul(call, call[0], call[1])}
