"""Packages that only measuring needs: asked for by name where they are used, so that `build` and `serve` run without them."""

from __future__ import annotations

from importlib.util import find_spec

from packager.errors import MissingToolError

REMEDY = "Install what measuring needs with: pip install 'packager[bench]'"


def need(*modules: str) -> None:
    """Raises MissingToolError where a package of the extra ``bench`` is not installed."""
    for module in modules:
        if find_spec(module) is None:
            raise MissingToolError(f"The package {module} is not installed.", remedy=REMEDY)
