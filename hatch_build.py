"""Build hook: makes the page assets under packager/web/ with npm, so that a wheel holds them and needs no Node."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_REMEDY = "Install Node 20 or newer (https://nodejs.org), or install a built wheel, which holds the assets."


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs ``npm ci`` and ``npm run build`` in a checkout; a source distribution brings the assets built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Builds the assets; ends with a sentence where that cannot be done."""
        root = Path(self.root)
        is_built = (root / "packager" / "web" / "assets.json").is_file()
        is_distribution = (root / "PKG-INFO").is_file()
        if is_built and (is_distribution or os.environ.get("PACKAGER_SKIP_WEB_BUILD") == "1"):
            return
        npm, node = shutil.which("npm"), shutil.which("node")
        if npm is None or node is None:
            missing = "npm" if npm is None else "node"
            raise SystemExit(f"packager: the page assets are built with Node, and {missing} is not on the PATH. {_REMEDY}")
        found = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
        if int(found.removeprefix("v").split(".")[0]) < 20:
            raise SystemExit(f"packager: the page assets are built with Node 20 or newer, and node is {found}. {_REMEDY}")
        for command in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
            done = subprocess.run([npm, *command], cwd=root, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise SystemExit(f"packager: `npm {' '.join(command)}` failed:\n{done.stdout}{done.stderr}")
