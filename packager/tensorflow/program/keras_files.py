"""Keras models in .keras and .h5 files: never run what code they hold, load them, and write them as a SavedModel."""

from __future__ import annotations

import json
import re
import zipfile
from typing import TYPE_CHECKING, Any

from .refusal import RefusedError, complaint

if TYPE_CHECKING:
    from pathlib import Path

# Older ones can be led past their safe mode by a file.
OLDEST = (3, 13)
# Of a configuration: these classes are code, or load some.
_CODE = ("Lambda", "__lambda__", "__bytes__", "function", "TFSMLayer", "TorchModuleWrapper")


def check_config(path: Path) -> None:
    """Refuses a .keras or .h5 file that is none, or that loading would run code of."""
    try:
        code = code_in(keras_config(path))
    except RecursionError as error:
        raise RefusedError("The model's configuration is nested deeper than can be followed.", "Save it again.") from error
    if code:
        raise RefusedError(
            f"The file holds code of its own, which is not run: {', '.join(sorted(code))}. "
            "Models are loaded in Keras' safe mode.",
            "Write the layer with Keras' own layers or operations, or as a SavedModel with model.export() if you trust it.",
        )


def keras_config(path: Path) -> Any:
    """The architecture that a .keras or .h5 file holds, as plain data."""
    try:
        # As Keras decides it: a file may well be both.
        if path.suffix.lower() == ".keras":
            with zipfile.ZipFile(path) as archive:
                return json.loads(archive.read("config.json"))
        import h5py

        with h5py.File(path, "r") as file:
            config = file.attrs.get("model_config")
        if config is not None:
            return json.loads(config)
    except (ImportError, RecursionError):
        raise
    except Exception as error:
        raise RefusedError(f"This is not a Keras model, or it was cut short: {complaint(error)}.", "Save it again.") from error
    raise RefusedError("The file holds weights without the model.", "Save all of it, with model.save().")


def code_in(config: Any) -> set[str]:
    """Names of the layers and objects of a configuration that are Python code."""
    if isinstance(config, list):
        return {name for value in config for name in code_in(value)}
    if not isinstance(config, dict):
        return set()
    within = {name for value in config.values() for name in code_in(value)}
    kind = config.get("class_name")
    if kind not in _CODE and "__lambda__" not in config:
        return within
    inner = config.get("config")
    name = inner.get("name") if isinstance(inner, dict) else inner if kind == "function" else None
    return {f"{kind} '{name}'"} if name else within or {str(kind)}


def load_keras(path: Path) -> Any:
    """The Keras model in a file that ``check_config`` let pass. Raises RefusedError."""
    import keras

    version = tuple(int(part) for part in re.findall(r"\d+", keras.__version__)[:2])
    if version < OLDEST:
        raise RefusedError(f"Keras {keras.__version__} is older than {'.'.join(map(str, OLDEST))}.", "install")
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        classes = "Layers and models of classes of your own cannot be read: write a SavedModel with model.export()."
        raise RefusedError(
            f"Keras {keras.__version__} cannot load the model: {complaint(error).rstrip('.')}.",
            "Save it again." if isinstance(error, (zipfile.BadZipFile, OSError)) else classes,
        ) from error


def export(model: Any, folder: Path) -> tuple[list[str], list[str]]:
    """Writes the SavedModel of a Keras model; returns the names of its inputs and of its outputs, in order."""
    if not getattr(model, "inputs", None):
        raise RefusedError(
            "The model has no inputs of known shape: it was never built.",
            "Call it once on real inputs before saving it, or write a SavedModel with model.export().",
        )
    try:
        model.export(str(folder), format="tf_saved_model", verbose=False)
    except Exception as error:
        raise RefusedError(f"Keras cannot export the model as a SavedModel: {complaint(error).rstrip('.')}.") from error
    inputs = [entry.name for entry in model.inputs]
    structure = getattr(model, "_outputs_struct", None)
    if isinstance(structure, dict):
        return inputs, list(structure)
    names = [output._keras_history.operation.name for output in model.outputs]
    # Outputs of one layer get numbers.
    outputs = [name if names.count(name) == 1 else f"{name}_{names[:i].count(name)}" for i, name in enumerate(names)]
    return inputs, outputs


def keras_outputs(model: Any, feeds: dict[str, Any]) -> dict[str, Any]:
    """Outputs by the names that the export gives them, which are those of a dict or numbered."""
    import keras

    inputs = [feeds[entry.name] for entry in model.inputs]
    given = keras.tree.pack_sequence_as(model._inputs_struct, inputs) if hasattr(model, "_inputs_struct") else inputs[0]
    outputs = model(given, training=False)
    if isinstance(outputs, dict):
        return outputs
    return {f"output_{index}": output for index, output in enumerate(keras.tree.flatten(outputs))}
