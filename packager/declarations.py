"""The types of a bundle: packager.d.ts of the runtime, ended by the model's own inputs and outputs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packager._manifest_types import Signature, TensorType
    from packager.options import TaskKind

MARKER = "// ---- The model of this bundle; `packager build` writes what follows ----"


def declarations(template: str, task: TaskKind, signature: Signature) -> str:
    """The text of packager.d.ts: ``template`` up to the marker, and after it the model's task and tensors with their shapes."""
    head, marker, _ = template.partition(MARKER)
    if not marker:
        raise ValueError("the runtime's packager.d.ts lacks the marker line")
    return "\n".join(
        [
            f"{head}{marker}",
            "",
            f"type ModelTask = {json.dumps(task)};",
            "",
            _interface("Inputs", signature["inputs"]),
            "",
            _interface("Outputs", signature["outputs"]),
            "",
        ]
    )


def _interface(name: str, entries: list[TensorType]) -> str:
    lines = [f"interface {name} {{"]
    for entry in entries:
        shape = ", ".join(str(dim).replace("*/", "* /") for dim in entry["shape"])
        lines += [f"  /** [{shape}] */", f"  {json.dumps(entry['name'])}: Tensor<{json.dumps(entry['dtype'])}>;"]
    return "\n".join([*lines, "}"])
