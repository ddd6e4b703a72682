"""What each static host needs beside a bundle, and the limits that a bundle must keep there.

Sources, as their documentation stood in 2026:
- Cloudflare Pages: developers.cloudflare.com/pages/platform/limits (25 MiB a file, 20,000 files on the free plan, 100 header
  rules) and .../pages/configuration/headers (all rules that match apply, and values of one header are joined with a comma,
  which is why no path below gets Cache-Control from two rules).
- Netlify: docs.netlify.com/routing/headers (the same file; nothing may follow a `*`) and docs.netlify.com/site-deploys/overview
  (54,000 files a folder).
- Vercel: vercel.com/docs/project-configuration/vercel-json (headers by pattern). It names no limit on a static file.
- GitHub: docs.github.com, "About large files on GitHub" (100 MiB a file) and "GitHub Pages limits" (1 GB a site); `.nojekyll`
  keeps Jekyll from dropping files whose names start with an underscore.
- Hugging Face: huggingface.co/docs/hub/spaces-config-reference (custom_headers takes COOP, COEP and CORP alone) and
  .../storage-limits (10,000 entries a folder, 100,000 files).
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from packager.errors import InputError
from packager.headers import HASHED_FOLDERS, IMMUTABLE, ISOLATION_HEADERS, REVALIDATE, SECURITY_HEADERS

if TYPE_CHECKING:
    from collections.abc import Iterable

HOSTS: Final = ("generic", "cloudflare-pages", "netlify", "vercel", "github-pages", "hf-space")

# The files of a bundle whose names stay while their contents change. "/" is how visitors ask for index.html.
_REVALIDATED = ("/", "/index.html", "/manifest.json", "/packager.d.ts", "/packager.js", "/sw.js")

_MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """The most that a host takes; None where it says nothing. ``site_bytes`` counts all files together."""

    file_bytes: int | None = None
    site_bytes: int | None = None
    files: int | None = None
    files_a_folder: int | None = None


LIMITS: Final[dict[str, Limits]] = {
    "generic": Limits(),
    "cloudflare-pages": Limits(file_bytes=25 * _MIB, files=20_000),
    "netlify": Limits(files_a_folder=54_000),
    "vercel": Limits(),
    "github-pages": Limits(file_bytes=100 * _MIB, site_bytes=10**9),
    "hf-space": Limits(files=100_000, files_a_folder=10_000),
}


def host_files(host: str) -> dict[str, bytes]:
    """Return the files that a host reads, by path in the bundle.

    ``generic`` gives all that do nothing where they are not read; a Space's README.md is not among them, since it would
    show up as the readme of whatever repository the bundle is put in. Raises InputError for a host that is not known.
    """
    _check(host)
    headers = {**ISOLATION_HEADERS, **SECURITY_HEADERS}
    files: dict[str, bytes] = {}
    if host in ("generic", "cloudflare-pages", "netlify"):
        files["_headers"] = _headers_file(headers).encode()
    if host in ("generic", "vercel"):
        files["vercel.json"] = _vercel_file(headers).encode()
    if host in ("generic", "github-pages"):
        files[".nojekyll"] = b""
    if host == "hf-space":
        files["README.md"] = _space_readme().encode()
    return files


def check_limits(host: str, files: Iterable[tuple[str, int]]) -> list[str]:
    """Return a sentence for each limit of the host that the files (path, bytes) break; an empty list when all is well.

    Raises InputError for a host that is not known.
    """
    _check(host)
    limits, listed = LIMITS[host], sorted(files)
    problems: list[str] = []
    for path, size in listed:
        if limits.file_bytes is not None and size > limits.file_bytes:
            problems.append(f"{path} has {size:,} bytes; {host} takes at most {limits.file_bytes:,} a file.")
    total = sum(size for _, size in listed)
    if limits.site_bytes is not None and total > limits.site_bytes:
        problems.append(f"The bundle has {total:,} bytes; {host} takes at most {limits.site_bytes:,} a site.")
    if limits.files is not None and len(listed) > limits.files:
        problems.append(f"The bundle has {len(listed):,} files; {host} takes at most {limits.files:,}.")
    folders = Counter(str(PurePosixPath(path).parent) for path, _ in listed)
    for folder, count in sorted(folders.items()):
        if limits.files_a_folder is not None and count > limits.files_a_folder:
            problems.append(f"{folder}/ has {count:,} files; {host} takes at most {limits.files_a_folder:,} a folder.")
    return problems


def _check(host: str) -> None:
    if host not in HOSTS:
        raise InputError(f"'{host}' is not a known host.", where="--host", remedy=f"Choose from: {', '.join(HOSTS)}.")


def _headers_file(everywhere: dict[str, str]) -> str:
    """Return _headers, as Cloudflare Pages and Netlify read it."""
    rules = [
        ("/*", everywhere),
        *((path, {"Cache-Control": REVALIDATE}) for path in _REVALIDATED),
        *((f"/{folder}/*", {"Cache-Control": IMMUTABLE}) for folder in HASHED_FOLDERS),
    ]
    return "".join(f"{path}\n" + "".join(f"  {name}: {value}\n" for name, value in headers.items()) for path, headers in rules)


def _vercel_file(everywhere: dict[str, str]) -> str:
    """Return vercel.json; the one pattern is all that the other is not, so that no path gets Cache-Control twice."""
    hashed = "|".join(HASHED_FOLDERS)
    rules = {
        "/(.*)": everywhere,
        f"/((?!(?:{hashed})/).*)": {"Cache-Control": REVALIDATE},
        f"/(?:{hashed})/(.*)": {"Cache-Control": IMMUTABLE},
    }
    listed = [
        {"source": source, "headers": [{"key": name, "value": value} for name, value in headers.items()]}
        for source, headers in rules.items()
    ]
    return (
        json.dumps({"$schema": "https://openapi.vercel.sh/vercel.json", "framework": None, "headers": listed}, indent=2) + "\n"
    )


def _space_readme() -> str:
    """Return README.md, whose front matter makes a static Space of the bundle.

    A Space is shown in a frame of another origin, which is itself isolated: hence the open resource policy.
    """
    headers = {**ISOLATION_HEADERS, "Cross-Origin-Resource-Policy": "cross-origin"}
    lines = [
        "---",
        "title: Model demo",
        "emoji: 📦",
        "colorFrom: blue",
        "colorTo: indigo",
        "sdk: static",
        "app_file: index.html",
        "pinned: false",
        "custom_headers:",
        *(f"  {name.lower()}: {value}" for name, value in headers.items()),
        "---",
        "",
        "A trained model that runs in the visitor's browser. `packager` wrote this folder; edit the lines above as you like.",
        "",
    ]
    return "\n".join(lines)
