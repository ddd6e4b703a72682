"""Dtypes as kernels know them."""

from __future__ import annotations

from packager.lower.unsupported import Unsupported

SUFFIX = {"float32": "f32", "int64": "i64", "int32": "i32", "int8": "i8", "uint8": "u8", "bool": "bool", "float16": "f16"}
ITEM = {"float32": 4, "int64": 8, "int32": 4, "int8": 1, "uint8": 1, "bool": 1, "float16": 2, "int16": 2, "uint16": 2,
        "uint32": 4, "uint64": 8, "float64": 8}  # fmt: skip


def suffix(dtype: str, *covered: str) -> str:
    """How kernels for this dtype end. Raises Unsupported where there are none."""
    if dtype not in SUFFIX or (covered and dtype not in covered):
        raise Unsupported(f"it works on {dtype}")
    return SUFFIX[dtype]
