"""How each operation of the IR is expressed. To add one, see docs/webgl.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.lower.tensorflow.ops import images, indices, moves, pairs, pointwise, pools, products, recurrent, rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from packager.lower.ir import Node
    from packager.lower.tensorflow.writer import Writer

    Emit = Callable[[Writer, Node], None]

EMIT: dict[str, Emit] = {
    **images.EMIT, **indices.EMIT, **moves.EMIT, **pairs.EMIT, **pointwise.EMIT, **pools.EMIT, **products.EMIT,
    **recurrent.EMIT, **rows.EMIT,
}  # fmt: skip
"""Operation of the IR → what writes its nodes. What is not here has no expression in TensorFlow.js."""
