"""Folders that took long to make, kept while what they were made from stays the same."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.models.fetch import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

CACHE = ROOT / ".cache" / "compare"
SITE = CACHE / "site"
"""What is served."""


def digest(*parts: Path | str) -> str:
    """SHA-256 of texts and of the content of files; folders count with all that lies in them."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part.encode() if isinstance(part, str) else _content(part))
        whole.update(b"\0")
    return whole.hexdigest()


def made(name: str, key: str, make: Callable[[Path], None]) -> Path:
    """The folder ``name`` of the site, filled by ``make`` unless it was made from the same ``key`` before.

    It is made beside its place and renamed into it, so that one that is there is whole.
    """
    folder, stamp = SITE / name, CACHE / "stamps" / f"{name.replace('/', '-')}.txt"
    if folder.is_dir() and stamp.is_file() and stamp.read_text(encoding="utf-8") == key:
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as beside:
        fresh = Path(beside, "fresh")
        make(fresh)
        stamp.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    stamp.write_text(key, encoding="utf-8")
    return folder


def _content(path: Path) -> bytes:
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).digest()
    files = sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return "".join(f"{p.relative_to(path)} {hashlib.sha256(p.read_bytes()).hexdigest()}\n" for p in files).encode()
