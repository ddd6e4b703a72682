"""The passes over the graph, each a function Graph → Graph in a file of its own, in the order in which they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.lower.passes.alias import merge_reshapes
from packager.lower.passes.cse import merge_equal
from packager.lower.passes.fuse_activation import fuse_activation
from packager.lower.passes.fuse_attention import fuse_attention
from packager.lower.passes.fuse_batchnorm import fuse_batchnorm
from packager.lower.passes.fuse_gelu import fuse_gelu
from packager.lower.passes.fuse_layernorm import fuse_layernorm
from packager.lower.passes.fuse_residual import fuse_residual
from packager.lower.passes.fuse_scale import fuse_scale
from packager.lower.passes.fuse_siblings import fuse_siblings
from packager.lower.passes.layout import sink_transposes
from packager.lower.passes.lift import lift_past_reshapes
from packager.lower.passes.simplify import simplify
from packager.lower.passes.sink_expands import sink_expands

if TYPE_CHECKING:
    from collections.abc import Callable

    from packager.lower.ir import Graph

PASSES: tuple[Callable[[Graph], Graph], ...] = (
    merge_equal,
    fuse_gelu,
    simplify,
    sink_transposes,
    fuse_attention,
    sink_expands,
    simplify,
    merge_reshapes,
    fuse_layernorm,
    lift_past_reshapes,
    fuse_scale,
    fuse_batchnorm,
    fuse_residual,  # a bias first,
    fuse_residual,  # then what is computed
    lift_past_reshapes,
    fuse_activation,
    merge_reshapes,
    fuse_siblings,
)
"""All passes, in order."""
