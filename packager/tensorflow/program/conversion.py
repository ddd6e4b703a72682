"""TensorFlow.js' converter, as much of it as a graph model needs."""

from __future__ import annotations

import json
import sys
import types
from typing import TYPE_CHECKING, Any

from .refusal import complaint
from .saved_models import SIGNATURE

if TYPE_CHECKING:
    from pathlib import Path


def import_converter() -> Any:
    """The converter's one module that is needed, without what the others of its package import.

    Its package as a whole needs Yggdrasil, JAX, Flax and TensorFlow Hub, which a graph model has nothing of.
    """
    import keras  # noqa: F401 (before the stand-ins: it looks for JAX by itself)

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
    from tensorflowjs.converters import tf_saved_model_conversion_v2

    return tf_saved_model_conversion_v2


def graph_model(converter: Any, saved: Path, folder: Path) -> str | None:
    """Writes the graph model of a SavedModel into ``folder``; returns why there is none that a page can run, or None."""
    optimise = converter.optimize_graph
    converter.optimize_graph = lambda graph, *rest, **options: optimise(without_erfc(graph), *rest, **options)
    try:
        converter.convert_tf_saved_model(
            str(saved), str(folder), SIGNATURE, "serve", strip_debug_ops=True, weight_shard_size_bytes=2**62
        )
        return unfit(json.loads((folder / "model.json").read_text()))
    except Exception as error:
        return f"The converter of TensorFlow.js refuses it: {complaint(error)}."


def without_erfc(graph: Any) -> Any:
    """The graph with 1 - erf(x) for erfc(x), which Keras' gelu is made of and TensorFlow.js has not."""
    import tensorflow as tf

    old, new = graph.as_graph_def(), tf.compat.v1.GraphDef()
    if not any(node.op == "Erfc" for node in old.node):
        return graph
    for node in old.node:
        if node.op == "Erfc":
            one, erf = new.node.add(op="Const", name=f"{node.name}/one"), new.node.add(op="Erf", name=f"{node.name}/erf")
            one.attr["dtype"].CopyFrom(node.attr["T"])
            one.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(1, node.attr["T"].type, []))
            erf.input.extend(node.input)
            difference = new.node.add(op="Sub", name=node.name, input=[one.name, erf.name])
            for made in (erf, difference):
                made.attr["T"].CopyFrom(node.attr["T"])
        else:
            new.node.add().CopyFrom(node)
    new.library.CopyFrom(old.library)
    new.versions.CopyFrom(old.versions)
    with tf.Graph().as_default() as rewritten:
        tf.import_graph_def(new, name="")
    return rewritten


def unfit(document: Any) -> str | None:
    """Why a graph model cannot be run in a page, or None."""
    if "modelInitializer" in document:
        return "It looks values up in tables, which a GPU has not."
    odd = sorted({
        entry["dtype"] for group in document["weightsManifest"] for entry in group["weights"]
    } - {"float32", "int32", "bool"})  # fmt: skip
    return f"It has weights of {', '.join(odd)}, which a GPU has not." if odd else None


def versions() -> dict[str, str]:
    """Of the packages that took part."""
    import keras
    import tensorflow as tf
    from tensorflowjs import version

    return {"tensorflow": tf.__version__, "keras": keras.__version__, "tensorflowjs": version.version}
