"""Visitors of the page, tiny bundles made by the real build, and a host for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packager.browser import chromium_flags, chromium_path

from .bundles import Bundle, build_bundle
from .server import Host
from .visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    Opens = Callable[..., Visitor]


@pytest.fixture(scope="package")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The bundle that a test publishes unless it says otherwise."""
    return build_bundle(tmp_path_factory.mktemp("bundle"), name="First")


@pytest.fixture(scope="package")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The next version of `bundle`: another name, and one of its tensors changed."""
    return build_bundle(tmp_path_factory.mktemp("newer"), name="Second", head=2.0)


@pytest.fixture
def host(bundle: Bundle) -> Iterator[Host]:
    """A plain host with `bundle` at its root."""
    with Host({"/": bundle.site}) as started:
        yield started


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visitor]:
    """A first-time visitor."""
    with browser.new_context() as context:
        yield Visitor(context)


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """The folder where the browser of `returning` keeps this test's visitor."""
    return tmp_path / "profile"


@pytest.fixture
def returning(browser: Browser, profile: Path) -> Iterator[Opens]:
    """Starts a new browser process on this test's one profile, as when the visitor comes back another day."""
    opened: list[Visitor] = []

    def come(*flags: str) -> Visitor:
        for earlier in opened:
            earlier.context.close()
        context = browser.browser_type.launch_persistent_context(
            profile, executable_path=chromium_path(), args=[*chromium_flags(), *flags]
        )
        opened.append(Visitor(context))
        return opened[-1]

    yield come
    opened[-1].context.close()
