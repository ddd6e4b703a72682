"""The HTTP headers of a bundle, said once for `serve` and for the files that tell each host of them."""

from __future__ import annotations

import re
from typing import Final

_POLICY: Final[dict[str, str]] = {
    # No engine makes functions from text. That of `webgpu` holds a `new Function` where only its WebNN provider comes, which no
    # bundle uses.
    "default-src": "'none'",
    "script-src": "'self' 'wasm-unsafe-eval'",
    "worker-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' blob: data:",
    "media-src": "'self' blob:",
    "style-src": "'self'",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    # `packager` is the policy of the page's runtime, `default` that of its worker, for the threads that engines start.
    "require-trusted-types-for": "'script'",
    "trusted-types": "packager default",
}

# The demo uses the camera and nothing else of what a browser asks leave for.
_DENIED = (
    "accelerometer",
    "display-capture",
    "encrypted-media",
    "gamepad",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "local-fonts",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "picture-in-picture",
    "publickey-credentials-create",
    "publickey-credentials-get",
    "screen-wake-lock",
    "serial",
    "storage-access",
    "usb",
    "window-management",
    "xr-spatial-tracking",
)


CONTENT_SECURITY_POLICY: Final = "; ".join(f"{name} {value}" for name, value in _POLICY.items())

# What every answer says to the browser.
SECURITY_HEADERS: Final[dict[str, str]] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": ", ".join(["camera=(self)", *(f"{name}=()" for name in _DENIED)]),
}

# What a browser asks of a page before it lends it threads on shared memory.
ISOLATION_HEADERS: Final[dict[str, str]] = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}

IMMUTABLE: Final = "public, max-age=31536000, immutable"
REVALIDATE: Final = "no-cache"

# Every file in these folders carries the hash of its content in its name; no other file of a bundle does.
HASHED_FOLDERS: Final = ("assets", "samples", "shards")

_HASHED = re.compile(
    r"(?:^|/)(?:(?:assets|samples)/[^/]+-[0-9a-f]{12}(?:\.[A-Za-z0-9]+)+|shards/[0-9a-f]{64}(?:\.[a-z0-9]+)*\.bin)$"
)


def cache_control(path: str) -> str:
    """Return the Cache-Control of a file: a hashed name never changes its content, any other is asked for anew.

    ``path`` is relative, with slashes; the bundle may lie in a folder of its own.
    """
    return IMMUTABLE if _HASHED.search(path) else REVALIDATE
