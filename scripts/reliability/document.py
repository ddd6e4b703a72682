"""docs/reliability.md, section by section: each is written by the script that measured it."""

from __future__ import annotations

import re
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
_HEAD = """# Reliability

What happens when something breaks, as played out by scripts on a real Chromium. Each section names the command that wrote it.
"""


def write_section(title: str, text: str) -> None:
    """Puts a section in the place of the one with its title, or at the end."""
    document = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.is_file() else _HEAD
    section = f"## {title}\n\n{text.strip()}\n"
    old = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if old.search(document):
        document = old.sub(lambda _: section + "\n", document, count=1)
    else:
        document = f"{document.rstrip()}\n\n{section}"
    DOCUMENT.write_text(document.rstrip() + "\n", encoding="utf-8")
