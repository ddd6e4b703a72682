"""The target webgpu: what it refuses and notes, half floats, and weights of 4 bits, beside NumPy and native onnxruntime."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import TensorProto, helper, numpy_helper

from packager.lowered import Lowered
from packager.model import Model
from packager.native import open_session
from packager.readers import read
from packager.targets import four_bits, webgpu
from tests import models

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def opened(proto: onnx.ModelProto, folder: Path) -> Model:
    return read(models.save(proto, folder / "model.onnx"), {})


def graph_of(lowered: Lowered) -> onnx.GraphProto:
    return onnx.load_from_string(lowered.graph).graph


def answers(lowered: Lowered, folder: Path, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    """What native onnxruntime makes of the bytes as they would be shipped."""
    folder.mkdir(exist_ok=True)
    for weights in lowered.weights:
        (folder / weights.location).write_bytes(b"".join(item.data for item in weights.items))
    (folder / "graph.onnx").write_bytes(lowered.graph)
    outputs: list[np.ndarray] = open_session(folder / "graph.onnx").run(None, feeds)
    return outputs


def attention() -> onnx.ModelProto:
    """Products, a mask of -3.4e38, a square root with a tiny epsilon, and an If whose branches read an outer value."""
    random = np.random.default_rng(3)
    branches = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node(op, ["hidden"], [f"{name}_out"])], name, [], [helper.make_empty_tensor_value_info(f"{name}_out")]
        )
        for name, op in (("then", "Neg"), ("else", "Identity"))
    }
    return models.make(
        [
            helper.make_node("MatMul", ["x", "w"], ["product"]),
            helper.make_node("Where", ["keep", "product", "never"], ["masked"]),
            helper.make_node("Softmax", ["masked"], ["hidden"], axis=-1),
            helper.make_node("Mul", ["hidden", "hidden"], ["squares"]),
            helper.make_node("ReduceMean", ["squares"], ["variance"], axes=[-1]),
            helper.make_node("Add", ["variance", "epsilon"], ["above_zero"]),
            helper.make_node("Sqrt", ["above_zero"], ["deviation"]),
            helper.make_node("Div", ["hidden", "deviation"], ["normal"]),
            helper.make_node("If", ["turn"], ["turned"], **branches),
            helper.make_node("Add", ["normal", "turned"], ["y"]),
        ],
        {"x": (FLOAT, [4, 64]), "keep": (TensorProto.BOOL, [4, 48]), "turn": (TensorProto.BOOL, [])},
        {"y": (FLOAT, [4, 48]), "variance": (FLOAT, [4, 1])},
        {
            "w": random.standard_normal((64, 48)).astype(np.float32) / 8,
            "never": np.array(np.finfo(np.float32).min),
            "epsilon": np.array(1e-12, np.float32),
        },
    )


def test_half_floats_keep_the_signature_and_what_they_cannot_hold(tmp_path: Path) -> None:
    model = opened(attention(), tmp_path)
    graph = graph_of(webgpu.lower(model, 2**20, "fp16"))
    assert {value.name: value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)} == {
        "x": FLOAT, "keep": TensorProto.BOOL, "turn": TensorProto.BOOL, "y": FLOAT, "variance": FLOAT,
    }  # fmt: skip
    weights = {tensor.name: tensor for tensor in graph.initializer}
    assert weights["w.half"].data_type == TensorProto.FLOAT16
    assert "w" not in weights
    assert weights["epsilon"].data_type == FLOAT
    assert numpy_helper.to_array(weights["never.half"]) == np.finfo(np.float16).min
    written = {node.op_type: node.output[0] for node in graph.node if node.op_type not in ("Cast", "Add")}
    assert written["MatMul"] == "product.half"
    assert written["ReduceMean"] == "variance"
    assert written["If"] == "turned"


@pytest.mark.parametrize("turn", [True, False])
def test_half_floats_give_nearly_the_same(turn: bool, tmp_path: Path) -> None:
    model = opened(attention(), tmp_path)
    random = np.random.default_rng(5)
    keep = random.random((4, 48)) < 0.5
    feeds = {"x": random.standard_normal((4, 64)).astype(np.float32), "keep": keep, "turn": np.array(turn)}
    expected = open_session(model.proto.SerializeToString()).run(None, feeds)
    for got, wanted in zip(answers(webgpu.lower(model, 2**20, "fp16"), tmp_path / "half", feeds), expected, strict=True):
        assert got.dtype == wanted.dtype
        np.testing.assert_allclose(got, wanted, rtol=0, atol=4e-3 * np.abs(wanted).max())


def test_what_the_provider_lacks_stays_in_full_floats(tmp_path: Path) -> None:
    nodes = [helper.make_node("Det", ["x"], ["d"]), helper.make_node("Mul", ["d", "d"], ["y"])]
    model = opened(models.make(nodes, {"x": (FLOAT, [3, 8, 8])}, {"y": (FLOAT, [3])}), tmp_path)
    assert [(node.op_type, node.output[0]) for node in graph_of(webgpu.lower(model, 2**20, "fp16")).node] == [
        ("Det", "d"), ("Cast", "d.half"), ("Mul", "y.half"), ("Cast", "y"),
    ]  # fmt: skip
    (note,) = webgpu.check(model).notes
    assert note.startswith("1 node runs on the processor")
    assert "Det" in note


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 130), st.integers(1, 5)),
        elements=st.floats(-50, 50, width=32, allow_subnormal=False),
    )
)
@settings(max_examples=60, deadline=None)
def test_packed_weights_are_near_the_given_ones(matrix: np.ndarray) -> None:
    codes, steps, zeros = four_bits.pack(matrix)
    depth, rows = matrix.shape
    blocks = -(-depth // four_bits.BLOCK)
    assert codes.shape == (rows, blocks, four_bits.BLOCK // 2)
    assert zeros.shape == (rows, -(-blocks // 2))
    assert {codes.dtype, zeros.dtype} == {np.dtype(np.uint8)}
    restored = four_bits.unpack(codes, steps, zeros, depth)
    padded = np.zeros((blocks * four_bits.BLOCK, rows), np.float32)
    padded[:depth] = restored - matrix
    errors = np.square(padded.reshape(blocks, four_bits.BLOCK, rows)).sum(1)
    padded[:depth] = matrix
    parts = padded.reshape(blocks, four_bits.BLOCK, rows)
    # Rounding to 16 steps over the block's range with zero among them: no weight off by more than one step.
    step = (np.maximum(parts.max(1), 0) - np.minimum(parts.min(1), 0)) / 15 + 2**-14
    assert (errors <= four_bits.BLOCK * np.square(step) * 1.01).all()


@pytest.mark.parametrize("depth", [128, 96, 100])
def test_onnxruntime_computes_with_packed_weights_as_numpy_does(depth: int, tmp_path: Path) -> None:
    random = np.random.default_rng(depth)
    weight = random.standard_normal((depth, 256)).astype(np.float32)
    bias, x = random.standard_normal(256).astype(np.float32), random.standard_normal((5, depth)).astype(np.float32)
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1)]
    weights = {"w": np.ascontiguousarray(weight.T), "b": bias}
    model = opened(models.make(nodes, {"x": (FLOAT, ["n", depth])}, {"y": (FLOAT, ["n", 256])}, weights), tmp_path)
    lowered = webgpu.lower(model, 2**20, "int4")
    assert "MatMulNBits" in {node.op_type for node in graph_of(lowered).node}
    expected = x @ four_bits.unpack(*four_bits.pack(weight), depth) + bias
    np.testing.assert_allclose(answers(lowered, tmp_path / "packed", {"x": x})[0], expected, rtol=0, atol=2e-4)


def test_computed_weights_and_tables_are_packed_too(tmp_path: Path) -> None:
    """As an int8 export holds them: codes behind a Cast and a Mul."""
    random = np.random.default_rng(1)
    nodes = [
        helper.make_node("Cast", ["codes"], ["wide"], to=FLOAT),
        helper.make_node("Mul", ["wide", "scale"], ["w"]),
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("MatMul", ["rows", "w"], ["y"]),
    ]
    weights: dict[str, Any] = {
        "codes": random.integers(-128, 128, (64, 256), np.int8),
        "scale": random.random(256).astype(np.float32) / 100,
        "table": random.standard_normal((512, 64)).astype(np.float32),
    }
    model = opened(models.make(nodes, {"ids": (INT64, ["n"])}, {"y": (FLOAT, ["n", 256])}, weights), tmp_path)
    lowered = webgpu.lower(model, 2**20, "int4")
    assert [node.op_type for node in graph_of(lowered).node if node.op_type != "Cast"] == [
        "GatherBlockQuantized",
        "MatMulNBits",
    ]
    assert lowered.bytes < 64 * 256 * 0.66 + 512 * 64 * 1.1 + 4096
    feeds = {"ids": np.array([0, 511, 7])}
    expected = open_session(model.proto.SerializeToString()).run(None, feeds)[0]
    got = answers(lowered, tmp_path / "packed", feeds)[0]
    assert (got * expected).sum() / np.linalg.norm(got) / np.linalg.norm(expected) > 0.99


def test_other_large_weights_travel_as_half_floats(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"])]
    weights = {"w": random.standard_normal((64, 3, 3, 3)).astype(np.float32)}
    model = opened(models.make(nodes, {"x": (FLOAT, [1, 3, 8, 8])}, {"y": (FLOAT, [1, 64, 6, 6])}, weights), tmp_path)
    lowered = webgpu.lower(model, 2**20, "int4")
    assert [tensor.data_type for tensor in graph_of(lowered).initializer] == [TensorProto.FLOAT16]
    feeds = {"x": random.standard_normal((1, 3, 8, 8)).astype(np.float32)}
    expected = open_session(model.proto.SerializeToString()).run(None, feeds)[0]
    np.testing.assert_allclose(answers(lowered, tmp_path / "packed", feeds)[0], expected, rtol=0, atol=1e-2)


def test_strings_and_sizes_that_no_card_takes_are_refused_by_name(tmp_path: Path) -> None:
    words = models.make(
        [helper.make_node("StringNormalizer", ["words"], ["y"])],
        {"words": (TensorProto.STRING, [3])},
        {"y": (TensorProto.STRING, [3])},
    )
    large = models.make(
        [helper.make_node("Expand", ["x", "shape"], ["y"])],
        {"x": (FLOAT, [1])},
        {"y": (FLOAT, [2**29])},
        {"shape": np.array([2**29])},
    )
    signature: Any = {"inputs": [], "outputs": []}
    verdicts = [webgpu.check(Model(tmp_path / "model.onnx", proto, signature, {})) for proto in (words, large)]
    assert verdicts[0].problems[0].startswith("The tensor 'words' holds strings")
    assert verdicts[1].problems == [
        "The tensor 'y' takes 2048 MiB and a buffer of a graphics card at most 1024. Split it, give smaller sizes with --dim, "
        "or build for the target ort-wasm."
    ]
    assert webgpu.check(opened(models.dense(), tmp_path)).notes == []


def test_a_tensor_above_what_webgpu_promises_is_noted(tmp_path: Path) -> None:
    nodes = [helper.make_node("Expand", ["x", "shape"], ["y"])]
    proto = models.make(nodes, {"x": (FLOAT, [1])}, {"y": (FLOAT, [2**26])}, {"shape": np.array([2**26])})
    (note,) = webgpu.check(opened(proto, tmp_path)).notes
    assert note.startswith("The tensor 'y' takes 256 MiB, more than the 128 MiB that WebGPU promises")
