"""Every importer against onnxruntime, through NumPy: shapes with odd sizes, symbolic dimensions, what folds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from packager.lower import compile  # noqa: A004
from tests.lower.graphs import check, model, node, ops_of, random, single

INT64 = np.int64


def ints(*shape: int, low: int = -5, high: int = 6, dtype: str = "int64") -> np.ndarray:
    return np.random.default_rng(sum(shape)).integers(low, high, shape).astype(dtype)


UNARY: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in (
        "Relu", "Sigmoid", "Tanh", "Neg", "Abs", "Sign", "Floor", "Ceil", "Round", "Reciprocal", "Exp", "Erf", "Sin", "Cos",
        "Tan", "Atan", "Sinh", "Cosh", "Asinh", "Softplus", "Softsign", "HardSwish", "Mish", "Identity",
    )),
    ("LeakyRelu", {}), ("LeakyRelu", {"alpha": 0.2}), ("Elu", {"alpha": 0.5}), ("Celu", {"alpha": 2.0}), ("Selu", {}),
    ("HardSigmoid", {"alpha": 0.3, "beta": 0.4}), ("ThresholdedRelu", {"alpha": 0.5}), ("Shrink", {"lambd": 0.7, "bias": 0.1}),
    ("Clip", {}),
]  # fmt: skip


@pytest.mark.parametrize(("op", "attributes"), UNARY)
def test_functions_of_one(op: str, attributes: dict[str, Any]) -> None:
    x = random(2, 3, 5)
    opset = 18 if op == "Mish" else 17
    check(single(op, {"x": x}, opset=opset, **attributes), {"x": x})
    check(single(op, {"x": x}, opset=opset, symbolic=True, **attributes), {"x": x})


@pytest.mark.parametrize("op", ["Sqrt", "Log", "Acosh"])
def test_functions_of_positive_numbers(op: str) -> None:
    x = random(2, 7, low=1.0, high=3.0)
    check(single(op, {"x": x}), {"x": x})


@pytest.mark.parametrize("op", ["Asin", "Acos", "Atanh"])
def test_functions_of_small_numbers(op: str) -> None:
    x = random(2, 7, low=-0.9, high=0.9)
    check(single(op, {"x": x}), {"x": x})


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu(approximate: str) -> None:
    x = random(3, 5)
    check(single("Gelu", {"x": x}, opset=20, approximate=approximate), {"x": x})


def test_not_numbers_and_infinities() -> None:
    x = np.array([[np.nan, np.inf, -np.inf, 0.0, -1.5]], np.float32)
    for op in ("IsNaN", "IsInf", "Relu", "Sigmoid", "Abs", "Neg", "Exp"):
        check(single(op, {"x": x}, outputs="y"), {"x": x})
    check(single("IsInf", {"x": x}, detect_positive=0), {"x": x})


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Min", "Max"])
@pytest.mark.parametrize(
    ("left", "right"), [((3, 5), (3, 5)), ((2, 3, 5), (5,)), ((3, 1), (1, 5)), ((), (4,)), ((2, 1, 4, 1), (3, 1, 7))]
)
def test_functions_of_two(op: str, left: tuple[int, ...], right: tuple[int, ...]) -> None:
    feeds = {"a": random(*left), "b": random(*right, seed=1, low=0.5)}
    check(single(op, feeds), feeds)


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Min", "Max", "Mod"])
def test_functions_of_two_integers(op: str) -> None:
    feeds = {"a": ints(3, 4), "b": ints(4, low=1)}
    check(single(op, feeds), feeds)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0, 3.0, -1.0])
def test_powers(exponent: float) -> None:
    feeds = {"x": random(3, 4, low=0.5)}
    check(single("Pow", feeds, {"e": np.array(exponent, np.float32)}), feeds)


@pytest.mark.parametrize("op", ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"])
@pytest.mark.parametrize("dtype", ["float32", "int64", "int32"])
def test_comparisons(op: str, dtype: str) -> None:
    feeds = {"a": ints(3, 4, dtype=dtype), "b": ints(4, dtype=dtype)}
    check(single(op, feeds), feeds)


@pytest.mark.parametrize("op", ["And", "Or", "Xor"])
def test_logic(op: str) -> None:
    feeds = {"a": ints(3, 4) > 0, "b": ints(4) > 0}
    check(single(op, feeds), feeds)
    check(single("Not", {"a": feeds["a"]}), {"a": feeds["a"]})


def test_where_and_prelu_and_means() -> None:
    feeds = {"c": ints(3, 1) > 0, "a": random(3, 4), "b": random(4)}
    check(model([node("Where", "c a b")], {"c": ("bool", (3, 1)), "a": ("float32", (3, 4)), "b": ("float32", (4,))},
                {"y": "float32"}), feeds)  # fmt: skip
    pair = {"a": random(2, 3, 4), "b": random(3, 1)}
    check(single("PRelu", pair), pair)
    many = {"a": random(3, 4), "b": random(4), "c": random(3, 1)}
    for op in ("Sum", "Mean", "Max"):
        check(single(op, many), many)


def test_clip_with_bounds() -> None:
    feeds = {"x": random(3, 5)}
    check(single("Clip", feeds, {"low": np.float32(-0.5), "high": np.float32(0.7)}), feeds)
    check(single("Clip", {"x": ints(7)}, {"low": np.int64(-1), "high": np.int64(2)}), {"x": ints(7)})


@pytest.mark.parametrize("to", ["float32", "int64", "int32", "bool", "uint8"])
@pytest.mark.parametrize("dtype", ["float32", "int64", "int32", "bool"])
def test_casts(dtype: str, to: str) -> None:
    from tests.lower.graphs import TYPES

    x = np.abs(ints(9)).astype(dtype) if dtype != "float32" else np.abs(random(9)) * 20
    check(single("Cast", {"x": x}, to=TYPES[to]), {"x": x})


CONVS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((1, 3, 9, 7), (8, 3, 3, 3), {}),
    ((2, 3, 9, 7), (5, 3, 3, 3), {"pads": [1, 1, 1, 1]}),
    ((1, 4, 9, 8), (6, 4, 3, 3), {"strides": [2, 2], "pads": [0, 1, 1, 0]}),
    ((1, 4, 9, 8), (6, 2, 3, 3), {"group": 2, "dilations": [2, 1]}),
    ((1, 6, 9, 8), (6, 1, 3, 3), {"group": 6, "pads": [1, 1, 1, 1]}),
    ((1, 6, 9, 8), (12, 1, 5, 3), {"group": 6, "strides": [2, 1]}),
    ((2, 6, 5, 4), (9, 6, 1, 1), {}),
    ((1, 6, 5, 4), (9, 6, 1, 1), {"strides": [2, 2]}),
    ((1, 3, 9, 8), (4, 3, 2, 2), {"auto_pad": "SAME_UPPER"}),
    ((1, 3, 9, 8), (4, 3, 4, 3), {"auto_pad": "SAME_LOWER", "strides": [2, 3]}),
    ((1, 3, 9, 8), (4, 3, 2, 2), {"auto_pad": "VALID"}),
    ((2, 3, 11), (4, 3, 3), {"pads": [1, 2], "strides": [2]}),
]


@pytest.mark.parametrize(("shape", "weights", "attributes"), CONVS)
@pytest.mark.parametrize("bias", [False, True])
def test_convolutions(shape: tuple[int, ...], weights: tuple[int, ...], attributes: dict[str, Any], bias: bool) -> None:
    feeds = {"x": random(*shape)}
    extra = {"b": random(weights[0])} if bias else {}
    graph = check(single("Conv", feeds, {"w": random(*weights), **extra}, **attributes), feeds)
    assert ops_of(graph).count("conv") == 1
    check(single("Conv", feeds, {"w": random(*weights), **extra}, symbolic=True, **attributes), feeds)


def test_convolution_with_computed_weights() -> None:
    feeds = {"x": random(1, 3, 6, 5), "w": random(4, 3, 3, 3)}
    check(single("Conv", feeds), feeds)


@pytest.mark.parametrize(
    ("shape", "weights", "attributes"),
    [
        ((1, 3, 4, 5), (3, 6, 2, 2), {"strides": [2, 2]}),
        ((1, 4, 5, 4), (4, 3, 3, 3), {"strides": [2, 1], "pads": [1, 0, 1, 1], "output_padding": [1, 0]}),
        ((1, 4, 5, 4), (4, 3, 3, 3), {"group": 2, "dilations": [2, 1]}),
        ((1, 4, 5, 4), (4, 3, 3, 3), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
        ((1, 4, 5, 4), (4, 3, 3, 3), {"output_shape": [9, 8], "strides": [2, 2]}),
        ((2, 4, 7), (4, 3, 3), {"strides": [2]}),
    ],
)
def test_transposed_convolutions(shape: tuple[int, ...], weights: tuple[int, ...], attributes: dict[str, Any]) -> None:
    feeds = {"x": random(*shape)}
    channels = weights[1] * attributes.get("group", 1)
    check(single("ConvTranspose", feeds, {"w": random(*weights), "b": random(channels)}, **attributes), feeds)


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_shape": [3, 2]},
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
        {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"},
        {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1], "ceil_mode": 1},
    ],
)
def test_pools(op: str, attributes: dict[str, Any]) -> None:
    feeds = {"x": random(1, 3, 9, 8)}
    check(single(op, feeds, **attributes), feeds)
    check(single(op, feeds, symbolic=True, **attributes), feeds)


def test_other_pools() -> None:
    feeds = {"x": random(2, 3, 9, 8)}
    check(single("AveragePool", feeds, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1), feeds)
    check(single("GlobalAveragePool", feeds), feeds)
    check(single("GlobalMaxPool", feeds, symbolic=True), feeds)
    check(single("MaxPool", {"x": random(2, 3, 9)}, kernel_shape=[3]), {"x": random(2, 3, 9)})
    check(single("LRN", feeds, size=5, alpha=0.01, beta=0.6, bias=1.5), feeds)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((3, 5), (5, 4)),
        ((2, 3, 5), (5, 4)),
        ((2, 3, 5), (2, 5, 4)),
        ((2, 1, 3, 5), (3, 5, 4)),
        ((5,), (5, 4)),
        ((3, 5), (5,)),
        ((5,), (5,)),
    ],
)
def test_products(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    feeds = {"a": random(*left), "b": random(*right)}
    check(single("MatMul", feeds), feeds)
    check(single("MatMul", {"a": feeds["a"]}, {"b": feeds["b"]}), {"a": feeds["a"]})


@pytest.mark.parametrize("attributes", [{}, {"transB": 1}, {"transA": 1}, {"alpha": 0.5, "beta": 2.0}])
@pytest.mark.parametrize("bias", [(), (4,), (1, 4), (3, 1), (3, 4)])
def test_gemm(attributes: dict[str, Any], bias: tuple[int, ...]) -> None:
    a = random(5, 3) if attributes.get("transA") else random(3, 5)
    b = random(4, 5) if attributes.get("transB") else random(5, 4)
    check(single("Gemm", {"a": a}, {"b": b, "c": random(*bias)}, **attributes), {"a": a})


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
