"""Operators that ONNX defines by simpler ones, and functions that a model brings along: their bodies, made for one node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnx

from packager.model import DTYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.lower.ir import Operand

_ELEMENTS: dict[str, int] = {name: element for element, name in DTYPES.items()}


def definition(node: onnx.NodeProto, operands: Sequence[Operand], opset: int) -> onnx.FunctionProto | None:
    """The body that ONNX gives for a node with these operands; None where the operator is not defined by others."""
    body = onnx.FunctionProto()
    if not is_defined(node, opset):
        return None
    schema = _schema(node, opset)
    if schema.has_function:
        version = _newest(schema.function_opset_versions, opset)
        body.ParseFromString(schema.get_function_with_opset_version(version))
        _default(body, schema)
    elif schema.has_context_dependent_function:
        version = _newest(schema.context_dependent_function_opset_versions, opset)
        types = [_type(operand) for operand in operands]
        body.ParseFromString(schema.get_context_dependent_function_with_opset_version(version, node.SerializeToString(), types))
    return body if body.node else None


def is_defined(node: onnx.NodeProto, opset: int) -> bool:
    """True for operators that ONNX defines by others."""
    schema = _schema(node, opset)
    return schema is not None and bool(schema.has_function or schema.has_context_dependent_function)


def instance(body: onnx.FunctionProto, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """The body's nodes with the attributes of the node that calls it."""
    given = {entry.name: entry for entry in body.attribute_proto} | {entry.name: entry for entry in node.attribute}
    made = []
    for inner in body.node:
        copy = onnx.NodeProto()
        copy.CopyFrom(inner)
        del copy.attribute[:]
        for entry in inner.attribute:
            if not entry.ref_attr_name:
                copy.attribute.append(entry)
            elif entry.ref_attr_name in given:
                copy.attribute.append(given[entry.ref_attr_name])
                copy.attribute[-1].name = entry.name
        made.append(copy)
    return made


def opset_of(body: onnx.FunctionProto, otherwise: int) -> int:
    """The opset that the body's nodes are of."""
    return next((entry.version for entry in body.opset_import if entry.domain in ("", "ai.onnx")), otherwise)


def _schema(node: onnx.NodeProto, opset: int) -> Any:
    try:
        return onnx.defs.get_schema(node.op_type, opset, node.domain)
    except onnx.defs.SchemaError:
        return None


def _newest(versions: Sequence[int], opset: int) -> int:
    return max((version for version in versions if version <= opset), default=min(versions))


def _default(body: onnx.FunctionProto, schema: Any) -> None:
    known = {entry.name for entry in body.attribute_proto}
    for name, attribute in schema.attributes.items():
        if name not in known and attribute.default_value.name:
            body.attribute_proto.append(attribute.default_value)


def _type(operand: Operand) -> bytes:
    if operand is None:
        return onnx.TypeProto().SerializeToString()
    shape = [size if isinstance(size, int) else None for size in operand.shape]
    return onnx.helper.make_tensor_type_proto(_ELEMENTS[operand.dtype], shape).SerializeToString()
