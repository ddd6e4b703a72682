"""What each bundle below a root says to browsers of security: as much as its engines need, and no more."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from packager.headers import security_headers

if TYPE_CHECKING:
    from pathlib import Path


class Policies:
    """Headers by the file's path in the site. Manifests are read once for each of their versions."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._strict = security_headers()
        self._known: dict[Path, tuple[tuple[int, int], dict[str, str]]] = {}

    def of(self, name: str) -> dict[str, str]:
        """Return the headers for a file: those of the innermost bundle that holds it, else the strictest."""
        for folder in PurePosixPath(name).parents:
            path = self._root / folder / "manifest.json"
            try:
                status = path.stat()
                version = status.st_mtime_ns, status.st_size
                known = self._known.get(path)
                if known is None or known[0] != version:
                    known = self._known[path] = version, security_headers(_targets(path))
            except (OSError, ValueError):
                continue
            return known[1]
        return self._strict


def _targets(manifest: Path) -> list[str]:
    """Return the targets of a manifest's engines; none where it is not one of ours. Raises OSError."""
    try:
        value = json.loads(manifest.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return []
    engines = value.get("engines") if isinstance(value, dict) else None
    return list(engines) if isinstance(engines, dict) else []
