"""How this program says no."""

from __future__ import annotations

import re


class RefusedError(Exception):
    """What the user gave cannot be used; ``what`` and ``remedy`` are for people, ``"install"`` stands for how to install."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def complaint(error: BaseException) -> str:
    """The telling part of an exception, in one line: that of the one within, where it wraps another."""
    text = " ".join(re.sub(r"\x1b\[[\d;]*m", "", str(error)).split()) or type(error).__name__
    return text.rpartition("Exception encountered: ")[2][:400]
