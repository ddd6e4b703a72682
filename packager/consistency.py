"""What the schema cannot say: that the parts of a manifest fit each other.

The page checks the same in ``web_runtime/src/worker/consistency.ts``; docs/manifest.md states the rules, and tests/manifests
holds an example of every fault.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from packager.content import STRIDES
from packager.options import GPU_TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from packager._manifest_types import Manifest, Shard

    Misfits: TypeAlias = Iterator[tuple[str, str]]
    Named: TypeAlias = Sequence[Any]


def first_misfit(manifest: Manifest) -> tuple[str, str] | None:
    """Return where (a JSON pointer) and how the parts of a manifest that the schema allows do not fit, or None."""
    checks = (_signature, _task, _files, _engines, _variants, _golden, _samples)
    found = (misfit for check in checks for misfit in check(manifest))
    return next(found, None) or next(_shards(manifest, "", {}), None)


def _signature(manifest: Manifest) -> Misfits:
    yield from _repeated(manifest["signature"]["inputs"], "name", "/signature/inputs")
    yield from _repeated(manifest["signature"]["outputs"], "name", "/signature/outputs")


def _task(manifest: Manifest) -> Misfits:
    task, signature = manifest["task"], manifest["signature"]
    if task["kind"] == "tensor":
        return
    if task["kind"] == "image-classification":
        preprocess = task["preprocess"]
        yield from _unknown(preprocess["input"], signature["inputs"], "/task/preprocess/input")
        count = 1 if preprocess["channels"] == "gray" else 3
        for field, figures in (("mean", preprocess["mean"]), ("std", preprocess["std"])):
            if len(figures) not in (1, count):
                yield f"/task/preprocess/{field}", f"must have 1 or {count} entries"
    else:
        for part, name in cast("dict[str, str | None]", task["preprocess"]["inputs"]).items():
            if name is not None:
                yield from _unknown(name, signature["inputs"], f"/task/preprocess/inputs/{part}")
    yield from _unknown(task["postprocess"]["output"], signature["outputs"], "/task/postprocess/output")


def _files(manifest: Manifest) -> Misfits:
    before = ""
    for i, file in enumerate(manifest["files"]):
        if re.match(r"manifest\.json$|sw\.js$|shards/", file["path"]):
            yield f"/files/{i}/path", "must not be listed"
        if before >= file["path"]:
            yield f"/files/{i}/path", "must come after the path before it"
        before = file["path"]


def _engines(manifest: Manifest) -> Misfits:
    scripts = _paths(manifest, "engine")
    for target, engine in cast("dict[str, dict[str, str]]", manifest["engines"]).items():
        for part in ("script", "glue"):
            if part in engine and engine[part] not in scripts:
                yield f"/engines/{target}/{part}", "must be a file of the role engine"


def _variants(manifest: Manifest) -> Misfits:
    yield from _repeated(manifest["variants"], "id", "/variants")
    for i, variant in enumerate(manifest["variants"]):
        if variant["target"] not in manifest["engines"]:
            yield f"/variants/{i}/target", "must be one of the engines"
        yield from _repeated(variant["weights"], "location", f"/variants/{i}/weights")
        if _names(variant["parity"]["outputs"]) != _names(manifest["signature"]["outputs"]):
            yield f"/variants/{i}/parity/outputs", "must name the outputs of the signature, in their order"


def _golden(manifest: Manifest) -> Misfits:
    golden = manifest.get("golden")
    if golden is None:
        if any(variant["target"] in GPU_TARGETS for variant in manifest["variants"]):
            yield "/golden", "must be there, as a variant runs on a graphics card"
        return
    signature = manifest["signature"]
    yield from _tensors(golden["inputs"], signature["inputs"], "/golden/inputs", "inputs")
    yield from _tensors(golden["outputs"], signature["outputs"], "/golden/outputs", "outputs")


def _samples(manifest: Manifest) -> Misfits:
    pictures, inputs = _paths(manifest, "sample"), manifest["signature"]["inputs"]
    for i, sample in enumerate(manifest["samples"]):
        if sample["kind"] == "picture" and sample["path"] not in pictures:
            yield f"/samples/{i}/path", "must be a file of the role sample"
        if sample["kind"] == "tensors":
            yield from _tensors(sample["tensors"], inputs, f"/samples/{i}/tensors", "inputs")


def _tensors(tensors: Named, types: Named, at: str, kind: str) -> Misfits:
    if _names(tensors) != _names(types):
        yield at, f"must name the {kind} of the signature, in their order"
    for j, (tensor, entry) in enumerate(zip(tensors, types, strict=False)):
        size = math.prod(tensor["dims"]) * np.dtype(entry["dtype"]).itemsize
        if sum(shard["decoded_bytes"] for shard in tensor["content"]) != size:
            yield f"{at}/{j}/content", f"must hold {size} bytes, as the dims say"


def _shards(part: object, path: str, known: dict[str, Shard]) -> Misfits:
    """Every shard in ``part``, which lies at ``path``; ``known`` holds those before it."""
    if isinstance(part, dict) and "decoded_bytes" in part:
        yield from _shard(cast("Shard", part), path, known)
        return
    inner: Iterable[tuple[Any, object]] = part.items() if isinstance(part, dict) else ()
    for name, value in enumerate(part) if isinstance(part, list) else inner:
        yield from _shards(value, f"{path}/{name}", known)


def _shard(shard: Shard, path: str, known: dict[str, Shard]) -> Misfits:
    if shard["encoding"] == "none" and shard["encoded_bytes"] != shard["decoded_bytes"]:
        yield f"{path}/encoded_bytes", "must be the decoded bytes, as there is no encoding"
    stride = STRIDES[shard["filter"]]
    if shard["decoded_bytes"] % stride != 0:
        yield f"{path}/decoded_bytes", f"must be whole elements of {stride} bytes, for the filter"
    if known.setdefault(shard["sha256"], shard) != shard:
        yield path, "must be as where the same shard is named before"


def _repeated(entries: Named, field: str, path: str) -> Misfits:
    seen = set()
    for i, entry in enumerate(entries):
        if entry[field] in seen:
            yield f"{path}/{i}/{field}", "must differ from those before it"
        seen.add(entry[field])


def _unknown(name: str, among: Named, path: str) -> Misfits:
    if name not in _names(among):
        yield path, "must be a name in the signature"


def _names(entries: Named) -> list[str]:
    return [entry["name"] for entry in entries]


def _paths(manifest: Manifest, role: str) -> set[str]:
    return {file["path"] for file in manifest["files"] if file["role"] == role}
