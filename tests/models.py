"""Tiny models made in code: small enough to build in a blink, each with one property that a test wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path

Shape = list[int | str]


def make(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, tuple[int, Shape]],
    outputs: dict[str, tuple[int, Shape]],
    weights: dict[str, np.ndarray] | None = None,
    opset: int = 17,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, dtype, shape) for name, (dtype, shape) in inputs.items()],
        [helper.make_tensor_value_info(name, dtype, shape) for name, (dtype, shape) in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def save(model: onnx.ModelProto, path: Path, **options: Any) -> Path:
    onnx.save(model, str(path), **options)
    return path


def dense(features: int = 8, classes: int = 3, seed: int = 0) -> onnx.ModelProto:
    """x [batch, features] → softmax(x w + b) [batch, classes]."""
    random = np.random.default_rng(seed)
    return make(
        [
            helper.make_node("Gemm", ["x", "w", "b"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["y"], axis=-1),
        ],
        {"x": (TensorProto.FLOAT, ["batch", features])},
        {"y": (TensorProto.FLOAT, ["batch", classes])},
        {
            "w": random.standard_normal((features, classes)).astype(np.float32),
            "b": random.standard_normal(classes).astype(np.float32),
        },
    )


def layers(count: int = 4, width: int = 96, seed: int = 0) -> onnx.ModelProto:
    """x [batch, width] through ``count`` matrices of width × width with Relu between: enough weights for several shards."""
    random = np.random.default_rng(seed)
    nodes, weights, last = [], {}, "x"
    for index in range(count):
        weights[f"w{index}"] = (random.standard_normal((width, width)) / width**0.5).astype(np.float32)
        nodes.append(helper.make_node("MatMul", [last, f"w{index}"], [f"m{index}"], name=f"matmul{index}"))
        last = f"r{index}" if index < count - 1 else "y"
        nodes.append(helper.make_node("Relu", [f"m{index}"], [last]))
    return make(nodes, {"x": (TensorProto.FLOAT, ["batch", width])}, {"y": (TensorProto.FLOAT, ["batch", width])}, weights)


def convolution(size: int = 16, classes: int = 4, *, batch: int | str = "batch", seed: int = 0) -> onnx.ModelProto:
    """Pictures [batch, 3, size, size] → scores [batch, classes]."""
    random = np.random.default_rng(seed)
    return make(
        [
            helper.make_node("Conv", ["image", "k"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["c"], ["r"]),
            helper.make_node("GlobalAveragePool", ["r"], ["p"]),
            helper.make_node("Flatten", ["p"], ["f"]),
            helper.make_node("Gemm", ["f", "w"], ["scores"]),
        ],
        {"image": (TensorProto.FLOAT, [batch, 3, size, size])},
        {"scores": (TensorProto.FLOAT, [batch, classes])},
        {
            "k": random.standard_normal((8, 3, 3, 3)).astype(np.float32),
            "w": random.standard_normal((8, classes)).astype(np.float32),
        },
    )


def branches() -> onnx.ModelProto:
    """If with a large weight in each branch, as silero-vad has them: y = x w_then or x w_else."""
    random = np.random.default_rng(1)

    def branch(name: str) -> onnx.GraphProto:
        weight = numpy_helper.from_array(random.standard_normal((32, 32)).astype(np.float32), "w")
        constant = helper.make_node(
            "Constant", [], [f"{name}_bias"], value=numpy_helper.from_array(np.ones((512,), np.float32))
        )
        return helper.make_graph(
            [
                constant,
                helper.make_node("ReduceMean", [f"{name}_bias"], [f"{name}_mean"], keepdims=0),
                helper.make_node("MatMul", ["x", "w"], [f"{name}_product"]),
                helper.make_node("Add", [f"{name}_product", f"{name}_mean"], [f"{name}_out"]),
            ],
            name,
            [],
            [helper.make_tensor_value_info(f"{name}_out", TensorProto.FLOAT, ["rows", 32])],
            [weight],
        )

    return make(
        [helper.make_node("If", ["positive"], ["y"], then_branch=branch("then"), else_branch=branch("else"))],
        {"x": (TensorProto.FLOAT, ["rows", 32]), "positive": (TensorProto.BOOL, [])},
        {"y": (TensorProto.FLOAT, ["rows", 32])},
    )


def packed(rows: int = 64, width: int = 64) -> onnx.ModelProto:
    """int8 weights behind a Cast and a scale, as a weights-only quantiser leaves them."""
    random = np.random.default_rng(2)
    return make(
        [
            helper.make_node("Cast", ["q"], ["wide"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["wide", "scale"], ["w"]),
            helper.make_node("MatMul", ["x", "w"], ["y"]),
        ],
        {"x": (TensorProto.FLOAT, ["batch", rows])},
        {"y": (TensorProto.FLOAT, ["batch", width])},
        {"q": random.integers(-127, 128, (rows, width), dtype=np.int8), "scale": np.full((1, width), 0.01, np.float32)},
    )


def every_dtype() -> onnx.ModelProto:
    """One Identity a dtype that the manifest knows, float16 and 64-bit integers included."""
    kinds = {
        "float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "float16": TensorProto.FLOAT16, "int64": TensorProto.INT64,
        "int32": TensorProto.INT32, "int16": TensorProto.INT16, "int8": TensorProto.INT8, "uint64": TensorProto.UINT64,
        "uint32": TensorProto.UINT32, "uint16": TensorProto.UINT16, "uint8": TensorProto.UINT8, "bool": TensorProto.BOOL,
    }  # fmt: skip
    return make(
        [helper.make_node("Identity", [name], [f"{name}_out"]) for name in kinds],
        {name: (kind, [2, 3]) for name, kind in kinds.items()},
        {f"{name}_out": (kind, [2, 3]) for name, kind in kinds.items()},
    )
