"""Each pass alone: what it makes of a tiny graph, and that the graph still says the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest

from packager.lower.compiler import optimise
from packager.lower.evaluate import evaluate
from packager.lower.ir import Graph
from packager.lower.passes.alias import merge_reshapes
from packager.lower.passes.cse import merge_equal
from packager.lower.passes.fuse_activation import fuse_activation
from packager.lower.passes.fuse_attention import fuse_attention
from packager.lower.passes.fuse_batchnorm import fuse_batchnorm
from packager.lower.passes.fuse_gelu import fuse_gelu
from packager.lower.passes.fuse_layernorm import fuse_layernorm
from packager.lower.passes.fuse_residual import fuse_residual
from packager.lower.passes.fuse_scale import fuse_scale
from packager.lower.passes.fuse_siblings import fuse_siblings
from packager.lower.passes.layout import sink_transposes
from packager.lower.passes.lift import lift_past_reshapes
from packager.lower.passes.simplify import simplify
from packager.lower.passes.sink_expands import sink_expands
from tests.lower.graphs import Arrays, agree, check, imported, model, node, ops_of, random

if TYPE_CHECKING:
    import onnx

Pass = Callable[[Graph], Graph]
FLAT = ("float32", (3, 8))
IMAGE = ("float32", ("n", 6, "h", "w"))


def through(passes: Sequence[Pass], nodes: list[onnx.NodeProto], feeds: Arrays, weights: Arrays | None = None,
            shapes: dict[str, tuple[str, tuple[int | str, ...]]] | None = None) -> list[list[str]]:  # fmt: skip
    """The operations before the passes and after them; what the graph computes is held before and after each."""
    inputs = shapes or {name: (str(array.dtype), array.shape) for name, array in feeds.items()}
    graph = imported(model(nodes, inputs, {"y": "float32"}, weights))
    wanted, seen = evaluate(graph, feeds), [ops_of(graph)]
    for apply in passes:
        before = ops_of(graph)
        after = apply(graph)
        assert ops_of(graph) == before, "a pass changed the graph it was given"
        graph = after
        agree(evaluate(graph, feeds), wanted)
    return [*seen, ops_of(graph)]


def test_equal_nodes_become_one() -> None:
    nodes = [node("Exp", "x", "a"), node("Exp", "x", "b"), node("Add", "a b", "y")]
    assert through([merge_equal], nodes, {"x": random(3, 8)})[-1] == ["unary", "binary"]


def test_reshapes_become_one_or_none() -> None:
    nodes = [node("Flatten", "x", "a"), node("Reshape", "a s", "b"), node("Reshape", "b t", "y")]
    weights = {"s": np.array([2, 2, 6]), "t": np.array([2, 3, 4])}
    assert through([merge_reshapes], nodes, {"x": random(2, 3, 4)}, weights)[-1] == []


@pytest.mark.parametrize("function", ["Relu", "Sigmoid", "HardSwish", "Tanh", "LeakyRelu", "Elu"])
def test_functions_join_the_product_before_them(function: str) -> None:
    nodes = [node("MatMul", "x w", "a"), node(function, "a", "y")]
    assert through([fuse_activation], nodes, {"x": random(3, 8)}, {"w": random(8, 5)})[-1] == ["gemm"]


def test_a_function_of_what_another_reads_stays() -> None:
    nodes = [node("MatMul", "x w", "a"), node("Relu", "a", "b"), node("Add", "a b", "y")]
    assert through([fuse_activation], nodes, {"x": random(3, 8)}, {"w": random(8, 5)})[-1] == ["gemm", "unary", "binary"]


def test_biases_and_residuals_join_the_product() -> None:
    nodes = [node("MatMul", "x w", "a"), node("Add", "a c", "b"), node("Add", "x b", "s"), node("Relu", "s", "y")]
    weights = {"w": random(8, 8), "c": random(8)}
    assert through([fuse_residual, fuse_residual, fuse_activation], nodes, {"x": random(3, 8)}, weights)[-1] == ["gemm"]


def test_of_two_products_the_later_takes_the_earlier() -> None:
    nodes = [node("MatMul", "x v", "a"), node("MatMul", "x w", "b"), node("Add", "b a", "y")]
    assert through([fuse_residual], nodes, {"x": random(3, 8)}, {"v": random(8, 5), "w": random(8, 5, seed=1)})[-1] == [
        "gemm",
        "gemm",
    ]


def test_a_residual_that_broadcasts_stays_apart() -> None:
    nodes = [node("MatMul", "x w", "a"), node("Add", "a z", "y")]
    feeds = {"x": random(3, 8), "z": random(1, 5)}
    assert through([fuse_residual], nodes, feeds, {"w": random(8, 5)})[-1] == ["gemm", "binary"]


def gelu_nodes(order: int) -> list[onnx.NodeProto]:
    start = [node("Div", "x root", "d"), node("Erf", "d", "e"), node("Add", "e one", "p")]
    ends = [
        [node("Mul", "x p", "m"), node("Mul", "m half", "y")],
        [node("Mul", "half p", "m"), node("Mul", "x m", "y")],
        [node("Mul", "half x", "m"), node("Mul", "p m", "y")],
    ]
    return start + ends[order]


GELU = {name: np.array(number, np.float32) for name, number in (("root", np.sqrt(2)), ("one", 1), ("half", 0.5))}


@pytest.mark.parametrize("order", [0, 1, 2])
def test_gelu_in_any_order(order: int) -> None:
    assert through([fuse_gelu], gelu_nodes(order), {"x": random(3, 8)}, GELU)[-1] == ["unary"]


def test_gelu_by_tanh() -> None:
    nodes = [
        node("Pow", "x three", "c"), node("Mul", "c small", "k"), node("Add", "x k", "s"), node("Mul", "s root", "r"),
        node("Tanh", "r", "t"), node("Add", "t one", "p"), node("Mul", "x half", "h"), node("Mul", "h p", "y"),
    ]  # fmt: skip
    weights = {
        name: np.array(number, np.float32)
        for name, number in (("three", 3), ("small", 0.044715), ("root", np.sqrt(2 / np.pi)), ("one", 1), ("half", 0.5))
    }
    assert through([fuse_gelu], nodes, {"x": random(3, 8)}, weights)[-1] == ["unary"]


def test_what_is_almost_gelu_stays() -> None:
    weights = {**GELU, "half": np.array(0.6, np.float32)}
    assert len(through([fuse_gelu], gelu_nodes(0), {"x": random(3, 8)}, weights)[-1]) == 5


def test_gates_of_oneself() -> None:
    for gate, attributes in (("Sigmoid", {}), ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5})):
        nodes = [node(gate, "x", "g", **attributes), node("Mul", "g x", "y")]
        assert through([fuse_gelu], nodes, {"x": random(3, 8)})[-1] == ["unary"]


@pytest.mark.parametrize("square", ["Mul", "Pow"])
def test_layer_norm_spelled_out(square: str) -> None:
    nodes = [
        node("ReduceMean", "x", "m", axes=[-1]), node("Sub", "x m", "d"),
        node("Mul", "d d", "q") if square == "Mul" else node("Pow", "d two", "q"),
        node("ReduceMean", "q", "v", axes=[-1]), node("Add", "v tiny", "s"), node("Sqrt", "s", "r"), node("Div", "d r", "n"),
        node("Mul", "n g", "o"), node("Add", "o b", "y"),
    ]  # fmt: skip
    weights = {"two": np.float32(2), "tiny": np.float32(1e-5), "g": random(8), "b": random(8, seed=1)}
    assert through([fuse_layernorm], nodes, {"x": random(3, 8)}, weights)[-1] == ["row_norm"]


def test_rms_norm_spelled_out() -> None:
    nodes = [
        node("Mul", "x x", "q"), node("ReduceMean", "q", "v", axes=[-1]), node("Add", "v tiny", "s"), node("Sqrt", "s", "r"),
        node("Reciprocal", "r", "i"), node("Mul", "x i", "n"), node("Mul", "n g", "y"),
    ]  # fmt: skip
    weights = {"tiny": np.array(1e-5, np.float32), "g": random(8)}
    assert through([fuse_layernorm], nodes, {"x": random(3, 8)}, weights)[-1] == ["row_norm"]


NORM = {"s": random(5), "b": random(5, seed=1), "m": random(5, seed=2), "v": random(5, seed=3, low=0.5)}


def test_batch_norm_goes_into_the_weights() -> None:
    nodes = [node("Conv", "x w", "a"), node("BatchNormalization", "a s b m v", "n"), node("Relu", "n", "y")]
    seen = through([sink_transposes, fuse_batchnorm, fuse_activation], nodes, {"x": random(1, 3, 6, 5)},
                   {"w": random(5, 3, 3, 3), **NORM})  # fmt: skip
    assert seen[-1] == ["transpose", "conv", "transpose"]


def test_scales_and_shifts_in_a_row_are_one() -> None:
    nodes = [
        node("BatchNormalization", "x s b m v", "n"),
        node("Mul", "n p", "q"),
        node("Add", "q r", "t"),
        node("Relu", "t", "y"),
    ]
    weights = {**NORM, "p": random(5, 1, 1), "r": random(5, 1, 1, seed=9)}
    seen = through([sink_transposes, fuse_scale, fuse_activation], nodes, {"x": random(2, 5, 4, 3)}, weights)
    assert seen[-1] == ["transpose", "scale_shift", "transpose"]


def test_transposes_cancel_between_convolutions() -> None:
    """Through a gate of squeezed channels, a sum, a concat and a pad too; what is left stands at the borders."""
    nodes = [
        node("Conv", "x w", "a", pads=[1, 1, 1, 1]), node("GlobalAveragePool", "a", "p"), node("Conv", "p u", "g"),
        node("Sigmoid", "g", "f"), node("Mul", "a f", "m"), node("Add", "m a", "t"), node("Concat", "t m", "c", axis=1),
        node("Pad", "c widths", "d"), node("Conv", "d v", "y"),
    ]  # fmt: skip
    weights = {
        "w": random(6, 6, 3, 3), "u": random(6, 6, 1, 1), "v": random(4, 12, 3, 3),
        "widths": np.array([0, 0, 1, 1, 0, 0, 2, 0]),
    }  # fmt: skip
    seen = through([sink_transposes], nodes, {"x": random(2, 6, 7, 5)}, weights, {"x": IMAGE})
    assert seen[-1].count("transpose") == 2
    assert seen[-1][0] == seen[-1][-1] == "transpose"


def test_a_channel_shuffle_is_one_transpose() -> None:
    nodes = [
        node("Conv", "x w", "a"), node("Reshape", "a split", "b"), node("Transpose", "b", "c", perm=[0, 2, 1, 3, 4]),
        node("Reshape", "c join", "d"), node("Conv", "d w", "y"),
    ]  # fmt: skip
    weights = {"w": random(6, 6, 1, 1), "split": np.array([2, 2, 3, 5, 4]), "join": np.array([2, 6, 5, 4])}
    seen = through([sink_transposes], nodes, {"x": random(2, 6, 5, 4)}, weights)
    assert seen[-1].count("transpose") == 3


def test_reductions_and_softmax_follow_the_order() -> None:
    nodes = [
        node("Conv", "x w", "a"), node("Softmax", "a", "b", axis=1), node("ReduceMean", "b", "c", axes=[2, 3], keepdims=0),
        node("Flatten", "c", "y"),
    ]  # fmt: skip
    seen = through([sink_transposes], nodes, {"x": random(2, 6, 5, 4)}, {"w": random(4, 6, 1, 1)}, {"x": IMAGE})
    assert seen[-1].count("transpose") == 1


def test_functions_pass_reshapes() -> None:
    nodes = [node("MatMul", "x w", "a"), node("Reshape", "a s", "b"), node("Relu", "b", "y")]
    seen = through(
        [lift_past_reshapes, fuse_activation], nodes, {"x": random(3, 8)}, {"w": random(8, 6), "s": np.array([3, 2, 3])}
    )
    assert seen[-1] == ["gemm", "reshape"]


def attention(mask: bool, guard: bool) -> tuple[list[onnx.NodeProto], Arrays]:
    """Two heads of four over eight columns, as torch exports it."""
    nodes = []
    for name in "qkv":
        nodes += [
            node("MatMul", f"x w{name}", f"{name}0"), node("Add", f"{name}0 b{name}", f"{name}1"),
            node("Reshape", f"{name}1 split", f"{name}2"), node("Transpose", f"{name}2", f"{name}3", perm=[0, 2, 1, 3]),
        ]  # fmt: skip
    nodes += [
        node("Mul", "q3 root", "q4"), node("Transpose", "k3", "k4", perm=[0, 1, 3, 2]), node("Mul", "k4 root", "k5"),
        node("MatMul", "q4 k5", "s0"), *([node("Add", "s0 mask", "s")] if mask else [node("Identity", "s0", "s")]),
        node("Softmax", "s", "p"), *([node("IsNaN", "p", "nan"), node("Where", "nan zero p", "r")] if guard
                                     else [node("Identity", "p", "r")]),
        node("MatMul", "r v3", "o"), node("Transpose", "o", "t", perm=[0, 2, 1, 3]), node("Reshape", "t join", "y"),
    ]  # fmt: skip
    weights: Arrays = {"split": np.array([0, -1, 2, 4]), "join": np.array([0, -1, 8]), "root": np.array(0.7, np.float32)}
    weights |= {f"w{name}": random(8, 8, seed=ord(name)) for name in "qkv"}
    weights |= {f"b{name}": random(8, seed=ord(name)) for name in "qkv"}
    weights |= {"zero": np.array(0, np.float32), "mask": random(2, 1, 1, 5)}
    return nodes, weights


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("guard", [False, True])
def test_attention_is_one_node_over_one_product(mask: bool, guard: bool) -> None:
    nodes, weights = attention(mask, guard)
    shapes = {"x": ("float32", ("batch" if not mask else 2, "sequence" if not mask else 5, 8))}
    passes = [sink_transposes, fuse_attention, merge_reshapes, fuse_residual, fuse_siblings]
    seen = through(passes, nodes, {"x": random(2, 5, 8)}, weights, shapes)
    assert [op for op in seen[-1] if op not in ("reshape", "slice")] == ["gemm", "attention"]


def mask_nodes() -> tuple[list[onnx.NodeProto], Arrays]:
    """A mask as torch exports it: looked up at every place, repeated for every row, and turned into numbers."""
    nodes = [
        node("Shape", "m", "shape"), node("Gather", "shape zero", "b"), node("Gather", "shape one", "s"),
        node("Range", "zero b one", "rows"), node("Range", "zero s one", "columns"),
        node("Unsqueeze", "rows three", "r"), node("Unsqueeze", "columns before", "c"), node("Max", "r c", "wide"),
        node("Shape", "wide", "ws"), node("Expand", "r ws", "re"), node("Expand", "c ws", "ce"),
        node("Unsqueeze", "re last", "ru"),
        node("Unsqueeze", "ce last", "cu"), node("Concat", "ru cu", "index", axis=-1), node("GatherND", "m index", "kept"),
        node("Unsqueeze", "columns firsts", "line"), node("GreaterOrEqual", "line zero", "always"),
        node("And", "always kept", "both"), node("Where", "both nought low", "bias"), node("Add", "x bias", "y"),
    ]  # fmt: skip
    weights = {
        "zero": np.int64(0), "one": np.int64(1), "three": np.array([1, 2, 3]), "before": np.array([0, 1, 2]),
        "last": np.array([-1]), "firsts": np.array([0, 1, 3]), "nought": np.float32(0), "low": np.float32(-9),
    }  # fmt: skip
    return nodes, weights


def test_a_mask_is_looked_up_without_indices_and_stays_small() -> None:
    nodes, weights = mask_nodes()
    feeds = {"x": random(2, 3, 5, 5), "m": np.array([[True] * 5, [True] * 3 + [False] * 2])}
    shapes = {"x": ("float32", ("b", 3, "s", "s")), "m": ("bool", ("b", "s"))}
    seen = through([merge_equal, simplify, sink_expands, simplify], nodes, feeds, weights, shapes)
    assert [op for op in seen[-1] if op != "reshape"] == ["where", "binary"]


def test_what_is_repeated_is_computed_once() -> None:
    nodes = [node("Expand", "x s", "a"), node("Exp", "a", "b"), node("Neg", "b", "c"), node("Flatten", "c", "y")]
    seen = through([sink_expands], nodes, {"x": random(3, 1)}, {"s": np.array([3, 8])})
    assert seen[-1] == ["unary", "unary", "expand"]


def test_a_gate_with_its_detour_is_one_product() -> None:
    nodes = [node("ReduceMean", "x", "g", axes=[2, 3]), node("Mul", "x g", "m"), node("Add", "x m", "y")]
    seen = through([simplify], nodes, {"x": random(2, 3, 4, 5)})
    assert seen[-1] == ["reduce", "unary", "binary"]


def test_the_whole_of_attention_as_compiled() -> None:
    nodes, weights = attention(mask=False, guard=True)
    made = model(nodes, {"x": ("float32", ("batch", "sequence", 8))}, {"y": "float32"}, weights)
    graph = check(made, {"x": random(2, 5, 8)})
    assert "transpose" not in ops_of(graph)


def test_all_passes_are_done_after_one_round() -> None:
    nodes, weights = attention(mask=False, guard=True)
    graph = optimise(imported(model(nodes, {"x": ("float32", ("batch", "sequence", 8))}, {"y": "float32"}, weights)))
    assert ops_of(optimise(graph)) == ops_of(graph)
