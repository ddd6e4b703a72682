"""The index page of a folder of bundles: what there is to try, and what a first visit costs."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from packager.errors import InputError
from packager.manifest import first_visit_bytes, is_bundle, read_manifest
from packager.serve.entities import Document
from packager.serve.paths import find

if TYPE_CHECKING:
    from pathlib import Path

# Paths of the documents, by the files here that they are. No file of the root is served under a hidden name, so the style
# sheet's path is never taken; the others, "index.html" too, give way to files of the root.
_STYLE = ".packager/gallery.css"
_DOCUMENTS: Final = {_STYLE: "gallery.css", "sw.js": "retire.js"}

_PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Models in your browser</title>
    <link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
%3Cpath fill='%232540d9' d='M1 3h14v11H1z'/%3E%3Cpath fill='%23fff' d='M6 3h4v5L8 6.5 6 8z'/%3E%3C/svg%3E">
    <link rel="stylesheet" href="{style}">
  </head>
  <body>
    <header>
      <h1>Models in your browser</h1>
      <p class="lede">They run on your own device, and without a network once loaded. What you give them stays there.</p>
    </header>
    <main>
      <ul class="demos">
{demos}
      </ul>
    </main>
  </body>
</html>
"""

# What there is to do on the page of each task.
_DOES = {
    "image-classification": "Show it a picture, and it says what it sees.",
    "text-embedding": "Give it lines and a query, and it ranks the lines by meaning.",
    "tensor": "Give it numbers, and see what it makes of them.",
}


@dataclass(frozen=True)
class Demo:
    """A bundle as the index page shows it: what it is, or why it cannot be told (``fault``)."""

    folder: str
    name: str
    task: str = ""
    first_visit: int = 0
    variants: tuple[str, ...] = ()
    fault: str = ""


class Gallery:
    """Reads the bundles right below ``root`` and remembers each for as long as its manifest stays the same."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: dict[str, tuple[tuple[int, int, int], Demo]] = {}
        here = resources.files("packager.serve")
        self._documents = {path: Document(path, here.joinpath(file).read_bytes()) for path, file in _DOCUMENTS.items()}

    def document(self, path: str) -> Document | None:
        """Return what the gallery has at a path (relative, with slashes), or None. A root that is a bundle has none. Blocks."""
        if path not in ("index.html", *_DOCUMENTS) or find(self._root, ["manifest.json"]):
            return None
        return self._page() if path == "index.html" else self._documents[path]

    def _page(self) -> Document | None:
        """Return the index page, or None where the folder holds no bundle."""
        demos = [demo for folder in bundles(self._root) if (demo := self._demo(folder))]
        page = _render(sorted(demos, key=lambda demo: demo.name.casefold()))
        return Document("index.html", page.encode(errors="replace")) if demos else None

    def _demo(self, folder: str) -> Demo | None:
        bundle = find(self._root, [folder])
        if bundle is None:
            return None
        try:
            status = (bundle / "manifest.json").stat()
        except OSError:
            return None
        version = (status.st_mtime_ns, status.st_size, status.st_ino)
        if folder not in self._seen or self._seen[folder][0] != version:
            self._seen[folder] = (version, _describe(folder, bundle))
        return self._seen[folder][1]


def bundles(root: Path) -> list[str]:
    """Return the names of the folders in ``root`` that are bundles and can be served, sorted.

    Raises OSError when the folder cannot be listed.
    """
    names = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    return [name for name in names if (path := find(root, [name])) and is_bundle(path)]


def _describe(folder: str, bundle: Path) -> Demo:
    try:
        manifest = read_manifest(bundle)
    except InputError as error:
        return Demo(folder, folder, fault=error.what)
    variants = manifest["variants"]
    first_visit = sum(first_visit_bytes(manifest, variants[0]).values())
    listed = tuple(f"{variant['target']} {variant['precision']}" for variant in variants)
    return Demo(folder, manifest["name"], manifest["task"]["kind"], first_visit, listed)


def _render(demos: list[Demo]) -> str:
    return _PAGE.format(style=_STYLE, demos="\n".join(_render_demo(demo) for demo in demos))


def _render_demo(demo: Demo) -> str:
    title = f'<h2><a href="{quote(demo.folder)}/">{escape(demo.name)}</a></h2>'
    if demo.fault:
        return f'        <li class="demo">{title}<p class="fault">{escape(demo.fault)}</p></li>'
    facts = (("First visit", _size(demo.first_visit)), *(("Variant", variant) for variant in demo.variants))
    listed = "".join(f"<div><dt>{term}</dt><dd>{escape(value)}</dd></div>" for term, value in facts)
    kind = f'<p class="kind">{escape(demo.task)}</p>'
    does = f'<p class="does">{escape(_DOES.get(demo.task, ""))}</p>'
    return f'        <li class="demo">{kind}{title}{does}<dl>{listed}</dl></li>'


def _size(count: int) -> str:
    return f"{count / 1e6:.1f}\u00a0MB" if count >= 1e5 else f"{count / 1e3:.1f}\u00a0kB"
