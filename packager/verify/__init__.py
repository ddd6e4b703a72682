"""A whole bundle held to its manifest, as it lies in a folder or on a host: the story of `packager verify`."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from packager.content import decode_shard, shard_path
from packager.errors import InputError
from packager.manifest import bundle_id, contents, encode, parse_manifest
from packager.options import LARGEST_SHARD
from packager.progress import Silent
from packager.signing import signing_fault
from packager.verify.answers import complaints, embeds, isolated, remarks
from packager.verify.sources import AbsentError, Folder, Web, open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from packager._manifest_types import Manifest, Shard
    from packager.progress import Progress

# Browsers open six connections to a host, and hosts are used to that.
_PARALLEL = 6
_LARGEST_MANIFEST = 64 * 2**20
_LARGEST_OTHER = 2**20
# What a file of a bundle may make of memory: no shard is larger, whatever a manifest says.
_LARGEST = LARGEST_SHARD


@dataclass
class Verdict:
    """What `verify` found. ``problems`` and ``notes`` are a file's path and what is to be said of it; a note is no fault."""

    target: str
    id: str = ""
    signed_by: str | None = None
    files: int = 0
    bytes: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Check:
    """One file: where it lies, its size in bytes or the largest that it may have, and what is wrong with its bytes, or None."""

    path: str
    limit: int
    fault: Callable[[bytes], str | None]


def verify(target: str, public_key: str | None = None, progress: Progress = Silent()) -> Verdict:  # noqa: B008
    """Holds the bundle in the folder or at the URL ``target`` to its manifest: every file, who signed it, and the headers.

    With a public key (64 hexadecimal digits) its holder must have signed it. Raises InputError where there is no bundle,
    MissingToolError where it is signed and the extra is not installed.
    """
    source, verdict = open_source(target), Verdict(target)
    try:
        fetched = source.fetch("manifest.json", _LARGEST_MANIFEST)
    except AbsentError as error:
        raise InputError(f"This is not a bundle: manifest.json {error}.", where=target) from error
    try:
        manifest = parse_manifest(fetched.data, "manifest.json")
    except InputError as error:
        verdict.problems.append(("manifest.json", error.what))
        return verdict
    verdict.problems += (("manifest.json", fault) for fault in _manifest_faults(manifest, fetched.data, public_key, verdict))
    checks = [*_listed(manifest), *_shards(manifest), *_others(manifest, fetched.data, source)]
    answers = {"manifest.json": fetched.headers}
    with progress.bar("Checking files", sum(check.limit for check in checks)) as advance, ThreadPoolExecutor(_PARALLEL) as pool:
        for check, (headers, size, fault) in zip(checks, pool.map(partial(_look, source, advance), checks), strict=True):
            verdict.problems += [] if fault is None else [(check.path, fault)]
            verdict.files, verdict.bytes = verdict.files + 1, verdict.bytes + size
            answers[check.path] = headers
    if isinstance(source, Folder):
        surplus = set(source.paths()) - {"manifest.json", *(check.path for check in checks)}
        verdict.problems += ((path, "is no file of this bundle") for path in sorted(surplus))
    _judge_headers({path: headers for path, headers in answers.items() if headers is not None}, verdict)
    return verdict


def _manifest_faults(manifest: Manifest, data: bytes, public_key: str | None, verdict: Verdict) -> Iterator[str]:
    """What is wrong with the manifest itself; the verdict gets what it says of its version and its signer."""
    verdict.id = manifest["id"]
    if manifest["id"] != bundle_id(manifest):
        yield "has another id than its content gives"
    if data != encode(manifest):
        yield "is not written as `build` writes it"
    if "signed" in manifest or public_key is not None:
        fault = signing_fault(manifest, data, public_key)
        if fault is not None:
            yield fault
        else:
            verdict.signed_by = manifest["signed"]["public_key"]
    else:
        verdict.notes.append(("manifest.json", "is not signed: it tells what fits together, not who made it"))


def _listed(manifest: Manifest) -> Iterator[_Check]:
    for file in manifest["files"]:
        yield _Check(file["path"], file["bytes"], partial(_file_fault, file["bytes"], file["sha256"]))


def _file_fault(size: int | None, sha256: str, data: bytes) -> str | None:
    if size is not None and len(data) != size:
        return f"has {'more' if len(data) > size else f'{len(data):,}'} bytes, not {size:,}"
    return None if hashlib.sha256(data).hexdigest() == sha256 else "has other bytes than the manifest says"


def _shards(manifest: Manifest) -> Iterator[_Check]:
    shards = {shard_path(shard): shard for content in contents(manifest) for shard in content}
    for path, shard in shards.items():
        yield _Check(path, shard["encoded_bytes"], partial(_shard_fault, shard))


def _shard_fault(shard: Shard, data: bytes) -> str | None:
    size = shard["encoded_bytes"]
    if shard["decoded_bytes"] > _LARGEST:
        return f"is said to hold {shard['decoded_bytes']:,} bytes, more than any shard"
    if len(data) != size:
        return f"has {'more' if len(data) > size else f'{len(data):,}'} bytes, not {size:,}"
    return None if decode_shard(data, shard) is not None else "does not hold what the manifest says"


def _others(manifest: Manifest, data: bytes, source: Folder | Web) -> Iterator[_Check]:
    """The service worker; and, in a folder, the files of the host, which a host need not give to anybody."""
    stamps = {manifest["id"]: "__BUNDLE_ID__", hashlib.sha256(data).hexdigest(): "__MANIFEST_SHA256__"}
    known = {"sw.js": "", **{other["path"]: other["sha256"] for other in manifest.get("others", [])}}
    for path, sha256 in known.items():
        if path == "sw.js":
            yield _Check(path, _LARGEST_OTHER, partial(_worker_fault, stamps, sha256))
        elif isinstance(source, Folder):
            yield _Check(path, _LARGEST_OTHER, partial(_file_fault, None, sha256))


def _worker_fault(stamps: Mapping[str, str], sha256: str, data: bytes) -> str | None:
    script = data.decode("utf-8", errors="replace")
    for stamp, name in stamps.items():
        if stamp not in script:
            return "belongs to another version of the bundle"
        script = script.replace(stamp, name)
    # Older bundles do not say what theirs is.
    return None if sha256 in ("", hashlib.sha256(script.encode()).hexdigest()) else "has other bytes than the manifest says"


def _look(
    source: Folder | Web, advance: Callable[[int], None], check: _Check
) -> tuple[Mapping[str, str] | None, int, str | None]:
    """Headers of a file, its bytes, and what is wrong with it."""
    if check.limit > _LARGEST:
        return None, 0, f"is said to have {check.limit:,} bytes, more than any file of a bundle"
    try:
        fetched = source.fetch(check.path, check.limit)
    except AbsentError as error:
        return None, 0, str(error)
    finally:
        advance(check.limit)
    return fetched.headers, len(fetched.data), check.fault(fetched.data)


def _judge_headers(answers: Mapping[str, Mapping[str, str]], verdict: Verdict) -> None:
    for path, headers in answers.items():
        verdict.problems += ((path, complaint) for complaint in complaints(path, headers))
        verdict.notes += ((path, remark) for remark in remarks(path, headers))
    page = answers.get("index.html")
    if page is not None and isolated(page):
        workers = [path for path in answers if path.startswith("assets/worker-")]
        verdict.problems += (
            (path, "comes without Cross-Origin-Embedder-Policy, so that the isolated page may not start it")
            for path in workers
            if not embeds(answers[path])
        )
