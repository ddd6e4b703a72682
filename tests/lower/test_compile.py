"""The compiler as a whole: the same bytes twice, refusals by name, precision on the wire, and docs/plan.md in step."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from packager.errors import BuildError
from packager.lower import compile, cover  # noqa: A004
from packager.lower.text import describe, summary
from packager.quantise import quantise
from tests.lower.graphs import check, expected, model, node, random
from tests.lower.plans import PLACES, hold

if TYPE_CHECKING:
    from packager.model import Model

DOCUMENT = (Path(__file__).parents[2] / "docs" / "plan.md").read_text(encoding="utf-8")


def network() -> Model:
    """A small network: a convolution, a depthwise one, a branch, a classifier."""
    nodes = [
        node("Conv", "x w", "a", strides=[2, 2], pads=[1, 1, 1, 1]), node("Relu", "a", "b"),
        node("Conv", "b d", "c", group=16, pads=[1, 1, 1, 1]), node("Clip", "c low high", "e"), node("Conv", "e p", "f"),
        node("Add", "f b", "g"), node("Concat", "g e", "h", axis=1), node("GlobalAveragePool", "h", "i"),
        node("Flatten", "i", "j"), node("Gemm", "j k l", "y", transB=1),
    ]  # fmt: skip
    weights = {
        "w": random(16, 3, 3, 3), "d": random(16, 1, 3, 3), "p": random(16, 16, 1, 1), "k": random(100, 32), "l": random(100),
        "low": np.array(0, np.float32), "high": np.array(6, np.float32),
    }  # fmt: skip
    return model(nodes, {"x": ("float32", ("n", 3, "h", "w"))}, {"y": "float32"}, weights)


def test_the_same_model_gives_the_same_bytes() -> None:
    first, second = compile(network()), compile(network())
    assert first.document == second.document
    assert first.weights == second.weights


def test_a_network_compiles_to_few_steps() -> None:
    check(network(), {"x": random(2, 3, 9, 12)})
    compiled = compile(network())
    assert [step["kernel"] for step in compiled.plan["steps"]] == [
        "copy",
        "conv",
        "depthwise",
        "gemm",
        "copy",
        "average_pool",
        "gemm",
    ]
    hold(compiled, {"n": 0, "h": 9, "w": 12})
    hold(compiled, {"n": 3, "h": 1, "w": 1})


def test_every_refusal_is_named() -> None:
    nodes = [
        node("NonMaxSuppression", "b s", "i"),
        node("Det", "m", "d"),
        node("Cast", "d", "y", to=10),
        node("Relu", "b", "z"),
    ]
    refused = cover(model(nodes, {"b": ("float32", (1, 2, 4)), "s": ("float32", (1, 1, 2)), "m": ("float32", (2, 2))},
                          {"i": "int64", "y": "float16", "z": "float32"}))  # fmt: skip
    assert [entry.op for entry in refused] == ["NonMaxSuppression", "Det"]
    assert str(refused[0]) == "NonMaxSuppression 'the_nonmaxsuppression': the engine does not know this operator."


def test_a_model_that_is_not_covered_does_not_compile() -> None:
    with pytest.raises(BuildError, match=r"The engine does not cover this model: Det 'the_det': .*ort-wasm"):
        compile(model([node("Det", "m", "y")], {"m": ("float32", (2, 2))}, {"y": "float32"}))


def test_inputs_of_other_dtypes_are_refused() -> None:
    assert "it is float64" in str(cover(model([node("Neg", "x", "y")], {"x": ("float64", (2,))}, {"y": "float64"}))[0])


def large() -> tuple[Model, dict[str, np.ndarray]]:
    nodes = [node("MatMul", "x w", "a"), node("Gather", "t i", "g"), node("Add", "a g", "y")]
    weights = {"w": random(64, 150), "t": random(80, 150, seed=4)}
    feeds = {"x": random(3, 64), "i": np.array([3, 79, 0])}
    return model(nodes, {"x": ("float32", (3, 64)), "i": ("int64", (3,))}, {"y": "float32"}, weights), feeds


def test_precision_on_the_wire() -> None:
    made, _ = large()
    full = compile(made)
    half, codes = compile(made, "fp16"), compile(quantise(made, "int8"), "int8")
    for compiled in (full, half, codes):
        hold(compiled, {})
    assert full.plan["load"] == []
    assert [step["kernel"] for step in half.plan["load"]] == ["expand_f16"]
    assert [step["kernel"] for step in codes.plan["load"]] == ["expand_int8_panels"]
    assert "gather_rows_int8" in [step["kernel"] for step in codes.plan["steps"]]
    assert "gather_rows_f16" in [step["kernel"] for step in half.plan["steps"]]
    assert codes.plan["weights"] < half.plan["weights"] < full.plan["weights"]


def test_codes_of_the_model_stay_codes() -> None:
    codes = np.random.default_rng(0).integers(-127, 128, (64, 50)).astype(np.int8)
    nodes = [node("Cast", "q", "f", to=1), node("Mul", "f s", "w"), node("MatMul", "x w", "y")]
    made = model(nodes, {"x": ("float32", (3, 64))}, {"y": "float32"}, {"q": codes, "s": random(1, 50, low=0.1)})
    check(made, {"x": random(3, 64)})
    compiled = compile(made)
    assert [step["kernel"] for step in compiled.plan["load"]] == ["expand_int8_panels"]
    assert b"".join(compiled.weights)[: 56 * 64].count(0) >= 6 * 64  # the columns that fill the last panel


def test_equal_numbers_travel_as_one() -> None:
    nodes = [node("ConstantOfShape", "d", "w", value=filling()), node("MatMul", "x w", "y")]
    made = model(nodes, {"x": ("float32", (3, 64))}, {"y": "float32"}, {"d": np.array([64, 512])})
    check(made, {"x": random(3, 64)})
    assert compile(made).plan["weights"] == 0


def filling() -> object:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.array([0.5], np.float32))


def test_an_input_may_be_an_output_and_sizes_may_be_data() -> None:
    nodes = [node("Identity", "x", "y"), node("Shape", "x", "z")]
    made = model(nodes, {"x": ("float32", ("n", 3))}, {"y": "float32", "z": "int64"})
    check(made, {"x": random(5, 3)})


def test_dimensions_that_meet_are_checked() -> None:
    made = model([node("Add", "a b", "y")], {"a": ("float32", ("n", 3)), "b": ("float32", ("m", 3))}, {"y": "float32"})
    plan = compile(made).plan
    assert [[plan["sizes"][left], plan["sizes"][right]] for left, right in plan["check"]] == [["m", "n"]]


def test_the_text_of_a_plan() -> None:
    compiled = compile(network())
    text = describe(compiled.plan, {"n": 1, "h": 32, "w": 32}, compiled.sources)
    assert "at n = 1, h = 32, w = 32" in text
    assert re.search(r"depthwise .* → .* clip .*op .*B  ← Conv 'the_conv_2'", text)
    found = summary(compiled.plan, {"n": 1, "h": 32, "w": 32})
    assert found.steps == 7
    assert found.arena <= found.activations


def test_the_document_describes_what_is_written() -> None:
    example = json.loads(re.search(r"```json\n(.*?)```", DOCUMENT, re.S)[1])  # type: ignore[index]
    plan = compile(network()).plan
    assert set(example) == set(plan) - {"check"}
    assert (example["format"], example["version"]) == (plan["format"], plan["version"])
    table = set(re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.M))
    assert table == PLACES


def test_the_reference_is_the_reference() -> None:
    made, feeds = large()
    assert expected(made, feeds)["y"].shape == (3, 150)


def test_parts_of_a_concat_that_others_read_are_computed_in_place() -> None:
    """As in the blocks of detectors: each convolution's output goes on, and into the concat."""
    nodes = [
        node("Conv", "x p", "a"), node("Conv", "a w", "b", pads=[1, 1, 1, 1]), node("MaxPool", "x", "c", kernel_shape=[1, 1]),
        node("Concat", "a b c", "d", axis=1), node("Conv", "d q", "y"),
    ]  # fmt: skip
    weights = {"p": random(8, 8, 1, 1), "w": random(8, 8, 3, 3), "q": random(4, 24, 1, 1)}
    made = model(nodes, {"x": ("float32", (1, 8, 6, 5))}, {"y": "float32"}, weights)
    check(made, {"x": random(1, 8, 6, 5)})
    kernels = [step["kernel"] for step in compile(made).plan["steps"]]
    assert kernels.count("copy") == 3  # into NHWC, out of it, and b, whose kernel reads a
