"""Names of the classes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from packager.bounds import read_limited
from packager.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def check_labels(labels: list[str], classes: int, where: Path | None) -> None:
    """Raises InputError where there is not one label for each class."""
    if len(labels) != classes:
        raise InputError(
            f"There are {len(labels)} labels for {classes} classes.",
            where=str(where),
            remedy="Give one label a class, in order.",
        )


def read_labels(path: Path) -> list[str]:
    """Labels of a text file (one a line) or a JSON file (an array, or an object with ``id2label``). Raises InputError."""
    try:
        text = read_limited(path).decode("utf-8-sig")
        if path.suffix.lower() != ".json":
            return [line.strip() for line in text.rstrip("\n").split("\n")]
        value = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"The labels cannot be read: {error}.", where=str(path)) from error
    if isinstance(value, dict):
        table = value.get("id2label", value)
        if isinstance(table, dict) and all(str(index) in table for index in range(len(table))):
            value = [table[str(index)] for index in range(len(table))]
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        raise InputError(
            "The labels are not a list of strings.", where=str(path), remedy='Write ["first class", "second class", …].'
        )
    return value
