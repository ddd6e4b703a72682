"""Media types by file name: our own table, since that of the machine differs from one machine to the next."""

from __future__ import annotations

from pathlib import PurePosixPath

_UTF8 = "; charset=utf-8"
_BINARY = "application/octet-stream"

_TYPES = {
    ".avif": "image/avif",
    ".bin": _BINARY,
    ".css": "text/css" + _UTF8,
    ".gif": "image/gif",
    ".html": "text/html" + _UTF8,
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript" + _UTF8,
    ".json": "application/json",
    ".map": "application/json",
    ".md": "text/markdown" + _UTF8,
    ".mjs": "text/javascript" + _UTF8,
    ".mp4": "video/mp4",
    ".npy": _BINARY,
    ".npz": _BINARY,
    ".onnx": _BINARY,
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ts": "text/plain" + _UTF8,  # packager.d.ts: readable in the browser, and not MPEG video
    ".txt": "text/plain" + _UTF8,
    ".wasm": "application/wasm",
    ".wav": "audio/wav",
    ".webm": "video/webm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
}

# Types that are text, or code that shrinks like text. Shards are .bin and compressed already.
_COMPRESSIBLE = {".css", ".html", ".js", ".json", ".map", ".md", ".mjs", ".svg", ".ts", ".txt", ".wasm", ".webmanifest"}


def media_type(name: str) -> str:
    """Return the value for Content-Type."""
    return _TYPES.get(_suffix(name), _BINARY)


def is_compressible(name: str) -> bool:
    """Tell whether brotli or gzip would make such a file smaller."""
    return _suffix(name) in _COMPRESSIBLE


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
