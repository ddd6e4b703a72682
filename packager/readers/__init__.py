"""Any format becomes a model with a signature: ONNX, or what TensorFlow makes of its own formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.bounds import bounded
from packager.errors import InputError
from packager.readers.onnx import read_onnx
from packager.readers.tensorflow import KERAS, is_saved_model, read_tensorflow

if TYPE_CHECKING:
    from pathlib import Path

    from packager.model import AnyModel

__all__ = ["is_saved_model", "read"]

_LATER = {
    ".pt": "PyTorch", ".pth": "PyTorch", ".pb": "TensorFlow", ".tflite": "TFLite", ".joblib": "scikit-learn",
    ".pkl": "pickle", ".safetensors": "safetensors",
}  # fmt: skip


@bounded()
def read(path: Path, dims: dict[str, int] | None = None) -> AnyModel:
    """The model at ``path`` with ``dims`` (symbolic dimension → size) fixed. Raises InputError."""
    if not path.exists():
        raise InputError("There is no such file.", where=str(path))
    if path.suffix.lower() in KERAS or is_saved_model(path):
        return read_tensorflow(path, dims or {})
    if path.is_dir():
        raise InputError(
            "This is a folder, and not that of a SavedModel.", where=str(path), remedy="Name the model's file in it."
        )
    if path.name == "saved_model.pb":
        raise InputError("This is a part of a SavedModel.", where=str(path), remedy="Name the folder that it lies in.")
    if path.suffix.lower() in _LATER:
        raise InputError(
            f"{_LATER[path.suffix.lower()]} files cannot be read.",
            where=str(path),
            remedy="Export the model to ONNX first.",
        )
    return read_onnx(path, dims or {})
