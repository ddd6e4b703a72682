"""Builds a bundle of each model under sites/ and serves them: python -m scripts.gallery [--no-serve] [--port PORT]

A bundle is left as it is while its inputs, its options and the packager that built it are the same; what it was built
from is kept in .cache/sites/NAME.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING

from packager.errors import PackagerError
from scripts.models.catalogue import MODELS
from scripts.models.fetch import ROOT
from scripts.models.prepare import RECORD, prepare

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.models.catalogue import Model

SITES = ROOT / "sites"
_RECORDS = ROOT / ".cache" / "sites"
_PACKAGER = [sys.executable, "-m", "packager"]


def _sha256(*contents: bytes) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def _packager() -> str:
    """Hash of the program: its sources and the page's assets."""
    files = sorted(p for p in (ROOT / "packager").rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return _sha256(*(part for path in files for part in (str(path.relative_to(ROOT)).encode(), path.read_bytes())))


def _record(command: list[str], folder: Path, site: Path) -> dict[str, str]:
    """What a bundle was built from, and the manifest that came of it."""
    inputs = _sha256(json.dumps(command).encode(), (folder / RECORD).read_bytes(), _packager().encode())
    return {"inputs": inputs, "manifest": _sha256((site / "manifest.json").read_bytes())}


def _is_current(record: Path, command: list[str], folder: Path, site: Path) -> bool:
    try:
        return bool(json.loads(record.read_bytes()) == _record(command, folder, site))
    except (OSError, ValueError):
        return False


def build_site(model: Model) -> int:
    """Builds the model's bundle under sites/ unless it is current; returns the exit code of `packager build`."""
    folder, site = prepare(model), SITES / model.name
    command, record = model.command(folder, site), _RECORDS / f"{model.name}.json"
    if _is_current(record, command, folder, site):
        print(f"{model.title}: sites/{model.name} is up to date", flush=True)
        return 0
    print(f"\n{model.title}", flush=True)
    done = subprocess.run([*_PACKAGER, *command], check=False)
    if done.returncode == 0:
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps(_record(command, folder, site)) + "\n", encoding="utf-8")
    return done.returncode


def main() -> int:
    """Builds what is not current, then serves; the exit code is that of the first command that failed."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description="Builds the demo's bundles and serves them.")
    parser.add_argument("--no-serve", action="store_true", help="build only")
    parser.add_argument("--port", type=int, help="port to serve on")
    arguments = parser.parse_args()
    try:
        for model in MODELS:
            if code := build_site(model):
                return code
    except PackagerError as error:
        print(f"scripts/demo: {error}", file=sys.stderr)
        return error.exit_code
    if arguments.no_serve:
        return 0
    port = [] if arguments.port is None else ["--port", str(arguments.port)]
    try:
        return subprocess.run([*_PACKAGER, "serve", str(SITES), *port], check=False).returncode
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
