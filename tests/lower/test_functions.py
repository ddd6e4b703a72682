"""Operators taken by their definition: the model's own functions, and those that ONNX defines by others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import AttributeProto, FunctionProto, helper

from packager.lower import cover
from tests.lower.graphs import check, model, node, random, single

if TYPE_CHECKING:
    from packager.model import Model


def with_functions(*functions: FunctionProto) -> Model:
    """x → Outer, of the domain `own`, → y."""
    made = model([node("Outer", "x", domain="own", slope=0.25)], {"x": ("float32", ["n", 3])}, {"y": "float32"})
    made.proto.opset_import.append(helper.make_opsetid("own", 1))
    made.proto.functions.extend(functions)
    return made


def function(name: str, nodes: list[object], *attributes: str) -> FunctionProto:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    return helper.make_function("own", name, ["a"], ["b"], nodes, opsets, list(attributes))


def test_functions_of_the_model_may_call_others_and_pass_attributes_on() -> None:
    leaky = helper.make_node("LeakyRelu", ["t"], ["b"])
    leaky.attribute.add(name="alpha", ref_attr_name="slope", type=AttributeProto.FLOAT)
    outer = function("Outer", [helper.make_node("Inner", ["a"], ["t"], domain="own"), leaky], "slope")
    inner = function("Inner", [helper.make_node("Neg", ["a"], ["b"])])
    check(with_functions(outer, inner), {"x": random(2, 3)})


def test_a_function_that_calls_itself_is_refused() -> None:
    outer = function("Outer", [helper.make_node("Outer", ["a"], ["b"], domain="own")])
    (refused,) = cover(with_functions(outer))
    assert "it is defined by itself" in refused.reason


def test_what_a_definition_lacks_is_told_of_the_node_that_needs_it() -> None:
    outer = function("Outer", [helper.make_node("NonZero", ["a"], ["b"])])
    (refused,) = cover(with_functions(outer))
    assert refused.node == "Outer 'the_outer'"
    assert refused.reason == "by its definition it needs NonZero: the engine does not know this operator"


def test_operators_that_onnx_defines_by_others() -> None:
    x = random(2, 3, 4, 5)
    check(single("MeanVarianceNormalization", {"x": x}), {"x": x}, tolerance=1e-4)
    check(single("MeanVarianceNormalization", {"x": x}, axes=[1, 3]), {"x": x}, tolerance=1e-4)
