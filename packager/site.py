"""Puts the page around the shards: runtime, demo, samples, types, service worker, and what the host needs."""

from __future__ import annotations

import hashlib
import html
import json
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from packager.content import shard_path
from packager.declarations import declarations
from packager.errors import MissingToolError
from packager.headers import CONTENT_SECURITY_POLICY, ISOLATION_HEADERS, SECURITY_HEADERS
from packager.lowered import Item
from packager.manifest import contents, encode, engine_scripts

if TYPE_CHECKING:
    import numpy as np

    from packager._manifest_types import (
        CompiledEngine,
        Engine,
        File,
        Golden,
        Manifest,
        ModuleBuild,
        Other,
        SampleTensor,
        ScriptEngine,
        Signature,
    )
    from packager._manifest_types import Sample as ManifestSample
    from packager.lowered import Write
    from packager.model import Sample, Tensors
    from packager.options import TaskKind

Role = Literal["shell", "engine", "sample", "types", "notice"]

# Samples in a bundle are for trying the page; parity may use many more.
_MOST_PICTURES = 12
_MOST_TEXTS = 40
_MOST_TENSORS = 8


def web_root() -> Path:
    """Where the built page assets lie. Raises MissingToolError in a checkout where they are not built."""
    root = Path(str(resources.files("packager"))) / "web"
    if not (root / "assets.json").is_file():
        raise MissingToolError("The page assets are not built.", where=str(root), remedy="Run: npm ci && npm run build")
    return root


@dataclass(frozen=True)
class Assets:
    """The built page assets: ``files`` by what they are, ``engines`` by target; paths are relative to ``root``."""

    root: Path
    files: dict[str, str]
    engines: dict[str, Any]

    @classmethod
    def load(cls) -> Assets:
        """The assets of this installation. Raises MissingToolError."""
        root = web_root()
        index = json.loads((root / "assets.json").read_text(encoding="utf-8"))
        return cls(root, index["files"], index["engines"])


class Site:
    """Writes the files of a bundle into ``folder`` and keeps their list for the manifest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._assets = Assets.load()
        self._files: dict[str, File] = {}

    @property
    def files(self) -> list[File]:
        """What the manifest lists, sorted by path."""
        return [self._files[path] for path in sorted(self._files)]

    def add(self, path: str, data: bytes, role: Role) -> None:
        """Writes one file and lists it."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        self._files[path] = {"path": path, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "role": role}

    def _copy(self, path: str, role: Role) -> None:
        self.add(path, (self._assets.root / path).read_bytes(), role)

    def add_engine(self, target: str, write: Write) -> Engine | CompiledEngine | ScriptEngine:
        """Copies a target's scripts, cuts its module into shards, and gives the manifest's entry."""
        engine = self._assets.engines[target]
        self._copy(engine["script"], "engine")
        if "glue" not in engine and "modules" not in engine:
            return {"version": engine["version"], "script": engine["script"]}
        if "modules" in engine:
            modules: list[ModuleBuild] = [
                {"needs": build["needs"], "content": write([Item((self._assets.root / build["path"]).read_bytes())])}
                for build in engine["modules"]
            ]
            return {"version": engine["version"], "script": engine["script"], "modules": modules}
        self._copy(engine["glue"], "engine")
        module = write([Item((self._assets.root / engine["module"]).read_bytes())])
        return {"version": engine["version"], "script": engine["script"], "glue": engine["glue"], "module": module}

    def add_page(self, name: str, task: TaskKind, signature: Signature, public_key: str = "", *, devices: bool = False) -> None:
        """Runtime, demo page and types; after the engines, since the page's policy allows what these need.

        The runtime of a bundle that is to be signed pins the public key. ``devices`` is for variants on graphics cards and
        for a race.
        """
        names = self._assets.files
        chunks = set(names) - {"page", "sw", "index", "worker", "app", "style", "types", "licenses"}
        if task != "text-embedding":
            chunks.discard("tokenizer")
        if not public_key:
            chunks.discard("signed")
        if not devices:
            chunks.discard("devices")
        for key in ("worker", "app", "style", *sorted(chunks)):
            self._copy(names[key], "shell")
        runtime = (self._assets.root / names["page"]).read_text(encoding="utf-8").replace("__PUBLIC_KEY__", public_key)
        self.add(names["page"], runtime.encode(), "shell")
        self._copy(names["licenses"], "notice")
        template = (self._assets.root / names["index"]).read_text(encoding="utf-8")
        values = {
            "__NAME__": html.escape(name),
            "__TASK__": task,
            "__APP__": names["app"],
            "__STYLE__": names["style"],
            "__WORKER__": names["worker"],
            "__POLICY__": CONTENT_SECURITY_POLICY,
            "__MODULEPRELOADS__": f'<link rel="modulepreload" href="{names["page"]}">',
        }
        page = re.sub("|".join(values), lambda match: values[match[0]], template)
        self.add("index.html", page.encode(), "shell")
        types = (self._assets.root / names["types"]).read_text(encoding="utf-8")
        self.add("packager.d.ts", declarations(types, task, signature).encode(), "types")

    def add_samples(self, samples: list[Sample], write: Write) -> list[ManifestSample]:
        """The samples that visitors can try, as the manifest lists them."""
        listed: list[ManifestSample] = []
        pictures = [sample for sample in samples if sample.kind == "picture" and isinstance(sample.source, Path)]
        for sample in pictures[:_MOST_PICTURES]:
            source = cast("Path", sample.source)
            data = source.read_bytes()
            stem = re.sub(r"[^a-z0-9]+", "-", source.stem.lower()).strip("-") or "picture"
            path = f"samples/{stem}-{hashlib.sha256(data).hexdigest()[:12]}{source.suffix.lower()}"
            self.add(path, data, "sample")
            listed.append({"kind": "picture", "name": sample.name[:200], "path": path})
        texts = [str(sample.source) for sample in samples if sample.kind == "text"]
        listed += [{"kind": "text", "text": text[:100000]} for text in dict.fromkeys(texts[:_MOST_TEXTS])]
        # A model without inputs has nothing to try it with.
        tensors = [sample for sample in samples if sample.kind == "tensors" and sample.tensors]
        return [*listed, *(_tensor_sample(sample, write) for sample in tensors[:_MOST_TENSORS])]


