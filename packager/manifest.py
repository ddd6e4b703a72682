"""The manifest: validated against its schema when it is read and when it is written."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, cast

from packager.consistency import first_misfit
from packager.errors import BuildError, InputError
from packager.options import GPU_TARGETS

if TYPE_CHECKING:
    from pathlib import Path

    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

    from packager._manifest_types import Content, Manifest, Variant

FORMAT = "packager"
VERSION = 1


@cache
def _validator() -> Validator:
    from jsonschema import Draft202012Validator  # slow to import, and `inspect MODEL` does not need it

    schema = json.loads(resources.files("packager").joinpath("schema/manifest.schema.json").read_text(encoding="utf-8"))
    return Draft202012Validator(schema)


def fault(value: object) -> str | None:
    """Where and how a value is not a manifest, or None where it is one."""
    error = next(_validator().iter_errors(cast("Any", value)), None)
    if error is not None:
        error = _meant(error)
        place = "/".join(str(part) for part in error.absolute_path) or "the manifest"
        return f"{place} {error.message[:300]}"
    misfit = first_misfit(cast("Manifest", value))
    return misfit and f"{misfit[0].removeprefix('/')} {misfit[1]}"


def _meant(error: ValidationError) -> ValidationError:
    """Where no form of several fits: what is wrong with the form that the value says it is of."""
    if not error.context:
        return error
    other = {inner.schema_path[0]: inner for inner in error.context if inner.validator == "const" and inner.path[-1] == "kind"}
    meant = (inner for inner in error.context if inner.schema_path[0] not in other)
    return _meant(next(meant, None) or next(iter(other.values()), error))


def bundle_id(manifest: dict[str, Any] | Manifest) -> str:
    """SHA-256 of the canonical JSON (sorted keys, no spaces, UTF-8) of a manifest without its id and who signed it."""
    return hashlib.sha256(
        _canonical({key: value for key, value in manifest.items() if key not in ("id", "signed")})
    ).hexdigest()


def seal(manifest: dict[str, Any]) -> Manifest:
    """The manifest with its id. Raises BuildError where it does not fit the schema, as with absurdly long names."""
    sealed = {**manifest, "id": bundle_id(manifest)}
    problem = fault(sealed)
    if problem is not None:
        raise BuildError(f"The model cannot be described in a manifest: {problem}.", remedy="Export it with shorter names.")
    return cast("Manifest", sealed)


def encode(manifest: Manifest) -> bytes:
    """The file's bytes."""
    return _canonical(manifest)


def encode_unsigned(manifest: Manifest) -> bytes:
    """What is signed: the file's bytes without the field ``signed``."""
    return _canonical({key: value for key, value in manifest.items() if key != "signed"})


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def read_manifest(bundle: Path) -> Manifest:
    """The manifest of a bundle. Raises InputError where there is none, or one that is not valid."""
    path = bundle / "manifest.json"
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError("This is not a bundle: it has no manifest.json.", where=str(bundle)) from error
    except OSError as error:
        raise InputError(f"The manifest cannot be read: {error}.", where=str(path)) from error
    return parse_manifest(data, str(path))


def parse_manifest(data: bytes, where: str) -> Manifest:
    """The manifest that a file holds. Raises InputError, which names ``where``."""
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The manifest cannot be read: {error}.", where=where) from error
    if isinstance(value, dict) and value.get("format") == FORMAT and value.get("version") not in (None, VERSION):
        raise InputError(
            f"The manifest is of version {value['version']}; this program reads version {VERSION}.",
            where=where,
            remedy="Use a newer packager, or build the bundle again.",
        )
    problem = fault(value)
    if problem is not None:
        raise InputError(f"The manifest is not valid: {problem}.", where=where, remedy="Build the bundle again.")
    return cast("Manifest", value)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def is_bundle(folder: Path) -> bool:
    """True where the folder has a manifest of ours, whatever else it says."""
    try:
        value = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("format") == FORMAT


def contents(manifest: Manifest) -> list[Content]:
    """Every Content of a manifest: engines, variants, the task's, the samples'."""
    found: list[Content] = [content for target in manifest["engines"] for content in module_contents(manifest, target)]
    for variant in manifest["variants"]:
        found += variant_contents(variant)
    found += task_contents(manifest)
    found += [
        tensor["content"] for sample in manifest["samples"] if sample["kind"] == "tensors" for tensor in sample["tensors"]
    ]
    return [*found, *golden_contents(manifest)]


def golden_contents(manifest: Manifest) -> list[Content]:
    """What a graphics card is tried with."""
    golden = manifest.get("golden")
    return [] if golden is None else [tensor["content"] for tensor in (*golden["inputs"], *golden["outputs"])]


def module_contents(manifest: Manifest, target: str) -> list[Content]:
    """The builds of a target's module, the best first: a visitor needs one of them. None where the engine is a script alone."""
    engine = cast("Any", manifest["engines"])[target]
    if "modules" in engine:
        return [build["content"] for build in engine["modules"]]
    return [engine["module"]] if "module" in engine else []


def engine_scripts(manifest: Manifest, target: str) -> set[str]:
    """Paths of a target's scripts."""
    engine = cast("Any", manifest["engines"])[target]
    return {engine[part] for part in ("script", "glue") if part in engine}


def variant_contents(variant: Variant) -> list[Content]:
    """Graph and weights of a variant."""
    return [variant["graph"], *(weights["content"] for weights in variant["weights"])]


def task_contents(manifest: Manifest) -> list[Content]:
    """What a task needs beside the model: labels, the tokenizer."""
    task = manifest["task"]
    if task["kind"] == "image-classification":
        labels = task["postprocess"]["labels"]
        return [] if labels is None else [labels]
    return [task["preprocess"]["tokenizer"]] if task["kind"] == "text-embedding" else []


def first_visit_bytes(manifest: Manifest, variant: Variant) -> dict[str, int]:
    """Encoded bytes that a first visit with this variant moves, by kind: engine, weights (all that is no engine's), shell.

    The shell is counted as it lies on disk; hosts that compress send less. Of several builds of a module the largest counts.
    """
    unique: dict[str, dict[str, int]] = {"engine": {}, "weights": {}}
    modules = module_contents(manifest, variant["target"])
    largest = max(modules, key=lambda content: sum(shard["encoded_bytes"] for shard in content), default=[])
    golden = golden_contents(manifest) if variant["target"] in GPU_TARGETS else []
    for kind, found in (
        ("engine", [largest]),
        ("weights", [*variant_contents(variant), *task_contents(manifest), *golden]),
    ):
        for content in found:
            unique[kind].update({shard["sha256"]: shard["encoded_bytes"] for shard in content})
    scripts = engine_scripts(manifest, variant["target"])
    return {
        "engine": sum(unique["engine"].values()) + sum(file["bytes"] for file in manifest["files"] if file["path"] in scripts),
        "weights": sum(unique["weights"].values()),
        "shell": sum(file["bytes"] for file in manifest["files"] if file["role"] == "shell"),
    }
