"""Write the golden vectors: ``python -m tests.golden.generate``. A test fails when the committed files are others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import outputs, pictures, texts

FOLDER = Path(__file__).parent


def golden() -> dict[str, str]:
    """Return the content of each file by its name."""
    made = {
        "pictures.json": pictures.golden(),
        "texts.json": texts.golden(),
        "characters.json": texts.characters(),
        "classifications.json": outputs.classifications(),
        "embeddings.json": outputs.embeddings(),
    }
    return {name: _json(content) for name, content in made.items()}


def _json(content: dict[str, Any]) -> str:
    """One case a line, so that a change shows as the cases that it touches."""
    lines = []
    for field, value in content.items():
        if isinstance(value, list):
            inner = ",\n".join(json.dumps(each, ensure_ascii=True) for each in value)
            lines.append(f"{json.dumps(field)}: [\n{inner}\n]")
        else:
            lines.append(f"{json.dumps(field)}: {json.dumps(value, ensure_ascii=True)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    for name, content in golden().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
        print(f"{len(content):8} {name}")
