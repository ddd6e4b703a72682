"""The passes over the graph, each a function Graph → Graph in a file of its own, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable

from packager.lower.ir import Graph
from packager.lower.passes.cse import merge_equal
from packager.lower.passes.fuse_activation import fuse_activation
from packager.lower.passes.fuse_gelu import fuse_gelu
from packager.lower.passes.fuse_residual import fuse_residual
from packager.lower.passes.layout import sink_transposes

PASSES: tuple[Callable[[Graph], Graph], ...] = (
    merge_equal,
    fuse_gelu,
    sink_transposes,
    fuse_residual,  # a bias first,
    fuse_residual,  # then what is computed
    fuse_activation,
)
"""All passes, in order."""
