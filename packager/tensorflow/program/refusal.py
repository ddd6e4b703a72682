"""How this program says no."""

from __future__ import annotations

import re

# What Keras and TensorFlow say behind what is wrong: dumps, and advice to who writes programs.
_ADVICE = re.compile(r" (Make sure custom classes|Full object config|Arguments received|You may be trying to load on) .*")


class RefusedError(Exception):
    """What the user gave cannot be used; ``what`` and ``remedy`` are for people, ``"install"`` stands for how to install."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def complaint(error: BaseException) -> str:
    """The telling part of an exception, in one line: that of the one within, where it wraps another."""
    text = " ".join(re.sub(r"\x1b\[[\d;]*m", "", str(error)).split()) or type(error).__name__
    return _ADVICE.sub("", text.rpartition("Exception encountered: ")[2])[:400]
