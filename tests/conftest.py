"""The order of the tests, and the browsers: each file its own, as a thread has only one Playwright at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from packager.browser import chromium, chromium_flags, chromium_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

HERE = Path(__file__).parent
LONG = (HERE / "web", HERE / "test_real_models.py", HERE / "test_wheel.py", HERE / "test_tensorflow.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first, so that side by side none is left for the end; all keep their order otherwise."""
    items.sort(key=lambda item: not any(item.path.is_relative_to(long) for long in LONG))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser; a test takes a fresh context of it, as from a private window."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def gpu_browser(browser: Browser) -> Iterator[Browser]:
    """One with a graphics card, in software."""
    with browser.browser_type.launch(executable_path=chromium_path(), args=chromium_flags(gpu=True)) as started:
        yield started
