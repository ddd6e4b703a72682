"""What a returning visitor downloads when one bundle takes the place of another: the story of `packager diff`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packager.content import read_content
from packager.errors import PackagerError
from packager.manifest import engine_scripts, module_contents, read_manifest, task_contents, variant_contents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from packager._manifest_types import Content, Manifest, Shard, Variant, Weights


@dataclass
class Part:
    """What of a bundle is fetched anew and what is there already: counts of files or shards, and their encoded bytes.

    ``tensors`` are the names of those whose bytes the older bundle does not have, where the graph tells.
    """

    name: str
    new: int = 0
    new_bytes: int = 0
    kept: int = 0
    kept_bytes: int = 0
    tensors: list[str] = field(default_factory=list)

    def count(self, size: int, *, is_new: bool) -> None:
        """Takes in one file or shard."""
        if is_new:
            self.new, self.new_bytes = self.new + 1, self.new_bytes + size
        else:
            self.kept, self.kept_bytes = self.kept + 1, self.kept_bytes + size


@dataclass
class VariantChange:
    """A visitor who comes back to the variant ``id`` and had ``was``, as far as he had any."""

    id: str
    was: str
    engine: Part
    graph: Part
    weights: list[Part]

    @property
    def new_bytes(self) -> int:
        """Encoded bytes of all that is fetched for the variant, the page and the manifest left out."""
        return sum(part.new_bytes for part in (self.engine, self.graph, *self.weights))


@dataclass
class Difference:
    """Both bundles' ids; the page's files, the manifest with the service worker, and each variant of the newer one."""

    old: str
    new: str
    page: Part
    manifest: Part
    variants: list[VariantChange]


def diff(old: Path, new: Path) -> Difference:
    """What changes for a visitor of ``old`` when ``new`` is published in its place. Raises InputError, BuildError."""
    before, after = read_manifest(old), read_manifest(new)
    changed = before["id"] != after["id"]
    # The manifest is asked for on each visit; the server says that it is as it was, or gives it.
    manifest = Part("manifest and service worker")
    for path in ("manifest.json", "sw.js"):
        manifest.count((new / path).stat().st_size if (new / path).is_file() else 0, is_new=changed)
    page = _files("page", after, {file["sha256"] for file in before["files"]}, "shell")
    variants = [_variant(old, new, before, after, variant) for variant in after["variants"]]
    return Difference(before["id"], after["id"], page, manifest, variants)


def _files(name: str, manifest: Manifest, held: set[str], role: str, paths: set[str] | None = None) -> Part:
    part = Part(name)
    for file in manifest["files"]:
        if file["role"] == role and (paths is None or file["path"] in paths):
            part.count(file["bytes"], is_new=file["sha256"] not in held)
    return part


def _variant(old: Path, new: Path, before: Manifest, after: Manifest, variant: Variant) -> VariantChange:
    """A visitor had the variant of the same name, or else the one that the older bundle prefers."""
    was = next((entry for entry in before["variants"] if entry["id"] == variant["id"]), before["variants"][0])
    had = [*variant_contents(was), *task_contents(before), *module_contents(before, was["target"])]
    held = {shard["sha256"] for content in had for shard in content}
    engine = _engine(before, after, was, variant, held)
    graph = Part("graph and task")
    for shard in _unique([variant["graph"], *task_contents(after)]):
        graph.count(shard["encoded_bytes"], is_new=shard["sha256"] not in held)
    weights = [_weights(entry, held) for entry in variant["weights"]]
    if any(part.new for part in weights):
        _name_tensors(old, new, was, variant, weights)
    return VariantChange(variant["id"], was["id"], engine, graph, weights)


def _engine(before: Manifest, after: Manifest, was: Variant, variant: Variant, held: set[str]) -> Part:
    """Its scripts, and of several builds of its module the largest."""
    target = variant["target"]
    scripts = engine_scripts(before, was["target"])
    known = {file["sha256"] for file in before["files"] if file["path"] in scripts}
    part = _files("engine", after, known, "engine", engine_scripts(after, target))
    largest = max(module_contents(after, target), key=lambda content: sum(shard["encoded_bytes"] for shard in content))
    for shard in _unique([largest]):
        part.count(shard["encoded_bytes"], is_new=shard["sha256"] not in held)
    return part


def _weights(weights: Weights, held: set[str]) -> Part:
    part = Part(weights["location"])
    for shard in _unique([weights["content"]]):
        part.count(shard["encoded_bytes"], is_new=shard["sha256"] not in held)
    return part


def _unique(contents: Iterable[Content]) -> Iterator[Shard]:
    yield from {shard["sha256"]: shard for content in contents for shard in content}.values()


def _name_tensors(old: Path, new: Path, was: Variant, variant: Variant, parts: list[Part]) -> None:
    """Says of each group of weights that is fetched which tensors it is fetched for."""
    known = {digest for group in _tensors(old, was).values() for _, digest in group}
    groups = _tensors(new, variant, {part.name for part in parts if part.new})
    for part in parts:
        part.tensors = [name for name, digest in groups.get(part.name, []) if digest not in known]


def _tensors(bundle: Path, variant: Variant, locations: set[str] | None = None) -> dict[str, list[tuple[str, str]]]:
    """Name and SHA-256 of every tensor, by location; nothing where the graph does not tell."""
    try:
        graph = read_content(bundle, variant["graph"])
        places = _PLACES[variant["target"]](graph) if variant["target"] in _PLACES else []
    except PackagerError:
        raise
    except Exception:  # whatever a parser makes of a graph that is none
        return {}
    found: dict[str, list[tuple[str, str]]] = {}
    for weights in variant["weights"]:
        location = weights["location"]
        if locations is not None and location not in locations:
            continue
        data = memoryview(read_content(bundle, weights["content"]))
        for name, start, length in _within(places, location, len(data)):
            found.setdefault(location, []).append((name, hashlib.sha256(data[start : start + length]).hexdigest()))
    return found


def _within(places: list[tuple[str, str | None, int, int]], location: str, size: int) -> Iterator[tuple[str, int, int]]:
    """The tensors of a location: name, start and length in its content."""
    for name, where, start, length in places:
        if where is None:  # counted from the start of all weights
            first = int(location)
            if first <= start < first + size:
                yield name, start - first, length
        elif where == location:
            yield name, start, length


def _onnx_places(graph: bytes) -> list[tuple[str, str | None, int, int]]:
    import onnx

    proto = onnx.ModelProto.FromString(graph)
    places: list[tuple[str, str | None, int, int]] = []
    for tensor in proto.graph.initializer:
        entry = {pair.key: pair.value for pair in tensor.external_data}
        if entry:
            places.append((tensor.name, entry["location"], int(entry.get("offset", 0)), int(entry["length"])))
    return places


def _plan_places(graph: bytes) -> list[tuple[str, str | None, int, int]]:
    """A plan names no tensor: what they are goes for their names."""
    plan: dict[str, Any] = json.loads(graph)
    values = sorted((value for value in plan["values"] if value["place"] == "weights"), key=lambda value: value["offset"])
    ends = [*(value["offset"] for value in values[1:]), plan["weights"]]
    return [
        (f"{value['dtype']} {[plan['sizes'][size] for size in value['shape']]}", None, value["offset"], end - value["offset"])
        for value, end in zip(values, ends, strict=True)
    ]


_PLACES = {"wasm": _plan_places, "ort-wasm": _onnx_places, "webgpu": _onnx_places}
