"""How any part of the compiler says that the engine does not cover something."""


class Unsupported(Exception):  # noqa: N818 (a verdict, not a fault)
    """The engine does not cover this; the message is the reason, as a phrase without the node's name."""
