"""A folder as a website: finds what a request names and answers with the representation that it asks for."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from packager.headers import ISOLATION_HEADERS, REVALIDATE, SECURITY_HEADERS, cache_control
from packager.serve.body import FileSlice
from packager.serve.conditions import RangeNotSatisfiable, http_date, is_unchanged, preferred_coding, wanted_range
from packager.serve.encodings import Encodings, offered_codings
from packager.serve.entities import FileReplacedError, StoredFile, open_file
from packager.serve.gallery import Gallery
from packager.serve.media import media_type
from packager.serve.paths import MalformedPathError, find, split_path

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

    from packager.serve.entities import Entity

_INDEX = "index.html"


def create_app(root: Path, *, isolate: bool = True) -> Starlette:
    """Return the ASGI application that serves ``root``: a bundle, or a folder of bundles with an index page at `/`.

    ``isolate=False`` leaves out COOP, COEP and CORP, as hosts do that cannot set headers.
    """
    app = Starlette()
    app.router.redirect_slashes = False
    app.router.default = Site(root, isolate=isolate)
    return app


class Redirect(str):
    """The Location of what a request meant."""

    __slots__ = ()


class Site:
    """ASGI application over the files of ``root``, which are looked up anew for each request."""

    def __init__(self, root: Path, *, isolate: bool) -> None:
        self._root = root
        self._gallery = Gallery(root)
        self._encodings = Encodings()
        self._isolation = ISOLATION_HEADERS if isolate else {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        with ExitStack() as held:
            response = await self._answer(Request(scope), held)
            await response(scope, receive, send)

    async def _answer(self, request: Request, held: ExitStack) -> Response:
        """Return the response; what it reads from is closed when ``held`` is."""
        if request.method not in ("GET", "HEAD"):
            return self._say(405, "Only GET and HEAD are answered here.", {"Allow": "GET, HEAD"})
        raw_path = request.scope.get("raw_path") or quote(request.scope["path"]).encode()
        try:
            found = await run_in_threadpool(self._look_up, raw_path)
        except MalformedPathError:
            return self._say(400, "This path cannot be read.")
        except OSError:
            return self._say(503, "The file cannot be opened now.", {"Retry-After": "1"})
        if found is None:
            return self._say(404, "There is nothing here.")
        if isinstance(found, Redirect):
            query = request.scope["query_string"].decode("latin-1")
            return self._say(301, "It is over there.", {"Location": found + (f"?{query}" if query else "")})
        held.callback(found.close)
        return await self._represent(request, found)

    def _look_up(self, raw_path: bytes) -> Entity | Redirect | None:
        """Return what a path names. Blocks. Raises MalformedPathError, OSError."""
        segments = split_path(raw_path)
        names = [*segments[:-1], segments[-1] or _INDEX]
        path, name = find(self._root, names), "/".join(names)
        if path is None:
            return self._gallery.document(name)
        entity = open_file(path, name)
        if entity is None and segments[-1] and find(self._root, [*names, _INDEX]):
            return Redirect(quote(names[-1]) + "/")
        return entity

    async def _represent(self, request: Request, entity: Entity) -> Response:
        """Choose encoding and part, or find that the client has it already."""
        offered = offered_codings(entity)
        headers = self._describe(entity, varies=bool(offered))
        asks_part = request.method == "GET" and "range" in request.headers
        # A part is always one of the file as it is, so that a download can be resumed whatever was accepted before.
        accepted = None if asks_part else ",".join(request.headers.getlist("accept-encoding"))
        coding = preferred_coding(accepted, offered)
        etag = f'"{entity.tag}-{coding}"' if coding else f'"{entity.tag}"'
        if is_unchanged(request.headers, etag, entity.modified):
            return Response(status_code=304, headers={**headers, "ETag": etag})
        if coding:
            try:
                body = await self._encodings.get(entity, coding)
            except (FileReplacedError, OSError):
                etag = f'"{entity.tag}"'
            else:
                return self._whole(request, body, {**headers, "ETag": etag, "Content-Encoding": coding})
        headers["ETag"] = etag
        part = None
        if asks_part:
            try:
                part = wanted_range(request.headers, entity.size, etag, entity.modified)
            except RangeNotSatisfiable:
                return self._say(416, "No such part.", {"Content-Range": f"bytes */{entity.size}"})
        return self._identity(request, entity, part, headers)

    def _describe(self, entity: Entity, *, varies: bool) -> dict[str, str]:
        """Return the headers that all representations share."""
        headers = {
            **SECURITY_HEADERS,
            **self._isolation,
            "Content-Type": media_type(entity.name),
            "Cache-Control": cache_control(entity.name),
            "Accept-Ranges": "bytes",
        }
        if entity.modified is not None:
            headers["Last-Modified"] = http_date(entity.modified)
        if varies:
            headers["Vary"] = "Accept-Encoding"
        return headers

    def _identity(self, request: Request, entity: Entity, part: range | None, headers: dict[str, str]) -> Response:
        """Return the file as it is, or a part of it."""
        status = 200 if part is None else 206
        wanted = range(entity.size) if part is None else part
        if part is not None:
            headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{entity.size}"
        if isinstance(entity, StoredFile) and request.method == "GET":
            return FileSlice(entity.handle, wanted, status, headers)
        if request.method == "HEAD":
            return Response(status_code=status, headers={**headers, "Content-Length": str(len(wanted))})
        return Response(entity.content()[wanted.start : wanted.stop], status, headers)

    def _whole(self, request: Request, body: bytes, headers: dict[str, str]) -> Response:
        """Return bytes at hand."""
        headers["Content-Length"] = str(len(body))
        return Response(None if request.method == "HEAD" else body, headers=headers)

    def _say(self, status: int, message: str, headers: dict[str, str] | None = None) -> Response:
        """Return a short answer in plain text that nobody keeps."""
        own = {**SECURITY_HEADERS, **self._isolation, "Cache-Control": REVALIDATE if status == 301 else "no-store"}
        return Response(f"{message}\n", status, {**own, "Content-Type": "text/plain; charset=utf-8", **(headers or {})})
