"""What a model or a bundle holds, as plain data for JSON and for the report."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from packager import manifest as manifests
from packager.bounds import bounded
from packager.content import content_bytes
from packager.errors import InputError
from packager.model import Model
from packager.optimise import optimise
from packager.quantise import quantise
from packager.readers import is_saved_model, read
from packager.readers.onnx import graph_tensors, nodes
from packager.targets import KNOWN, check, wasm

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from packager._manifest_types import Manifest
    from packager.model import TensorFlowModel
    from packager.options import Precision, Target


def inspect(path: Path, dims: dict[str, int] | None = None, targets: Sequence[Target] = KNOWN) -> dict[str, Any]:
    """Facts about the model or the bundle at ``path``. Raises InputError where it is neither."""
    return inspect_bundle(path) if path.is_dir() and not is_saved_model(path) else inspect_model(path, dims, targets)


def inspect_model(path: Path, dims: dict[str, int] | None = None, targets: Sequence[Target] = KNOWN) -> dict[str, Any]:
    """Signature, opset, ops with counts, parameters and bytes, and the verdict of each of the targets."""
    model = read(path, dims)
    prepared = optimise(model, lambda warning: None)  # noqa: ARG005 (a build says it)
    verdicts = [check(target, prepared) for target in targets]
    facts = _of_onnx(model) if isinstance(model, Model) else _of_tensorflow(model)
    ops = Counter(facts.pop("ops"))
    return {
        "kind": "model",
        "path": str(path),
        **facts,
        "signature": model.signature,
        "ops": dict(sorted(ops.items(), key=lambda entry: (-entry[1], entry[0]))),
        "targets": [
            {"target": verdict.target, "fits": verdict.fits, "problems": verdict.problems, "notes": verdict.notes}
            for verdict in verdicts
        ],
    }


def _of_onnx(model: Model) -> dict[str, Any]:
    tensors = graph_tensors(model.proto.graph)
    return {
        "format": "ONNX",
        "bytes": model.proto.ByteSize(),
        "opset": model.opset,
        "ir_version": model.proto.ir_version,
        "producer": " ".join(part for part in (model.proto.producer_name, model.proto.producer_version) if part),
        "parameters": sum(int(np.prod(tensor.dims, dtype=np.int64)) for tensor in tensors),
        "ops": [node.op_type for node in nodes(model.proto.graph)],
    }


def _of_tensorflow(model: TensorFlowModel) -> dict[str, Any]:
    """Facts about the graph model that the converter made."""
    files = [file for file in model.path.rglob("*") if file.is_file()] if model.path.is_dir() else [model.path]
    versions = model.about["versions"]
    return {
        "format": "SavedModel" if model.path.is_dir() else "Keras",
        "bytes": sum(file.stat().st_size for file in files),
        "producer": f"TensorFlow {versions['tensorflow']}, TensorFlow.js {versions['tensorflowjs']}",
        "parameters": sum(int(array.size) for array in model.weights.values()),
        "ops": [node["op"] for node in model.nodes],
    }


@bounded()
def inspect_plan(path: Path, dims: dict[str, int] | None = None, precision: Precision = "fp32") -> str:
    """The plan that the engine of the target wasm would run, as text.

    Raises InputError where there is no model at ``path`` or the engine does not cover it.
    """
    model = optimise(read(path, dims), lambda warning: None)  # noqa: ARG005 (a build says it)
    verdict = check("wasm", model)
    if not (isinstance(model, Model) and verdict.fits):
        raise InputError(f"The target wasm does not cover this model: {' '.join(verdict.problems)}", where=str(path))
    return wasm.plan_text(quantise(model, precision), precision)


def inspect_bundle(path: Path) -> dict[str, Any]:
    """Variants, shards and sizes of a bundle."""
    manifest = manifests.read_manifest(path)
    shards = {shard["sha256"]: shard for content in manifests.contents(manifest) for shard in content}
    return {
        "kind": "bundle",
        "path": str(path),
        "id": manifest["id"],
        "name": manifest["name"],
        "task": manifest["task"]["kind"],
        "signature": manifest["signature"],
        "engines": {target: engine["version"] for target, engine in _items(manifest)},
        "variants": [_variant(manifest, index) for index in range(len(manifest["variants"]))],
        "shards": {
            "count": len(shards),
            "encoded_bytes": sum(shard["encoded_bytes"] for shard in shards.values()),
            "decoded_bytes": sum(shard["decoded_bytes"] for shard in shards.values()),
        },
        "files": {"count": len(manifest["files"]), "bytes": sum(file["bytes"] for file in manifest["files"])},
    }


def _items(manifest: Manifest) -> list[tuple[str, Any]]:
    return list(manifest["engines"].items())


def _variant(manifest: Manifest, index: int) -> dict[str, Any]:
    variant = manifest["variants"][index]
    sizes = [content_bytes(content) for content in manifests.variant_contents(variant)]
    return {
        "id": variant["id"],
        "target": variant["target"],
        "precision": variant["precision"],
        "shards": sum(len(content) for content in manifests.variant_contents(variant)),
        "encoded_bytes": sum(encoded for encoded, _ in sizes),
        "decoded_bytes": sum(decoded for _, decoded in sizes),
        "first_visit": manifests.first_visit_bytes(manifest, variant),
        "parity": variant["parity"],
    }
