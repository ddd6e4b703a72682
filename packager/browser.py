"""A real browser for proofs and measurements: finds Chromium, starts it headless through Playwright."""

from __future__ import annotations

import asyncio
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from packager.errors import MissingToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

P = ParamSpec("P")
T = TypeVar("T")

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# Quiet and offline: no updates, no background requests, nothing that would blur a measurement or leave the machine.
_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
)
# WebGL and WebGPU on the processor: right, and slow. $PACKAGER_GPU=hardware leaves the choice to the browser.
_SOFTWARE_GPU = (
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
)
_HARDWARE_GPU = ("--enable-unsafe-webgpu", "--enable-features=Vulkan", "--ignore-gpu-blocklist")
INSTALL = (
    "Install one with: pip install 'packager[browser]' and, where no Chromium is on the PATH, playwright install chromium."
)


def chromium_path() -> Path | None:
    """A Chromium on this machine: $PACKAGER_CHROMIUM, one on the PATH, or None where Playwright's own is to be used."""
    named = os.environ.get("PACKAGER_CHROMIUM")
    if named:
        if not Path(named).is_file():
            raise MissingToolError("PACKAGER_CHROMIUM names a file that does not exist.", where=named)
        return Path(named)
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    return Path(found) if found else None


def chromium_flags(*, gpu: bool = False) -> list[str]:
    """Command-line flags for every start of Chromium; root has no sandbox to use. ``gpu`` is for pages that compute on one."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    card = _HARDWARE_GPU if os.environ.get("PACKAGER_GPU") == "hardware" else _SOFTWARE_GPU
    return [*_FLAGS, *(["--no-sandbox"] if root else []), *(card if gpu else ())]


def outside_loop(work: Callable[P, T]) -> Callable[P, T]:
    """Does the work in another thread where the caller's runs an event loop, as a notebook's does: Playwright refuses those."""

    @wraps(work)
    def apart(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return work(*args, **kwargs)
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(work, *args, **kwargs).result()

    return apart


@contextmanager
def chromium(*, gpu: bool = False) -> Iterator[Browser]:
    """A headless Chromium, with ``gpu`` one that has WebGL and WebGPU.

    Raises MissingToolError where Playwright or a browser is not there.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise MissingToolError("Playwright is not installed.", remedy=INSTALL) from error
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=chromium_flags(gpu=gpu))
        except Error as error:
            raise MissingToolError(f"Chromium did not start: {str(error).splitlines()[0]}", remedy=INSTALL) from error
        try:
            yield browser
        finally:
            browser.close()
