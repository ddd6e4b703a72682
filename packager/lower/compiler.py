"""The compiler's story: import → passes → emit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packager.errors import BuildError
from packager.lower.emit import Emitter
from packager.lower.importer import Uncovered, import_model
from packager.lower.ops import OPS
from packager.lower.passes import PASSES
from packager.lower.unsupported import Unsupported

if TYPE_CHECKING:
    from packager.lower.ir import Graph
    from packager.model import Model
    from packager.options import Precision


@dataclass(frozen=True)
class Compiled:
    """A plan (docs/plan.md), the chunks of its weights' blob in order, and the model's node behind each step."""

    plan: dict[str, Any]
    weights: list[bytes]
    sources: list[str]

    @property
    def document(self) -> bytes:
        """The plan as it is shipped."""
        return json.dumps(self.plan, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def compile(model: Model, precision: Precision = "fp32") -> Compiled:  # noqa: A001 (what it does)
    """The model as a plan. Raises BuildError where the engine does not cover it, naming every node."""
    compiled, refused = _compile(model, precision)
    if compiled is None:
        raise BuildError(
            f"The engine does not cover this model: {' '.join(map(str, refused))}", where=str(model.path),
            remedy="Build it for the target ort-wasm.",
        )  # fmt: skip
    return compiled


def cover(model: Model) -> list[Uncovered]:
    """Every node that the engine does not cover, with the reason; none where it takes the model."""
    return _compile(model, "fp32")[1]


def optimise(graph: Graph) -> Graph:
    """All passes, in order."""
    for apply in PASSES:
        graph = apply(graph)
    return graph


def _compile(model: Model, precision: Precision) -> tuple[Compiled | None, list[Uncovered]]:
    graph, refused = import_model(model)
    if graph is None:
        return None, refused
    graph = optimise(graph)
    plan = Emitter(graph=graph, precision=precision)
    for node in graph.nodes:
        plan.begin(node)
        try:
            OPS[node.op].emit(plan, node)
        except Unsupported as error:
            refused.append(Uncovered(node.source, node.source.split(" ")[0], str(error)))
            for output in node.outputs:
                plan.declare(output)
    if refused:
        return None, list(dict.fromkeys(refused))
    return Compiled(plan.plan(), plan.chunks, plan.sources), []
