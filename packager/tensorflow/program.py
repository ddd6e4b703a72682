"""Reads a Keras model or a SavedModel, and runs it: a program of its own, for an interpreter that has TensorFlow.

    python program.py convert MODEL FOLDER    writes FOLDER/model.json and what it names, and FOLDER/about.json
    python program.py run MODEL FOLDER        FOLDER/in-<sample>-<input>.npy → FOLDER/out-<sample>-<output>.npy

It imports nothing of packager's, so that the two need not share an environment. Where it fails it writes FOLDER/error.json
(``what``, ``remedy``) and ends with exit code 3.
"""

from __future__ import annotations

import json
import os
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

SIGNATURE = "serving_default"
# What a graph can do beyond arithmetic: run Python, read and write files.
UNSAFE_OPS = {
    "EagerPyFunc", "PyFunc", "PyFuncStateless", "ReadFile", "WriteFile", "MatchingFiles", "InitializeTableFromTextFileV2",
    "WholeFileReaderV2", "TextLineReaderV2", "TFRecordReaderV2", "TextLineDataset", "TFRecordDataset", "DebugIdentityV2",
}  # fmt: skip
# The format that a page takes knows these, and no others.
DTYPES = {
    "float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool",
}  # fmt: skip


class RefusedError(Exception):
    """What the user gave cannot be used; ``what`` and ``remedy`` are for people, ``"install"`` stands for how to install."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def main(verb: str, model: str, folder: str) -> int:
    """Does one of the two; returns the exit code."""
    # oneDNN's fused operators are none that TensorFlow.js has. The reference is computed on the processor.
    os.environ.update(
        TF_ENABLE_ONEDNN_OPTS="0", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1", KERAS_BACKEND="tensorflow"
    )
    try:
        (convert if verb == "convert" else run)(Path(model), Path(folder))
    except RefusedError as error:
        (Path(folder) / "error.json").write_text(json.dumps({"what": error.what, "remedy": error.remedy}))
        return 3
    return 0


def convert(path: Path, folder: Path) -> None:
    """The TensorFlow.js graph model of ``path`` in ``folder``, and what its signature is."""
    if not path.is_dir():
        check_config(path)
    converter = import_converter()
    import tensorflow as tf

    saved = path if path.is_dir() else folder / "saved"
    names = None if path.is_dir() else export(load_keras(path), saved)
    check_ops(saved)
    problem = None
    try:
        converter.convert_tf_saved_model(
            str(saved), str(folder), SIGNATURE, "serve", strip_debug_ops=True, weight_shard_size_bytes=2**62
        )
        problem = unfit(json.loads((folder / "model.json").read_text()))
    except Exception as error:
        problem = f"The converter of TensorFlow.js refuses it: {complaint(error)}"
    about = {
        "versions": versions(), "signature": signature(tf.saved_model.load(str(saved)), names), "problem": problem,
    }  # fmt: skip
    (folder / "about.json").write_text(json.dumps(about))


def unfit(document: Any) -> str | None:
    """Why a graph model cannot be run in a page, or None."""
    if "modelInitializer" in document:
        return "It looks values up in tables, which a GPU has not."
    odd = sorted({
        entry["dtype"] for group in document["weightsManifest"] for entry in group["weights"]
    } - {"float32", "int32", "bool"})  # fmt: skip
    return f"It has weights of {', '.join(odd)}, which a GPU has not." if odd else None


def run(path: Path, folder: Path) -> None:
    """The outputs of the model as given, for the inputs that lie in ``folder``."""
    import numpy as np
    import tensorflow as tf

    about = json.loads((folder / "about.json").read_text())
    model = None if path.is_dir() else load_keras(path)
    saved = tf.saved_model.load(str(path)) if path.is_dir() else None
    for sample in range(about["samples"]):
        feeds = {
            entry["key"]: tf.constant(np.load(folder / f"in-{sample}-{index}.npy", allow_pickle=False))
            for index, entry in enumerate(about["signature"]["inputs"])
        }
        try:
            outputs = saved.signatures[SIGNATURE](**feeds) if saved else keras_outputs(model, list(feeds.values()))
        except Exception as error:
            raise RefusedError(
                f"The model does not run on the sample inputs: {complaint(error)}",
                "Give inputs that it takes with --sample FILE.npz.",
            ) from error
        for index, entry in enumerate(about["signature"]["outputs"]):
            np.save(folder / f"out-{sample}-{index}.npy", outputs[entry["key"]].numpy())


def keras_outputs(model: Any, inputs: list[Any]) -> dict[str, Any]:
    """Outputs by the names that the export gives them, which are those of a dict or numbered."""
    import keras

    given = keras.tree.pack_sequence_as(model._inputs_struct, inputs) if hasattr(model, "_inputs_struct") else inputs[0]
    outputs = model(given, training=False)
    if isinstance(outputs, dict):
        return outputs
    return {f"output_{index}": output for index, output in enumerate(keras.tree.flatten(outputs))}


def load_keras(path: Path) -> Any:
    """The Keras model in a file. RefusedError where loading it would run code that the file holds."""
    import keras

    config = keras_config(path)
    code = sorted(code_in(config))
    if code:
        raise RefusedError(
            f"The file holds code of its own, which is not run: {', '.join(code)}. Models are loaded in Keras' safe mode.",
            "Write the layer with Keras' own layers or operations, or as a SavedModel with model.export() if you trust it.",
        )
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        raise RefusedError(
            f"Keras {keras.__version__} cannot load the model: {complaint(error)}",
            "Layers and models of classes of your own cannot be read: write a SavedModel with model.export().",
        ) from error


def check_config(path: Path) -> None:
    """Refuses a .keras or .h5 file that is none, or that loading would run code of."""
    code = sorted(code_in(keras_config(path)))
    if code:
        raise RefusedError(
            f"The file holds code of its own, which is not run: {', '.join(code)}. Models are loaded in Keras' safe mode.",
            "Write the layer with Keras' own layers or operations, or as a SavedModel with model.export() if you trust it.",
        )


def keras_config(path: Path) -> Any:
    """The architecture that a .keras or .h5 file holds, as plain data."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return json.loads(archive.read("config.json"))
        import h5py

        with h5py.File(path, "r") as file:
            config = file.attrs.get("model_config")
    except Exception as error:
        raise RefusedError(f"This is not a Keras model, or it was cut short: {complaint(error)}", "Save it again.") from error
    if config is None:
        raise RefusedError("The file holds weights without the model.", "Save all of it, with model.save().")
    return json.loads(config)


