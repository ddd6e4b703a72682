"""Graph models: what they are made of, where their weights lie, and what is refused, by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from packager.errors import BuildError
from packager.lower.ops import OPS
from packager.lower.tensorflow import PASSES, GraphModel, compile, cover  # noqa: A004
from packager.lower.tensorflow.ops import EMIT
from packager.quantise import quantise
from packager.targets.webgl import check, lower
from tests.lower.graphs import model, node, random, single

if TYPE_CHECKING:
    from packager.model import Model


def small(channels: int = 8, dims: tuple[int | str, ...] = ("batch", 3, 16, 16)) -> Model:
    """Convolution, batch norm and Relu6; a depthwise one; mean, product, softmax."""
    weights = {
        "w": random(channels, 3, 3, 3), "s": random(channels, low=0.5), "b": random(channels), "m": random(channels),
        "v": random(channels, low=0.5), "d": random(channels, 1, 3, 3), "f": random(channels, 10), "g": random(10),
        "low": np.float32(0), "high": np.float32(6),
    }  # fmt: skip
    nodes = [
        node("Conv", "images w", "c", strides=[2, 2], pads=[1, 1, 1, 1]),
        node("BatchNormalization", "c s b m v", "n"),
        node("Clip", "n low high", "r"),
        node("Conv", "r d", "e", group=channels, pads=[0, 0, 1, 1]),
        node("GlobalAveragePool", "e", "p"),
        node("Flatten", "p", "q"),
        node("Gemm", "q f g", "h"),
        node("Softmax", "h", "scores"),
    ]
    return model(nodes, {"images": ("float32", dims)}, {"scores": "float32"}, weights)


def ops(made: GraphModel) -> list[str]:
    return [entry["op"] for entry in made.document["topology"]["node"] if entry["op"] not in ("Const", "Placeholder")]


def attributes(made: GraphModel, op: str) -> dict[str, Any]:
    return next(entry["attr"] for entry in made.document["topology"]["node"] if entry["op"] == op)


def test_convolutions_take_in_bias_norm_and_activation() -> None:
    made = compile(small())
    assert ops(made) == [
        "Transpose", "_FusedConv2D", "DepthwiseConv2dNative", "Mean", "Reshape", "_FusedMatMul", "Softmax",
    ]  # fmt: skip
    given = attributes(made, "_FusedConv2D")
    assert given["fused_ops"]["list"]["s"] == ["Qmlhc0FkZA==", "UmVsdTY="]  # BiasAdd, Relu6
    assert given["explicit_paddings"]["list"]["i"] == ["0", "0", "1", "1", "1", "1", "0", "0"]


def test_the_models_own_names_and_shapes_are_at_its_borders() -> None:
    made = compile(small()).document
    (taken,), (given,) = made["inputs"], made["outputs"]
    assert (taken["name"], taken["shape"], given["name"]) == ("images", ["batch", 3, 16, 16], "scores")
    names = {entry["name"] for entry in made["topology"]["node"]}
    assert {taken["tensor"], given["tensor"]} <= names


def test_what_only_the_inputs_tell_is_fed_by_the_engine() -> None:
    made = compile(small()).document
    assert [entry["values"] for entry in made["sizes"]] == [["batch", 8]]
    fixed = compile(small(dims=(1, 3, 16, 16))).document
    assert fixed["sizes"] == []


def test_a_result_that_is_an_input_or_a_constant_is_a_node_of_its_own() -> None:
    weights = {"w": random(3, 40)}
    made = compile(model([node("Identity", "x"), node("Identity", "w", "z")], {"x": ("float32", [2])},
                         {"y": "float32", "z": "float32"}, weights))  # fmt: skip
    assert ops(made) == ["Identity", "Identity"]


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_every_weight_has_its_bytes_at_its_place(precision: Any) -> None:
    made = lower(quantise(small(channels=512), precision), 8192, precision)
    document = json.loads(made.graph)
    contents = {weights.location: b"".join(item.data for item in weights.items) for weights in made.weights}
    assert len(contents) > 2
    assert all(
        len(data) <= 8192 or len(weights.items) == 1 for weights in made.weights for data in [contents[weights.location]]
    )
    sizes = {"float32": 4, "float16": 2, "int8": 1}
    stored = set()
    for entry in document["weights"]:
        if "values" in entry:
            assert len(entry["values"]) == np.prod(entry["shape"])
            continue
        kind = entry.get("stored", entry["dtype"])
        stored.add(kind)
        assert entry["offset"] % 4 == 0
        assert entry["offset"] + np.prod(entry["shape"]) * sizes[kind] <= len(contents[entry["location"]])
        if kind == "int8":
            assert entry["scale"] + 4 * entry["shape"][entry.get("axis", -1)] <= len(contents[entry["location"]])
    assert stored == {"fp32": {"float32"}, "fp16": {"float32", "float16"}, "int8": {"float32", "int8"}}[precision]


def test_one_number_repeated_does_not_travel() -> None:
    made = compile(single("Add", {"x": random(64, 128)}, {"w": np.full((64, 128), 0.5, np.float32)}))
    assert (made.weights, ops(made)) == ([], ["Fill", "AddV2"])


def test_passes_that_make_kernels_of_our_own_engine_are_left_out() -> None:
    assert {"fuse_attention", "fuse_siblings"} & {apply.__name__ for apply in PASSES} == set()
    assert "fuse_batchnorm" in {apply.__name__ for apply in PASSES}


def test_what_is_expressed_is_what_the_compiler_has() -> None:
    assert set(EMIT) - set(OPS) == set()
    assert set(OPS) - set(EMIT) == {"attention", "gather_elements", "scatter_elements", "scatter_nd"}


def test_refusals_name_every_node_and_the_remedy() -> None:
    made = model(
        [node("MaxPool", "x", "a", kernel_shape=[2, 2], dilations=[2, 2]), node("ScatterElements", "a i u", "b"),
         node("Relu", "b")],
        {"x": ("float32", [1, 2, 8, 8]), "i": ("int64", [1, 2, 6, 6]), "u": ("float32", [1, 2, 6, 6])}, {"y": "float32"},
    )  # fmt: skip
    assert [entry.op for entry in cover(made)] == ["MaxPool", "ScatterElements"]
    first, second = check(made).problems
    assert first == "MaxPool 'the_maxpool': it has dilations. Another target has it: wasm or ort-wasm."
    assert second.startswith("ScatterElements 'the_scatterelements': TensorFlow.js has nothing like it")
    with pytest.raises(BuildError, match=r"the_maxpool.*the_scatterelements"):
        lower(made, 8192, "fp32")


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (single("Add", {"x": random(20, dtype="int64")}, {"w": np.full(20, 2**24 + 1)}), "it holds the integer 16777217"),
        (single("Relu", {"x": random(1, 1, 1, 1, 1, 1, 1)}), "it works on 7 dimensions"),
        (single("Conv", {"x": random(1, 130, 4, 4)}, {"w": random(130, 2, 1, 1)}, group=65), "it has 65 groups"),
        (single("Conv", {"x": random(1, 2, 9, 9)}, {"w": random(2, 2, 3, 3)}, strides=[2, 2], dilations=[2, 2]),
         "it has both strides and dilations"),
        (single("Expand", {"x": random(1)}, {"shape": np.array([8193, 8192])}), "it works on 67117056 elements"),
    ],
)  # fmt: skip
def test_what_a_gpu_does_not_hold_is_refused(made: Model, reason: str) -> None:
    (refused,) = cover(made)
    assert refused.reason.startswith(reason)