def golden(signature: Signature, inputs: Tensors, outputs: Tensors, write: Write) -> Golden:
    """One sample and what the reference makes of it, for the page to try a graphics card with."""
    return {
        "inputs": [_stored(entry["name"], inputs[entry["name"]], write) for entry in signature["inputs"]],
        "outputs": [_stored(entry["name"], outputs[entry["name"]], write) for entry in signature["outputs"]],
    }


def others(host_files: dict[str, bytes]) -> list[Other]:
    """What the manifest says of the files that ``finish`` writes: of sw.js as it is before the version's hashes are put in."""
    files = {**host_files, "sw.js": _service_worker().encode()}
    return [{"path": path, "sha256": hashlib.sha256(files[path]).hexdigest()} for path in sorted(files)]


def _service_worker() -> str:
    """The text of sw.js, without the two hashes of its version."""
    assets = Assets.load()
    worker = (assets.root / assets.files["sw"]).read_text(encoding="utf-8")
    headers = {"security": SECURITY_HEADERS, "isolation": ISOLATION_HEADERS}
    return worker.replace('"__HEADERS__"', json.dumps(headers, separators=(",", ":")))


def finish(folder: Path, manifest: Manifest, host_files: dict[str, bytes]) -> None:
    """Writes the manifest, the service worker that belongs to it, and the host's own files."""
    encoded = encode(manifest)
    (folder / "manifest.json").write_bytes(encoded)
    worker = _service_worker()
    worker = worker.replace("__BUNDLE_ID__", manifest["id"]).replace("__MANIFEST_SHA256__", hashlib.sha256(encoded).hexdigest())
    (folder / "sw.js").write_text(worker, encoding="utf-8")
    for path, data in host_files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def drop_unneeded(folder: Path, manifest: Manifest) -> list[File]:
    """Removes shards and engine scripts that the manifest's variants do not need, and returns the files that stay listed."""
    shards = {shard_path(shard) for content in contents(manifest) for shard in content}
    for path in (folder / "shards").iterdir():
        if f"shards/{path.name}" not in shards:
            path.unlink()
    scripts = {path for target in manifest["engines"] for path in engine_scripts(manifest, target)}
    kept = [file for file in manifest["files"] if file["role"] != "engine" or file["path"] in scripts]
    for file in manifest["files"]:
        if file not in kept:
            (folder / file["path"]).unlink()
    return kept


def _tensor_sample(sample: Sample, write: Write) -> Any:
    return {
        "kind": "tensors",
        "name": sample.name[:200],
        "tensors": [_stored(name, array, write) for name, array in sample.tensors.items()],
    }


def _stored(name: str, array: np.ndarray, write: Write) -> SampleTensor:
    return {"name": name, "dims": list(array.shape), "content": write([Item(array.tobytes(), array.dtype.itemsize)])}


def folder_bytes(folder: Path) -> list[tuple[str, int]]:
    """Every file of a folder with its size, for the host's limits."""
    return [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in sorted(folder.rglob("*")) if path.is_file()]