def code_in(config: Any) -> set[str]:
    """Names of the layers and objects of a configuration that are Python code."""
    found: set[str] = set()
    if isinstance(config, dict):
        if config.get("class_name") in ("Lambda", "__lambda__", "__bytes__", "function") or "__lambda__" in config:
            inner = config.get("config")
            name = inner.get("name") if isinstance(inner, dict) else None
            found.add(f"{config.get('class_name')} '{name}'" if name else str(config.get("class_name")))
        for value in config.values():
            found |= code_in(value)
    elif isinstance(config, list):
        for value in config:
            found |= code_in(value)
    return found


def export(model: Any, folder: Path) -> list[str]:
    """Writes the SavedModel of a Keras model; returns the names of its outputs, in order."""
    if not getattr(model, "inputs", None):
        raise RefusedError(
            "The model has no inputs of known shape: it was never built.",
            "Call it once on real inputs before saving it, or write a SavedModel with model.export().",
        )
    try:
        model.export(str(folder), format="tf_saved_model", verbose=False)
    except Exception as error:
        raise RefusedError(f"Keras cannot export the model as a SavedModel: {complaint(error)}") from error
    if isinstance(model.output, dict):
        return list(model.output)
    names = [output._keras_history.operation.name for output in model.outputs]
    # Outputs of one layer get numbers.
    return [name if names.count(name) == 1 else f"{name}_{names[:i].count(name)}" for i, name in enumerate(names)]


