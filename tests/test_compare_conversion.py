"""ONNX models in the formats of peers: what becomes one operator, and that the files say what they should."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
import tflite
from onnx import TensorProto, helper, numpy_helper

from benchmarks.convert import UnsupportedError, load_network, write_graph_model, write_litert

if TYPE_CHECKING:
    from pathlib import Path


def small_network(path: Path) -> None:
    """Convolution with a ReLU6, GELU as exporters write it, a gate, and a mean: [1, 3, 8, 8] to [1, 4]."""
    random = np.random.default_rng(1)

    def constant(name: str, values: Any) -> onnx.TensorProto:
        return numpy_helper.from_array(np.array(values, np.float32), name)

    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1]),
        helper.make_node("Clip", ["c", "zero", "six"], ["r"]),
        helper.make_node("Div", ["r", "root"], ["d"]),
        helper.make_node("Erf", ["d"], ["e"]),
        helper.make_node("Add", ["e", "one"], ["a"]),
        helper.make_node("Mul", ["r", "a"], ["m"]),
        helper.make_node("Mul", ["m", "half"], ["g"]),
        helper.make_node("HardSigmoid", ["g"], ["h"], alpha=0.2),
        helper.make_node("GlobalAveragePool", ["h"], ["p"]),
        helper.make_node("Flatten", ["p"], ["y"]),
    ]
    weights = [
        numpy_helper.from_array(random.standard_normal((4, 3, 3, 3)).astype(np.float32), "w"),
        *(
            constant(*pair)
            for pair in (("b", [0.1] * 4), ("zero", 0), ("six", 6), ("root", math.sqrt(2)), ("one", 1), ("half", 0.5))
        ),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])
    graph = helper.make_graph(nodes, "small", [x], [y], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


class TestConversion:
    @pytest.fixture
    def model(self, tmp_path: Path) -> Path:
        small_network(tmp_path / "small.onnx")
        return tmp_path / "small.onnx"

    def test_patterns_and_activations_become_one_operator(self, model: Path) -> None:
        network = load_network(model, {"x": [1, 3, 8, 8]})
        assert [op.kind for op in network.ops] == ["conv", "gelu", "mul", "add", "mul", "mean", "reshape"]
        assert network.ops[0].attributes["activation"] == "relu6"
        assert network.ops[3].attributes["activation"] == "relu6"
        assert network.shape(network.inputs[0]) == (1, 8, 8, 3)
        assert network.shape(network.outputs[0]) == (1, 4)

    def test_graph_model_names_its_weights_in_order(self, model: Path, tmp_path: Path) -> None:
        ends = write_graph_model(load_network(model, {"x": [1, 3, 8, 8]}), tmp_path / "out")
        written = json.loads((tmp_path / "out" / "model.json").read_text())
        nodes = {node["name"]: node for node in written["modelTopology"]["node"]}
        assert nodes[ends["inputs"][0]]["op"] == "Placeholder"
        assert ends["outputs"][0] in nodes
        assert all(name in nodes for node in nodes.values() for name in node["input"])
        (group,) = written["weightsManifest"]
        sizes = [4 * math.prod(entry["shape"]) for entry in group["weights"]]
        assert sum(sizes) == sum((tmp_path / "out" / path).stat().st_size for path in group["paths"])

    def test_litert_file_reads_back(self, model: Path, tmp_path: Path) -> None:
        write_litert(load_network(model, {"x": [1, 3, 8, 8]}), tmp_path / "m.tflite")
        content = (tmp_path / "m.tflite").read_bytes()
        assert content[4:8] == b"TFL3"
        read = tflite.Model.GetRootAs(content, 0)
        graph = read.Subgraphs(0)
        codes = [read.OperatorCodes(graph.Operators(n).OpcodeIndex()).BuiltinCode() for n in range(graph.OperatorsLength())]
        operators = tflite.BuiltinOperator
        assert codes[:2] == [operators.CONV_2D, operators.GELU]
        assert list(graph.Tensors(graph.Inputs(0)).ShapeAsNumpy()) == [1, 8, 8, 3]
        options = tflite.Conv2DOptions()
        options.Init(graph.Operators(0).BuiltinOptions().Bytes, graph.Operators(0).BuiltinOptions().Pos)
        # The border of this convolution is the one that the format calls SAME.
        assert options.Padding() == tflite.Padding.SAME
        assert options.FusedActivationFunction() == tflite.ActivationFunctionType.RELU6

    def test_what_is_not_covered_is_said(self, tmp_path: Path) -> None:
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])
        graph = helper.make_graph([helper.make_node("Mish", ["x"], ["y"])], "g", [x], [y])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), tmp_path / "m.onnx")
        with pytest.raises(UnsupportedError, match="The operator Mish is not converted"):
            load_network(tmp_path / "m.onnx", {"x": [1, 4]})
