"""Fewer bits for weights: which tensors get codes, how they are rounded, and who gets how many bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from packager.native import open_session
from packager.quantise import BUDGETS, quantise
from packager.quantise.budget import Budget, widths
from packager.quantise.calibration import inputs_met
from packager.quantise.rounding import REACH, Feedback, entropy, nearest, steps_of
from packager.quantise.weights import by_output, find, like
from tests.lower.graphs import check, model, node, random

FLOATS = st.floats(-1e6, 1e6, width=32)


def network():
    """A table, a product, a convolution, a depthwise one, and a product of a transposed matrix: all float32."""
    nodes = [
        node("Gather", "t i", "g"), node("MatMul", "g w", "a"), node("Reshape", "a s", "b"),
        node("Conv", "b c", "d", pads=[1, 1, 1, 1]), node("Conv", "d e", "f", group=64), node("GlobalAveragePool", "f", "h"),
        node("Flatten", "h", "j"), node("Gemm", "j k", "y", transB=1),
    ]  # fmt: skip
    weights = {
        "t": random(90, 32), "w": random(32, 128, seed=1), "s": np.array([-1, 32, 6, 4]), "c": random(64, 32, 3, 3, seed=2),
        "e": random(64, 1, 6, 4, seed=3), "k": random(48, 64, seed=4),
    }  # fmt: skip
    return model(nodes, {"i": ("int64", (6,))}, {"y": "float32"}, weights)


FEEDS = [{"i": np.array(row)} for row in ([3, 80, 5, 7, 3, 2], [89, 0, 1, 20, 31, 7], [44, 45, 46, 47, 48, 49])]


def outputs(made) -> np.ndarray:
    session = open_session(made.proto.SerializeToString())
    return np.concatenate([session.run(None, feed)[0] for feed in FEEDS])


def codes(made) -> dict[str, np.ndarray]:
    found = {}
    for tensor in made.proto.graph.initializer:
        if tensor.name.endswith(".codes"):
            found[tensor.name.removesuffix(".codes")] = np.frombuffer(tensor.raw_data, np.int8).reshape(tensor.dims)
    return found


@settings(deadline=None)
@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=40), elements=FLOATS), st.floats(2**-8, 1))
def test_codes_times_steps_are_within_half_a_step(matrix: np.ndarray, width: float) -> None:
    steps = steps_of(matrix, width)
    rounded = nearest(matrix, steps)
    assert rounded.dtype == np.int8
    assert np.abs(rounded.astype(int)).max() <= REACH
    assert (np.abs(rounded * steps - matrix) <= steps * 0.5001).all()


def test_what_is_found_is_what_is_worth_it() -> None:
    found = {weight.name: weight.axis for weight in find(network().proto, 1024)}
    assert found == {"t": 0, "w": 1, "c": 0, "e": 0, "k": 0}
    assert "e" not in {weight.name for weight in find(network().proto, 2048)}


def test_a_matrix_read_in_two_ways_is_left_alone() -> None:
    nodes = [
        node("MatMul", "x w", "a"),
        node("Gemm", "a w", "b", transB=1),
        node("Add", "b v", "c"),
        node("MatMul", "c v", "y"),
    ]
    weights = {"w": random(64, 64), "v": random(64, 64)}
    assert find(model(nodes, {"x": ("float32", (64, 64))}, {"y": "float32"}, weights).proto, 0) == []


@pytest.mark.parametrize("name", ["t", "w", "c", "e", "k"])
def test_rows_by_output_and_back(name: str) -> None:
    weight = next(entry for entry in find(network().proto, 0) if entry.name == name)
    matrix = by_output(weight)
    assert (like(weight, matrix) == weight.array).all()
    scale = like(weight, np.arange(len(matrix), dtype=np.float32)[:, None])
    assert scale.ndim == weight.array.ndim
    assert (np.moveaxis(np.broadcast_to(scale, weight.array.shape), weight.axis, 0)[1] == 1).all()


@pytest.mark.parametrize("precision", ["int8", "int4"])
@pytest.mark.parametrize("feeds", [[], FEEDS], ids=["alone", "with samples"])
def test_the_model_with_codes_says_nearly_the_same(precision: str, feeds: list) -> None:
    made = quantise(network(), precision, feeds)
    held = codes(made)
    assert {"t", "w", "c", "k"} <= set(held)
    spent = sum(entropy(array) * array.size for array in held.values()) / sum(array.size for array in held.values())
    assert spent == pytest.approx(BUDGETS[precision].least, abs=0.3)
    expected = outputs(network())
    error = np.linalg.norm(outputs(made) - expected) / np.linalg.norm(expected)
    assert error < {"int8": 0.07, "int4": 0.15}[precision]


def test_the_engine_computes_with_the_codes() -> None:
    check(quantise(network(), "int4", FEEDS), FEEDS[0])


def test_other_precisions_leave_it_as_it_is() -> None:
    made = network()
    assert quantise(made, "fp16", FEEDS) is made
    small = model([node("MatMul", "x w")], {"x": ("float32", (3, 8))}, {"y": "float32"}, {"w": random(8, 8)})
    assert quantise(small, "int4") is small


def test_codes_of_the_model_are_rounded_anew() -> None:
    nodes = [node("Cast", "q", "f", to=1), node("Mul", "f s", "w"), node("MatMul", "x w", "y")]
    held = np.random.default_rng(0).normal(0, 30, (64, 64)).clip(-127, 127).astype(np.int8)
    made = model(nodes, {"x": ("float32", (3, 64))}, {"y": "float32"}, {"q": held, "s": random(1, 64, low=0.1)})
    again = quantise(made, "int4")
    assert [tensor.name for tensor in again.proto.graph.initializer] == ["w.codes", "w.scale"]
    assert entropy(codes(again)["w"]) < entropy(held) - 1


def test_feedback_makes_products_better_than_the_nearest_codes() -> None:
    generator = np.random.default_rng(0)
    mixing = generator.standard_normal((64, 64)) * np.linspace(0.05, 2, 64)
    x = generator.standard_normal((500, 64)) @ mixing
    matrix = generator.standard_normal((40, 64)).astype(np.float32)
    steps = steps_of(matrix, 0.5)
    near, better = nearest(matrix, steps), Feedback(x.T @ x, len(x))(matrix, steps)
    errors = [np.linalg.norm(x @ (rounded * steps - matrix).T) for rounded in (near, better)]
    assert errors[1] < 0.7 * errors[0]


def test_feedback_takes_inputs_that_are_always_zero() -> None:
    x = np.zeros((10, 8))
    x[:, 3] = 1
    matrix = random(5, 8)
    rounded = Feedback(x.T @ x, len(x))(matrix, steps_of(matrix, 0.2))
    assert (rounded == nearest(matrix, steps_of(matrix, 0.2))).mean() > 0.9


@pytest.mark.parametrize(
    "attributes", [{}, {"pads": [1, 0, 2, 1]}, {"strides": [2, 1]}, {"dilations": [1, 2], "pads": [0, 1, 0, 1]}], ids=str
)
def test_inputs_that_a_convolution_meets(attributes: dict) -> None:
    x, w = random(2, 3, 9, 8), random(5, 3, 3, 2)
    made = model([node("Conv", "x w", "y", **attributes)], {"x": ("float32", x.shape)}, {"y": "float32"}, {"w": w})
    (expected,) = open_session(made.proto.SerializeToString()).run(None, {"x": x})
    met = inputs_met(made.proto.graph.node[0], x, w.shape)
    assert met is not None
    products = (met @ w.reshape(5, -1).T).reshape(2, *expected.shape[2:], 5).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(products, expected, atol=1e-4)


def test_bits_go_to_the_weights_that_need_them() -> None:
    matrices = {"calm": random(64, 64), "touchy": random(64, 64, seed=1)}
    chosen = widths(matrices, {"calm": 1.0, "touchy": 64.0}, Budget(4.5, 4.5, 0))
    assert chosen["calm"] / chosen["touchy"] == pytest.approx(8, rel=0.01)
    spent = np.mean([entropy(nearest(matrix, steps_of(matrix, chosen[name]))) for name, matrix in matrices.items()])
    assert spent == pytest.approx(4.5, abs=0.05)


@pytest.mark.parametrize(("loss", "bits"), [(1.0, 4.5), (0.05, None), (1e-6, 6.5)])
def test_more_bits_are_spent_while_the_outputs_are_off_by_more_than_they_may(loss: float, bits: float | None) -> None:
    matrices = {"calm": random(64, 64), "touchy": random(64, 64, seed=1)}
    losses = {"calm": 1.0, "touchy": 4.0}
    chosen = widths(matrices, losses, Budget(4.5, 6.5, loss))
    spent = np.mean([entropy(nearest(matrix, steps_of(matrix, chosen[name]))) for name, matrix in matrices.items()])
    if bits is None:
        assert sum(losses[name] * chosen[name] ** 2 for name in matrices) == pytest.approx(loss, rel=0.05)
        assert 4.6 < spent < 6.4
    else:
        assert spent == pytest.approx(bits, abs=0.05)


def test_a_weight_that_codes_would_spoil_keeps_its_numbers() -> None:
    spiky = random(64, 64)
    spiky[:, 0] = 1e4
    chosen = widths({"spiky": spiky, "calm": random(640, 640)}, {"spiky": 1e9, "calm": 1.0}, Budget(5, 5, 0))
    assert chosen["spiky"] == 0 < chosen["calm"]
