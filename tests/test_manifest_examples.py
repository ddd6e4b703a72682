"""The kept examples: what a manifest may be, and every way in which it can be wrong. The page's tests read the same files."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from packager.errors import InputError
from packager.manifest import bundle_id, encode, encode_unsigned, fault, read_manifest
from packager.signing import signing_fault

EXAMPLES = Path(__file__).parent / "manifests"
VALID = sorted(path.stem for path in (EXAMPLES / "valid").iterdir())
FAULTS: dict[str, str | None] = json.loads((EXAMPLES / "faults.json").read_text(encoding="utf-8"))
SCHEMA = json.loads((Path(__file__).parents[1] / "packager/schema/manifest.schema.json").read_text(encoding="utf-8"))


def example(folder: str, name: str) -> Any:
    return json.loads((EXAMPLES / folder / f"{name}.json").read_text(encoding="utf-8"))


def test_every_example_has_its_fault() -> None:
    assert sorted(FAULTS) == sorted(path.stem for path in (EXAMPLES / "invalid").iterdir())


def test_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", VALID)
def test_valid(name: str, tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "valid" / f"{name}.json", tmp_path / "manifest.json")
    manifest = read_manifest(tmp_path)
    assert bundle_id(manifest) == manifest["id"]
    # As docs/manifest.md has it: the file's own bytes without the id.
    rest = encode_unsigned(manifest).replace(f'"id":"{manifest["id"]}",'.encode(), b"")
    assert hashlib.sha256(rest).hexdigest() == manifest["id"]


def test_the_signed_example_is_signed() -> None:
    manifest = example("valid", "signed")
    assert signing_fault(manifest, encode(manifest), None) is None


@pytest.mark.parametrize("name", FAULTS)
def test_invalid_is_refused(name: str, tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "invalid" / f"{name}.json", tmp_path / "manifest.json")
    with pytest.raises(InputError) as caught:
        read_manifest(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("name", [name for name, place in FAULTS.items() if place is not None])
def test_invalid_for_the_reason_in_its_name(name: str) -> None:
    place = (FAULTS[name] or "/the manifest").removeprefix("/")
    assert str(fault(example("invalid", name))).startswith(f"{place} ")