def check_ops(saved: Path) -> None:
    """Refuses a SavedModel whose graph does more than compute."""
    from tensorflow.python.saved_model import loader_impl

    try:
        proto = loader_impl.parse_saved_model(str(saved))
    except Exception as error:
        raise RefusedError(f"This is not a SavedModel, or it was cut short: {complaint(error)}", "Save it again.") from error
    serving = [graph for graph in proto.meta_graphs if "serve" in graph.meta_info_def.tags]
    if not serving or SIGNATURE not in serving[0].signature_def:
        has = sorted(name for graph in serving for name in graph.signature_def if not name.startswith("__"))
        raise RefusedError(
            f"The SavedModel has no signature '{SIGNATURE}'" + (f"; it has {', '.join(has)}." if has else "."),
            f"Save it with signatures={{'{SIGNATURE}': function}}, or from Keras with model.export().",
        )
    for graph in proto.meta_graphs:
        nodes = [*graph.graph_def.node, *(node for inner in graph.graph_def.library.function for node in inner.node_def)]
        unsafe = sorted({node.op for node in nodes} & UNSAFE_OPS)
        if unsafe:
            raise RefusedError(
                f"The SavedModel does more than compute, and is not loaded: it has {', '.join(unsafe)}.",
                "Save it without what reads files or runs Python.",
            )


def signature(saved: Any, names: list[str] | None) -> dict[str, Any]:
    """Inputs and outputs: the ``name`` for people, the ``key`` of the SavedModel's signature, dtype, and dims or None."""
    function = saved.signatures[SIGNATURE]
    inputs = function.structured_input_signature[1]
    outputs = function.structured_outputs
    order = [key for key in function._arg_keywords if key in inputs]
    # The order of a SavedModel's outputs is that of their names: it keeps no other.
    keys = sorted(outputs) if names is None else [name if name in outputs else f"output_{i}" for i, name in enumerate(names)]
    return {
        "inputs": [described(key, key, inputs[key]) for key in order],
        "outputs": [described(name, key, outputs[key]) for name, key in zip(names or keys, keys)],  # noqa: B905 (3.9 too)
        "batched": names is not None or len(order) == 1,
    }


def described(name: str, key: str, spec: Any) -> dict[str, Any]:
    """One tensor of the signature."""
    if spec.dtype.name not in DTYPES:
        raise RefusedError(
            f"'{name}' is a tensor of {spec.dtype.name}s, which a page cannot pass.",
            "Save the model with numeric inputs and outputs.",
        )
    if spec.shape.rank is None:
        raise RefusedError(f"The number of dimensions of '{name}' is not known.", "Save the model with a shape for it.")
    return {"name": name, "key": key, "dtype": spec.dtype.name, "shape": spec.shape.as_list()}


def import_converter() -> Any:
    """The converter's one module that is needed, without what the others of its package import.

    Its package as a whole needs Yggdrasil, JAX, Flax and TensorFlow Hub, which a graph model has nothing of.
    """
    try:
        import keras  # noqa: F401 (before the stand-ins: it looks for JAX by itself)
        import tensorflow as tf  # noqa: F401
    except ImportError as error:
        raise RefusedError(f"TensorFlow cannot be imported: {complaint(error)}.", "install") from error
    for name, gives in {
        "tensorflow_decision_forests": (),
        "tensorflow_hub": (),
        "tensorflowjs.converters.converter": ("convert",),
        "tensorflowjs.converters.jax_conversion": ("convert_jax",),
        "tensorflowjs.converters.keras_tfjs_loader": ("deserialize_keras_model", "load_keras_model"),
    }.items():
        stand_in = types.ModuleType(name)
        for attribute in gives:
            setattr(stand_in, attribute, None)
        sys.modules[name] = stand_in
    try:
        from tensorflowjs.converters import tf_saved_model_conversion_v2
    except ImportError as error:
        raise RefusedError(f"TensorFlow.js' converter cannot be imported: {complaint(error)}.", "install") from error
    return tf_saved_model_conversion_v2


def versions() -> dict[str, str]:
    """Of the packages that took part."""
    import keras
    import tensorflow as tf
    from tensorflowjs import version

    return {"tensorflow": tf.__version__, "keras": keras.__version__, "tensorflowjs": version.version}


def complaint(error: BaseException) -> str:
    """The first telling line of an exception."""
    text = str(error).strip() or type(error).__name__
    return " ".join(text.split())[:400]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
