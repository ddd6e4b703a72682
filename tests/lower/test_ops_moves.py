"""What moves, gathers and scatters elements; sums over axes, norms, recurrent layers: against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from packager.lower import compile  # noqa: A004
from tests.lower.graphs import check, ints, model, node, ops_of, random, single

INT64 = np.int64


SHAPES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("Reshape", {"s": [6, -1]}, {}),
    ("Reshape", {"s": [0, 3, -1]}, {}),
    ("Flatten", {}, {"axis": 2}),
    ("Unsqueeze", {"a": [0, -1]}, {}),
    ("Transpose", {}, {"perm": [2, 0, 1]}),
    ("Transpose", {}, {}),
    ("Slice", {"b": [1], "e": [9], "a": [2], "s": [2]}, {}),
    ("Slice", {"b": [-1], "e": [-9], "a": [1], "s": [-1]}, {}),
    ("Slice", {"b": [0, 1], "e": [2, -1]}, {}),
    ("Expand", {"s": [2, 1, 3, 4]}, {}),
    ("Tile", {"r": [1, 2, 3]}, {}),
    ("Pad", {"p": [0, 1, 0, 0, 0, 2]}, {}),
    ("Pad", {"p": [0, 1, 1, 0, 0, 2]}, {"mode": "reflect"}),
    ("Pad", {"p": [1, 1, 1, 0, 0, 2]}, {"mode": "edge"}),
    ("Pad", {"p": [0, -1, 0, 0, 0, 2]}, {}),
    ("Gather", {"i": [1, 0, -1]}, {"axis": 1}),
    ("Gather", {"i": 1}, {"axis": 2}),
    ("CumSum", {"a": 1}, {"exclusive": 1, "reverse": 1}),
]


@pytest.mark.parametrize(("op", "weights", "attributes"), SHAPES)
def test_movement(op: str, weights: dict[str, Any], attributes: dict[str, Any]) -> None:
    feeds = {"x": random(2, 3, 4)}
    held = {name: np.array(array, INT64) for name, array in weights.items()}
    check(single(op, feeds, held, **attributes), feeds)
    if op not in ("Tile", "Expand"):
        check(single(op, feeds, held, symbolic=True, **attributes), feeds)


def test_splits_and_concats() -> None:
    feeds = {"x": random(2, 7, 3)}
    check(single("Split", feeds, {"s": np.array([2, 5], INT64)}, outputs="y z", axis=1), feeds)
    check(single("Split", feeds, opset=18, outputs="y z w", axis=1, num_outputs=3), feeds)
    pair = {"a": random(2, 3), "b": random(2, 4)}
    check(single("Concat", pair, axis=-1), pair)
    check(single("DepthToSpace", {"x": random(1, 8, 2, 3)}, blocksize=2), {"x": random(1, 8, 2, 3)})
    check(single("DepthToSpace", {"x": random(1, 8, 2, 3)}, blocksize=2, mode="CRD"), {"x": random(1, 8, 2, 3)})
    check(single("SpaceToDepth", {"x": random(1, 2, 4, 6)}, blocksize=2), {"x": random(1, 2, 4, 6)})


@pytest.mark.parametrize("fn", ["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp"])
@pytest.mark.parametrize("axes", [[1], [-1, 0], None, [0, 1, 2]])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_reductions(fn: str, axes: list[int] | None, keepdims: int) -> None:
    feeds = {"x": random(2, 3, 5, low=0.1)}
    weights = {} if axes is None else {"a": np.array(axes, INT64)}
    check(single(f"Reduce{fn}", feeds, weights, opset=18, keepdims=keepdims), feeds)


@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
def test_places(op: str) -> None:
    feeds = {"x": ints(3, 7, low=0, high=3).astype(np.float32)}
    for attributes in ({}, {"axis": 1, "keepdims": 0}, {"axis": -1, "select_last_index": 1}):
        check(single(op, feeds, **attributes), feeds)


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
def test_softmax(op: str) -> None:
    feeds = {"x": random(2, 3, 5)}
    for attributes in ({}, {"axis": 1}, {"axis": 0}):
        check(single(op, feeds, **attributes), feeds)
    check(single(op, feeds, opset=11, axis=1), feeds)


def test_norms() -> None:
    feeds = {"x": random(2, 6, 5, 4)}
    scale, bias = random(6), random(6, seed=3)
    check(single("InstanceNormalization", feeds, {"s": scale, "b": bias}), feeds)
    check(single("BatchNormalization", feeds, {"s": scale, "b": bias, "m": random(6), "v": random(6, low=0.5)}), feeds)
    check(single("LayerNormalization", feeds, {"s": random(4), "b": random(4, seed=1)}, epsilon=1e-3), feeds)
    check(single("LayerNormalization", feeds, {"s": random(5, 4), "b": random(5, 4, seed=1)}, axis=2), feeds)
    check(single("GroupNormalization", feeds, {"s": random(6), "b": random(6, seed=1)}, opset=21, num_groups=3), feeds)
    check(single("LpNormalization", feeds, axis=1, p=2), feeds)


RESIZES: list[dict[str, Any]] = [
    {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    {"mode": "nearest"},
    {"mode": "nearest", "nearest_mode": "round_prefer_ceil", "coordinate_transformation_mode": "align_corners"},
    {"mode": "linear"},
    {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"},
    {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
    {"mode": "cubic"},
    {"mode": "cubic", "cubic_coeff_a": -0.5, "exclude_outside": 1},
]


@pytest.mark.parametrize("attributes", RESIZES)
def test_resize(attributes: dict[str, Any]) -> None:
    feeds = {"x": random(1, 2, 5, 4)}
    scales = {"r": np.zeros(0, np.float32), "s": np.array([1, 1, 2, 3], np.float32)}
    check(single("Resize", feeds, scales, **attributes), feeds)
    sizes = {**scales, "s": np.zeros(0, np.float32), "z": np.array([1, 2, 7, 9], INT64)}
    check(single("Resize", feeds, sizes, **attributes), feeds)


def test_gathers() -> None:
    feeds = {"x": random(4, 3, 5), "i": ints(2, 2, low=-4, high=4)}
    check(single("Gather", feeds), feeds)
    elements = {"x": random(4, 3), "i": ints(2, 3, low=-4, high=4)}
    check(single("GatherElements", elements, axis=0), elements)
    rows = {"x": random(4, 3, 5), "i": np.array([[0, 1], [3, 2], [1, 0]], INT64)}
    check(single("GatherND", rows), rows)
    batched = {"x": random(2, 3, 5), "i": np.array([[[0], [2]], [[1], [1]]], INT64)}
    check(single("GatherND", batched, batch_dims=1), batched)


def test_ranges_and_fillings_follow_the_shape() -> None:
    nodes = [
        node("Shape", "x", "shape"), node("Gather", "shape one", "n"), node("Range", "zero n step", "r"),
        node("ConstantOfShape", "shape", "ones", value=np_tensor(1.0)), node("Cast", "r", "f", to=1),
        node("Add", "ones f", "y"),
    ]  # fmt: skip
    made = model(nodes, {"x": ("float32", ("b", "s"))}, {"y": "float32"},
                 {"zero": np.int64(0), "one": np.int64(1), "step": np.int64(1)})  # fmt: skip
    graph = check(made, {"x": random(2, 5)})
    assert "gather" not in ops_of(graph)


def np_tensor(number: float) -> Any:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.array([number], np.float32))


def test_both_branches_of_a_condition_that_depends_on_data() -> None:
    import onnx.helper as helper

    branches = {
        name: helper.make_graph([node(op, "x", f"{name}_y")], name, [], [helper.make_tensor_value_info(f"{name}_y", 1, None)])
        for name, op in (("then_branch", "Relu"), ("else_branch", "Neg"))
    }
    made = model(
        [helper.make_node("If", ["c"], ["y"], **branches)], {"c": ("bool", ()), "x": ("float32", (2, 3))}, {"y": "float32"}
    )
    for taken in (True, False):
        check(made, {"c": np.array(taken), "x": random(2, 3)})


LAYERS = [
    ("LSTM", 4, 8, "y h c"),
    ("GRU", 3, 6, "y h"),
    ("RNN", 1, 2, "y h"),
]


@pytest.mark.parametrize(("op", "gates", "biases", "outputs"), LAYERS)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("bias", [False, True])
def test_recurrent_layers(op: str, gates: int, biases: int, outputs: str, direction: str, bias: bool) -> None:
    runs, hidden = (2 if direction == "bidirectional" else 1), 5
    feeds = {"x": random(7, 2, 3)}
    weights = {"w": random(runs, gates * hidden, 3), "r": random(runs, gates * hidden, hidden)}
    if bias:
        weights["b"] = random(runs, biases * hidden)
    check(single(op, feeds, weights, outputs=outputs, hidden_size=hidden, direction=direction), feeds)


def test_recurrent_layers_from_a_state() -> None:
    inputs = {"x": ("float32", ("s", 2, 3)), "h": ("float32", (1, 2, 5)), "c": ("float32", (1, 2, 5))}
    feeds = {"x": random(7, 2, 3), "h": random(1, 2, 5), "c": random(1, 2, 5, seed=1)}
    weights = {"w": random(1, 20, 3), "r": random(1, 20, 5), "p": random(1, 15), "g": random(1, 15, 3), "s": random(1, 15, 5),
               "b": random(1, 30)}  # fmt: skip
    made = model([node("LSTM", "x w r - - h c p", "y k m", hidden_size=5)], inputs, dict.fromkeys("ykm", "float32"), weights)
    check(made, feeds)
    pair = {name: feeds[name] for name in "xh"}
    for after in (0, 1):
        gru = node("GRU", "x g s b - h", "y k", hidden_size=5, linear_before_reset=after)
        check(model([gru], {name: inputs[name] for name in "xh"}, dict.fromkeys("yk", "float32"), weights), pair)
    functions = node("RNN", "x v u", "y", hidden_size=5, activations=["LeakyRelu"], activation_alpha=[0.3])
    check(
        model([functions], {"x": inputs["x"]}, {"y": "float32"}, {"v": random(1, 5, 3), "u": random(1, 5, 5)}),
        {"x": feeds["x"]},
    )


@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
def test_scatters(reduction: str) -> None:
    x, updates = random(4, 3), random(2, 3, seed=5)
    elements = {"x": x, "i": np.array([[0, 1, 2], [3, 0, 1]]), "u": updates}
    check(single("ScatterElements", elements, opset=18, axis=0, reduction=reduction), elements)
    rows = {"x": x, "i": np.array([[1], [3]]), "u": updates}
    check(single("ScatterND", rows, opset=18, reduction=reduction), rows)


def test_places_as_data() -> None:
    hot = {"i": np.array([[0, 2], [-1, 1]])}
    check(single("OneHot", hot, {"d": np.int64(4), "v": np.array([0.5, 2], np.float32)}, axis=1), hot)
    feeds = {"x": random(3, 7)}
    check(single("TopK", feeds, {"k": np.array([3])}, outputs="y z"), feeds)
    check(single("TopK", feeds, {"k": np.array([2])}, outputs="y z", axis=0, largest=0), feeds)
    for upper, diagonal in ((1, 0), (0, 1), (1, -2)):
        check(single("Trilu", feeds, {"k": np.int64(diagonal)}, upper=upper), feeds)


@pytest.mark.parametrize(("dtype", "zero"), [("int8", 0), ("int8", 3), ("uint8", 128), ("uint8", 100)])
def test_dequantised_weights(dtype: str, zero: int) -> None:
    feeds = {"x": random(3, 64)}
    codes = np.random.default_rng(2).integers(0, 100, (64, 50)).astype(dtype)
    weights = {"q": codes, "s": random(50, low=0.01, high=0.1), "z": np.full(50, zero, dtype)}
    nodes = [node("DequantizeLinear", "q s z", "w", axis=1), node("MatMul", "x w", "y")]
    made = model(nodes, {"x": ("float32", (3, 64))}, {"y": "float32"}, weights)
    check(made, feeds)
    kept = compile(made).plan["weights"] < 64 * 50 * 2
    assert kept == (zero in (0, 128))


def test_dropout_gives_what_it_took() -> None:
    feeds = {"x": random(3, 4)}
    check(single("Dropout", feeds, outputs="y m"), feeds)
    check(single("LpNormalization", {"x": np.zeros((2, 3), np.float32)}), {"x": np.zeros((2, 3), np.float32)})


def test_half_floats_are_computed_with_as_floats() -> None:
    weights = {"w": random(64, 50).astype(np.float16), "b": random(50).astype(np.float16)}
    nodes = [node("MatMul", "x w", "a"), node("Add", "a b", "c"), node("Relu", "c", "y")]
    made = model(nodes, {"x": ("float16", ("n", 64))}, {"y": "float16"}, weights)
    check(made, {"x": random(3, 64).astype(np.float16)}, 2e-3)
    assert compile(made).plan["weights"] < 64 * 56 * 2 + 1024
