"""Tiny models for the compiler's tests, made in code, and what onnxruntime says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from packager.lower import compile  # noqa: A004
from packager.lower.compiler import optimise
from packager.lower.evaluate import bound_symbols, evaluate
from packager.lower.importer import import_model
from packager.model import DTYPES, Model
from tests.lower.plans import hold

if TYPE_CHECKING:
    from packager.lower.ir import Graph

TYPES = {name: element for element, name in DTYPES.items()}
Shape = Sequence[int | str]
Arrays = dict[str, np.ndarray]


def node(op: str, inputs: str, outputs: str = "y", **attributes: Any) -> onnx.NodeProto:
    """A node; names are separated by spaces, ``-`` is an input left out."""
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(op, names, outputs.split(), name=f"the_{op.lower()}", **attributes)


def model(nodes: Sequence[onnx.NodeProto], inputs: Mapping[str, tuple[str, Shape]], outputs: Mapping[str, str],
          weights: Mapping[str, Any] | None = None, opset: int = 17) -> Model:  # fmt: skip
    """A model of these nodes: inputs as (dtype, shape), outputs as dtypes."""
    for place, entry in enumerate(nodes):
        if any(entry.name == other.name for other in nodes[:place]):
            entry.name = f"{entry.name}_{place}"
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info(name, TYPES[dtype], list(shape)) for name, (dtype, shape) in inputs.items()],
        [helper.make_tensor_value_info(name, TYPES[dtype], None) for name, dtype in outputs.items()],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    signature: Any = {
        "inputs": [{"name": name, "dtype": dtype, "shape": list(shape)} for name, (dtype, shape) in inputs.items()],
        "outputs": [{"name": name, "dtype": dtype, "shape": []} for name, dtype in outputs.items()],
    }
    return Model(Path("test.onnx"), proto, signature, {})


def single(op: str, arrays: Arrays, weights: Mapping[str, Any] | None = None, opset: int = 17, outputs: str = "y",
           symbolic: bool = False, **attributes: Any) -> Model:  # fmt: skip
    """A model of one node that reads the arrays as inputs and then the weights; ``symbolic`` makes every dimension a symbol."""
    inputs = {
        name: (str(array.dtype), [f"{name}{axis}" for axis in range(array.ndim)] if symbolic else array.shape)
        for name, array in arrays.items()
    }
    made = node(op, " ".join([*arrays, *(weights or {})]), outputs, **attributes)
    inferred = onnx.shape_inference.infer_shapes(
        helper.make_model(
            helper.make_graph(
                [made], "types",
                [helper.make_tensor_value_info(name, TYPES[str(array.dtype)], array.shape) for name, array in arrays.items()],
                [], [numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()],
            ),
            opset_imports=[helper.make_opsetid("", opset)],
        )
    )  # fmt: skip
    known = {value.name: DTYPES[value.type.tensor_type.elem_type] for value in inferred.graph.value_info}
    first = next(iter(arrays.values()))
    return model([made], inputs, {name: known.get(name, str(first.dtype)) for name in outputs.split()}, weights, opset)


def imported(model: Model) -> Graph:
    """The model's graph before any pass. Fails where something is refused."""
    graph, refused = import_model(model)
    assert graph is not None, [str(entry) for entry in refused]
    return graph


def expected(model: Model, feeds: Arrays) -> Arrays:
    """onnxruntime's answer, without its optimisations."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def agree(left: Arrays, right: Arrays, tolerance: float = 2e-5) -> None:
    """Same names, dtypes, shapes, and values up to the tolerance relative to the largest."""
    assert set(left) == set(right)
    for name, array in left.items():
        other = right[name]
        assert (array.dtype, array.shape) == (other.dtype, other.shape), name
        if array.dtype.kind != "f":
            np.testing.assert_array_equal(array, other, err_msg=name)
        elif array.size:
            finite = np.isfinite(other)
            np.testing.assert_array_equal(np.isnan(array), np.isnan(other), err_msg=name)
            np.testing.assert_array_equal(array[~finite & ~np.isnan(other)], other[~finite & ~np.isnan(other)], err_msg=name)
            largest = max(float(np.abs(other[finite]).max(initial=0)), 1e-6)
            assert float(np.abs(array[finite] - other[finite]).max(initial=0)) <= tolerance * largest, name


def check(model: Model, feeds: Arrays, tolerance: float = 2e-5) -> Graph:
    """The import and the passes give what onnxruntime gives, and the plan is a valid one. Returns the optimised graph."""
    graph = imported(model)
    wanted = expected(model, feeds)
    agree(evaluate(graph, feeds), wanted, tolerance)
    optimised = optimise(graph)
    agree(evaluate(optimised, feeds), wanted, tolerance)
    hold(compile(model), bound_symbols(graph, feeds))
    return optimised


def ops_of(graph: Graph) -> list[str]:
    """The graph's operations in order."""
    return [entry.op for entry in graph.nodes]


def random(*shape: int, seed: int = 0, dtype: str = "float32", low: float = -2.0, high: float = 2.0) -> np.ndarray:
    """Reproducible numbers."""
    return np.random.default_rng(seed + sum(shape)).uniform(low, high, shape).astype(dtype)


def ints(*shape: int, low: int = -5, high: int = 6, dtype: str = "int64") -> np.ndarray:
    return np.random.default_rng(sum(shape)).integers(low, high, shape).astype(dtype)


FLOAT = TensorProto.FLOAT
