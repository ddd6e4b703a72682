"""Build hook: makes the page assets under packager/web/ with npm, so that a wheel holds them and needs no Node."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs ``npm ci`` and ``npm run build`` unless the sources came with the assets built, as in an sdist."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Builds the assets; ends with a sentence where that cannot be done."""
        root = Path(self.root)
        built = root / "packager" / "web" / "assets.json"
        if not (root / "web_runtime").is_dir() or os.environ.get("PACKAGER_SKIP_WEB_BUILD") == "1":
            if not built.is_file():
                raise SystemExit(
                    "packager: the page assets (packager/web/) are not built, and there is nothing to build them from."
                )
            return
        npm = shutil.which("npm")
        if npm is None:
            raise SystemExit(
                "packager: building the page assets needs Node 20 or newer with npm, and npm is not on the PATH. "
                "Install Node (https://nodejs.org), or install a built wheel, which holds the assets."
            )
        for command in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
            done = subprocess.run([npm, *command], cwd=root, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise SystemExit(f"packager: `npm {' '.join(command)}` failed:\n{done.stdout}{done.stderr}")
