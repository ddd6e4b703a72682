"""SavedModels: refuse those that do more than compute before anything of them runs, load them, and describe them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .refusal import RefusedError, complaint

if TYPE_CHECKING:
    from pathlib import Path

SIGNATURE = "serving_default"
# The format that a page takes knows these, and no others.
DTYPES = {
    "float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool",
}  # fmt: skip
# TensorFlow calls an operator stateful that has effects. These have none outside of the process: variables, chance, control
# flow, tables and lists in memory.
_HARMLESS = re.compile(
    r"(Random|Truncated|Parameterized|Stateful|Stateless|Resource|Lookup|TensorArray|Stack)\w*|Multinomial|Rng\w+"
    r"|Var\w+|ReadVariableOp|Assign\w*|IsVariableInitialized|DestroyResourceOp|DisableCopyOnRead|(Mutable|Anonymous)?\w*HashTable\w*"
    r"|InitializeTable(V2)?|PartitionedCall|If|While|Case|Assert|NoOp|Placeholder\w*"
)
# These have some, and are not called so.
_EFFECTS = re.compile(r"ReadFile|MatchingFiles|PyFuncStateless|Debug\w+|(En|De)codeProto\w*|InitializeTableFromTextFile\w*")
# What keeps variables in files: every SavedModel has it, for nothing else than to be saved and restored.
_SAVER = re.compile(r"(Save|Restore)(V2|Slices?)?|MergeV2Checkpoints")


def check_ops(saved: Path) -> None:
    """Refuses a SavedModel whose graph does more than compute, or needs operators that TensorFlow has not."""
    from tensorflow.python.saved_model import loader_impl

    try:
        proto = loader_impl.parse_saved_model(str(saved))
    except Exception as error:
        raise RefusedError(f"This is not a SavedModel, or it was cut short: {complaint(error)}.", "Save it again.") from error
    serving = [graph for graph in proto.meta_graphs if "serve" in graph.meta_info_def.tags]
    if not serving or SIGNATURE not in serving[0].signature_def:
        has = sorted(name for graph in serving for name in graph.signature_def if not name.startswith("__"))
        raise RefusedError(
            f"The SavedModel has no signature '{SIGNATURE}'" + (f"; it has {', '.join(has)}." if has else "."),
            f"Save it with signatures={{'{SIGNATURE}': function}}, or from Keras with model.export().",
        )
    for graph in proto.meta_graphs:
        unknown, unsafe = judged(graph)
        if unknown or unsafe:
            strange = [f"not TensorFlow's own: {', '.join(unknown)}"] if unknown else []
            strange += [f"with effects beyond the model: {', '.join(unsafe)}"] if unsafe else []
            raise RefusedError(
                f"The SavedModel is not loaded, as it has operators {'; '.join(strange)}.",
                "Save it with nothing but TensorFlow's own, and without what reads or writes files or runs Python.",
            )


def judged(graph: Any) -> tuple[list[str], list[str]]:
    """Operators of a meta graph that are not known, and those with effects beyond the process, both by name."""
    from tensorflow.python.framework import op_def_registry

    functions = {function.signature.name for function in graph.graph_def.library.function}
    bodies = [list(graph.graph_def.node), *(list(inner.node_def) for inner in graph.graph_def.library.function)]
    ops = {node.op for body in bodies for node in body} - functions
    known = {op: op_def_registry.get(op) for op in ops}
    stateful = {op for op, found in known.items() if found and found.is_stateful and not _HARMLESS.fullmatch(op)}
    saver = {op for op in stateful if _SAVER.fullmatch(op)}
    unsafe = {op for op in ops if _EFFECTS.fullmatch(op)} | (stateful - saver) | (saver & reached(graph))
    return sorted(op for op, found in known.items() if found is None), sorted(unsafe)


def reached(graph: Any) -> set[str]:
    """Operators that run when the model is loaded or called: all but what only the saver's own two nodes lead to."""
    functions = {function.signature.name: function.node_def for function in graph.graph_def.library.function}
    nodes = {node.name: node for node in graph.graph_def.node}
    outputs = [info.name for entry in graph.signature_def.values() for info in entry.outputs.values()]
    first = [name for held in graph.collection_def.values() for name in held.node_list.value]
    left: list[Any] = [nodes[name] for name in map(node_of, [*outputs, *first]) if name in nodes]
    for name in graph.object_graph_def.concrete_functions:
        left += functions.pop(name, ())
    ops: set[str] = set()
    while left:
        node = left.pop()
        ops.add(node.op)
        left += [nodes.pop(name) for name in map(node_of, node.input) if name in nodes and nodes[name] is not node]
        called = [node.op, *(attr.func.name for attr in node.attr.values())]
        called += [inner.name for attr in node.attr.values() for inner in attr.list.func]
        for name in called:
            left += functions.pop(name, ())
    return ops


def node_of(tensor: str) -> str:
    """The node's name of a tensor's, or of a control input."""
    return tensor.removeprefix("^").partition(":")[0]


def load_saved(saved: Path) -> Any:
    """The SavedModel in a folder that ``check_ops`` let pass. Raises RefusedError."""
    import tensorflow as tf

    try:
        return tf.saved_model.load(str(saved))
    except Exception as error:
        raise RefusedError(f"TensorFlow cannot load the SavedModel: {complaint(error)}", "Save it again, whole.") from error


def signature(saved: Any, names: tuple[list[str], list[str]] | None) -> dict[str, Any]:
    """Inputs and outputs: ``name`` for people, ``key`` in the SavedModel's signature, ``tensor`` of the graph; dtype and dims.

    ``names`` are those of a Keras model. A SavedModel keeps no order but that of its names.
    """
    function = saved.signatures[SIGNATURE]
    inputs, outputs = function.structured_input_signature[1], function.structured_outputs
    # The flat tensors of a function go by key; variables come after its inputs.
    taken = dict(zip(function._arg_keywords, function.inputs, strict=False))
    given = dict(zip(sorted(outputs), function.outputs, strict=True))
    order = names[0] if names and set(names[0]) == set(inputs) else [key for key in function._arg_keywords if key in inputs]
    called = names[1] if names else sorted(outputs)
    keys = [name if name in outputs else f"output_{index}" for index, name in enumerate(called)]
    return {
        "inputs": [described(key, key, taken[key].name, inputs[key]) for key in order],
        "outputs": [described(name, key, given[key].name, outputs[key]) for name, key in zip(called, keys, strict=True)],
        "batched": names is not None or len(order) == 1,
    }


def described(name: str, key: str, tensor: str, spec: Any) -> dict[str, Any]:
    """One tensor of the signature."""
    if spec.dtype.name not in DTYPES:
        raise RefusedError(
            f"'{name}' is a tensor of {spec.dtype.name}s, which a page cannot pass.",
            "Save the model with numeric inputs and outputs.",
        )
    if spec.shape.rank is None:
        raise RefusedError(f"The number of dimensions of '{name}' is not known.", "Save the model with a shape for it.")
    return {"name": name, "key": key, "tensor": tensor, "dtype": spec.dtype.name, "shape": spec.shape.as_list()}
