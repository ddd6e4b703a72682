"""Files that tell of the task: as given, else as they lie beside the model under their usual names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from packager.bounds import read_limited
from packager.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from packager.options import BuildOptions


class TaskFiles:
    """Paths of labels, tokenizer and configurations, or None where there are none."""

    def __init__(self, options: BuildOptions) -> None:
        folder = options.model.parent
        self.labels = options.labels
        self.tokenizer = options.tokenizer or _if_there(folder / "tokenizer.json")
        self.preprocessing = options.preprocessing or _if_there(folder / "preprocessor_config.json")
        self.pooling = _if_there(folder / "1_Pooling" / "config.json")
        self.tokenizer_config = _if_there(folder / "tokenizer_config.json")


def _if_there(path: Path) -> Path | None:
    return path if path.is_file() else None


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises InputError."""
    try:
        value = json.loads(read_limited(path).decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"The file cannot be read as JSON: {error}.", where=str(path)) from error
    if not isinstance(value, dict):
        raise InputError("The file does not hold a JSON object.", where=str(path))
    return value
