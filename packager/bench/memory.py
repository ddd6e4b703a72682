"""Memory of a first visit and some runs: what the page says of itself, and what the browser's processes hold."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.async_api import Page

# Threads of WebAssembly that wait for work do not answer the browser, which then does not answer at all.
_SECONDS = 10

# The browser answers for the page with all of its workers, and only where no other site can share its process.
_MEASURE = """async () => {
  if (!crossOriginIsolated) return { reason: "the page is not cross-origin isolated" };
  if (!performance.measureUserAgentSpecificMemory) return { reason: "this browser does not tell" };
  return { bytes: (await performance.measureUserAgentSpecificMemory()).bytes };
}"""


async def page_bytes(page: Page) -> tuple[int | None, str]:
    """Memory of the page and its workers now, in bytes, or None and why not."""
    from playwright.async_api import Error

    try:
        async with asyncio.timeout(_SECONDS):
            told: dict[str, Any] = await page.evaluate(_MEASURE)
    except TimeoutError:
        return None, f"the browser did not tell within {_SECONDS} seconds"
    except Error as error:
        return None, f"the browser refused: {str(error).strip().splitlines()[0]}"
    return told.get("bytes"), told.get("reason", "")
