"""Any format becomes ONNX with a signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.bounds import bounded
from packager.errors import InputError
from packager.readers.onnx import read_onnx

if TYPE_CHECKING:
    from pathlib import Path

    from packager.model import Model

__all__ = ["read"]

_LATER = {
    ".pt": "PyTorch", ".pth": "PyTorch", ".keras": "Keras", ".h5": "Keras", ".pb": "TensorFlow", ".tflite": "TFLite",
    ".joblib": "scikit-learn", ".pkl": "pickle", ".safetensors": "safetensors",
}  # fmt: skip


@bounded()
def read(path: Path, dims: dict[str, int] | None = None) -> Model:
    """The model at ``path`` with ``dims`` (symbolic dimension → size) fixed. Raises InputError."""
    if not path.exists():
        raise InputError("There is no such file.", where=str(path))
    if path.is_dir():
        raise InputError("This is a folder, not a model file.", where=str(path), remedy="Name the .onnx file in it.")
    if path.suffix.lower() in _LATER:
        raise InputError(
            f"{_LATER[path.suffix.lower()]} files cannot be read.",
            where=str(path),
            remedy="Export the model to ONNX first.",
        )
    return read_onnx(path, dims or {})
