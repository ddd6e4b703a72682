"""What the figures were measured on: the machine, the browser, and what draws in it."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packager.bench.extra import need

need("psutil")
import psutil  # noqa: E402 (after the check, so that what is missing has a name)

if TYPE_CHECKING:
    from playwright.async_api import Page

# Names under which graphics are computed on the processor.
_SOFTWARE = re.compile(r"swiftshader|llvmpipe|softpipe|lavapipe|software|basic render", re.IGNORECASE)

_GRAPHICS = """async () => {
  const gl = document.createElement("canvas").getContext("webgl2");
  const info = gl?.getExtension("WEBGL_debug_renderer_info");
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  const about = adapter?.info;
  return {
    webgl: gl ? gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER) : null,
    webgpu: about ? [about.vendor, about.architecture, about.device, about.description].filter(Boolean).join(" ") : null,
    fallback: Boolean(about?.isFallbackAdapter ?? adapter?.isFallbackAdapter),
  };
}"""


def machine() -> dict[str, Any]:
    """The machine as far as it bears on speed."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "cpu": _cpu(),
        "logical_processors": os.cpu_count() or 1,
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
        "load": round(psutil.getloadavg()[0], 2),
    }


def _cpu() -> str:
    """The processor's name; what it is called differs by system."""
    try:
        names = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        names = None
    return names[1].strip() if names else platform.processor() or platform.machine()


async def graphics(page: Page) -> dict[str, Any]:
    """What WebGL and WebGPU run on, and whether that is a processor pretending to be a graphics card."""
    from playwright.async_api import Error

    try:
        told: dict[str, Any] = await page.evaluate(_GRAPHICS)
    except Error:
        return {"webgl": None, "webgpu": None, "software": False}
    names = " ".join(str(told[api] or "") for api in ("webgl", "webgpu"))
    return {"webgl": told["webgl"], "webgpu": told["webgpu"], "software": told["fallback"] or bool(_SOFTWARE.search(names))}
