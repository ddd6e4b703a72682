"""The passes over the graph, each a function Graph → Graph in a file of its own, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable

from packager.lower.ir import Graph

PASSES: tuple[Callable[[Graph], Graph], ...] = ()
"""All passes, in order."""
