"""The order of the tests: files that take long come first, so that side by side none is left for the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

HERE = Path(__file__).parent
LONG = (HERE / "web", HERE / "test_real_models.py", HERE / "test_wheel.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts in place; files and their tests keep their order otherwise."""
    items.sort(key=lambda item: not any(item.path.is_relative_to(long) for long in LONG))
