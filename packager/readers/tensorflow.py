"""Reads Keras models and SavedModels: TensorFlow reads them, in a process of its own, and here they get a signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packager import tensorflow
from packager.errors import InputError
from packager.model import TensorFlowModel

if TYPE_CHECKING:
    from pathlib import Path

    from packager._manifest_types import Dim, TensorType

KERAS = (".keras", ".h5", ".hdf5")


def is_saved_model(path: Path) -> bool:
    """True for the folder of a SavedModel."""
    return path.is_dir() and any((path / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt"))


def read_tensorflow(path: Path, dims: dict[str, int]) -> TensorFlowModel:
    """The model at ``path`` with ``dims`` fixed. Raises InputError."""
    converted = tensorflow.convert(path)
    signature = converted.about["signature"]
    batched = signature["batched"]
    named = {kind: [_tensor_type(entry, batched) for entry in signature[kind]] for kind in ("inputs", "outputs")}
    known = {dim for entry in named["inputs"] for dim in entry["shape"] if isinstance(dim, str)}
    for name in dims:
        if name not in known:
            has = f"Its symbolic dimensions are: {', '.join(sorted(known))}." if known else "It has none."
            raise InputError(f"No input has a symbolic dimension '{name}'.", where=str(path), remedy=has)
    for entry in (*named["inputs"], *named["outputs"]):
        entry["shape"] = [dims.get(dim, dim) if isinstance(dim, str) else dim for dim in entry["shape"]]
    return TensorFlowModel(
        path=path,
        signature={"inputs": named["inputs"], "outputs": named["outputs"]},
        dims=dict(dims),
        about=converted.about,
        document=converted.document,
        weights=converted.weights,
    )


def _tensor_type(entry: dict[str, Any], batched: bool) -> TensorType:
    """A tensor of the signature; dimensions without a size get a name, as in ``picture_1``."""
    name = entry["name"]
    shape: list[Dim] = [
        (("batch" if axis == 0 and batched else f"{name}_{axis}")[:200]) if size is None else size
        for axis, size in enumerate(entry["shape"])
    ]
    return {"name": name, "dtype": entry["dtype"], "shape": shape}
