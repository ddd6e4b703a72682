"""Files over real sockets: their headers, what caches hold, parts of files."""

from __future__ import annotations

import os
import re
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from packager.headers import IMMUTABLE, ISOLATION_HEADERS, REVALIDATE, SECURITY_HEADERS
from tests.serving import ASSET_PATH, PAGE, PICTURE, SAMPLE_PATH, SCRIPT, SHARD, SHARD_PATH, Server, serving, write_bundle

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("path", "content", "media_type", "caching"),
    [
        ("/", PAGE, "text/html; charset=utf-8", REVALIDATE),
        ("/index.html", PAGE, "text/html; charset=utf-8", REVALIDATE),
        ("/sw.js", SCRIPT, "text/javascript; charset=utf-8", REVALIDATE),
        ("/packager.js", SCRIPT, "text/javascript; charset=utf-8", REVALIDATE),
        ("/packager.d.ts", SCRIPT, "text/plain; charset=utf-8", REVALIDATE),
        (f"/{ASSET_PATH}", SCRIPT, "text/javascript; charset=utf-8", IMMUTABLE),
        (f"/{SHARD_PATH}", SHARD, "application/octet-stream", IMMUTABLE),
        (f"/{SAMPLE_PATH}", PICTURE, "image/jpeg", IMMUTABLE),
        ("/_headers", b"/*\n", "application/octet-stream", REVALIDATE),
    ],
)
def test_every_file_of_a_bundle(server: Server, path: str, content: bytes, media_type: str, caching: str) -> None:
    answer = server.get(path)
    assert (answer.status, answer.body) == (200, content)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["cache-control"] == caching
    assert answer.headers["content-length"] == str(len(content))
    assert re.fullmatch(r'"[0-9a-f]{18}"', answer.headers["etag"])
    assert answer.headers["last-modified"].endswith("GMT")
    for name, value in {**SECURITY_HEADERS, **ISOLATION_HEADERS}.items():
        assert answer.headers[name.lower()] == value


@pytest.mark.parametrize(
    ("suffix", "media_type"),
    [
        (".mjs", "text/javascript; charset=utf-8"),
        (".wasm", "application/wasm"),
        (".json", "application/json"),
        (".css", "text/css; charset=utf-8"),
        (".svg", "image/svg+xml"),
        (".png", "image/png"),
        (".webp", "image/webp"),
        (".npy", "application/octet-stream"),
        (".WASM", "application/wasm"),
        (".unheard-of", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_media_types_are_our_own(tmp_path: Path, suffix: str, media_type: str) -> None:
    (write_bundle(tmp_path) / f"file{suffix}").write_bytes(b"content")
    with serving(tmp_path) as running:
        assert running.get(f"/file{suffix}").headers["content-type"] == media_type


def test_without_isolation_only_its_headers_are_gone(bundle: Path) -> None:
    with serving(bundle, isolate=False) as running:
        for answer in (running.get("/"), running.get("/missing")):
            assert not {name.lower() for name in ISOLATION_HEADERS} & set(answer.headers)
            assert {name.lower() for name in SECURITY_HEADERS} <= set(answer.headers)


@pytest.mark.parametrize("path", ["/", "/sw.js", f"/{SHARD_PATH}"])
@pytest.mark.parametrize("accept", ["identity", "gzip", "br"])
def test_head_says_what_get_would_send(server: Server, path: str, accept: str) -> None:
    headers = {"Accept-Encoding": accept}
    head, full = server.get(path, headers, "HEAD"), server.get(path, headers)
    assert head.body == b""
    assert {**head.headers, "date": ""} == {**full.headers, "date": ""}
    assert int(head.headers["content-length"]) == len(full.body)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"])
def test_other_methods_are_refused(server: Server, method: str) -> None:
    answer = server.get("/", method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_what_is_missing_is_not_kept(server: Server) -> None:
    answer = server.get(f"/shards/{'0' * 64}.bin")
    assert (answer.status, answer.headers["cache-control"]) == (404, "no-store")
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_an_empty_file(tmp_path: Path) -> None:
    (write_bundle(tmp_path) / "empty.bin").touch()
    with serving(tmp_path) as running:
        answer = running.get("/empty.bin")
        assert (answer.status, answer.headers["content-length"], answer.body) == (200, "0", b"")
        assert running.get("/empty.bin", {"Range": "bytes=0-"}).status == 416
        assert running.errors == []


# Conditional requests


@pytest.mark.parametrize("path", ["/", f"/{SHARD_PATH}"])
def test_what_the_client_has_is_not_sent_again(server: Server, path: str) -> None:
    full = server.get(path)
    etag, modified = full.headers["etag"], full.headers["last-modified"]
    same: list[dict[str, str]] = [
        {"If-None-Match": etag},
        {"If-None-Match": f'"other", W/{etag}'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": modified},
        {"If-Modified-Since": formatdate(time.time() + 1000, usegmt=True)},
        {"If-None-Match": etag, "If-Modified-Since": formatdate(0, usegmt=True)},
    ]
    for headers in same:
        answer = server.get(path, headers)
        assert (answer.status, answer.body) == (304, b"")
        for name in ("etag", "cache-control", "last-modified", "cross-origin-embedder-policy"):
            assert answer.headers[name] == full.headers[name]
        assert answer.headers.get("vary") == full.headers.get("vary")


@pytest.mark.parametrize(
    "headers",
    [
        {"If-None-Match": '"other"'},
        {"If-None-Match": "no tag at all"},
        {"If-None-Match": '"other"', "If-Modified-Since": formatdate(time.time() + 1000, usegmt=True)},
        {"If-Modified-Since": formatdate(0, usegmt=True)},
        {"If-Modified-Since": "yesterday"},
        {"If-Modified-Since": "Mon, 99 Foo 99999 99:99:99 GMT"},
    ],
)
def test_what_the_client_lacks_is_sent(server: Server, headers: dict[str, str]) -> None:
    assert server.get("/", headers).status == 200


def test_a_changed_file_has_a_new_tag_even_with_its_old_times(tmp_path: Path) -> None:
    path = write_bundle(tmp_path) / "index.html"
    with serving(tmp_path) as running:
        before = running.get("/").headers["etag"]
        times = path.stat()
        path.write_bytes(PAGE.swapcase())
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        after = running.get("/", {"If-None-Match": before})
        assert (after.status, after.body) == (200, PAGE.swapcase())
        assert after.headers["etag"] != before


# Ranges

SIZE = len(SHARD)


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=200000-", 200_000, SIZE),
        ("bytes=-5", SIZE - 5, SIZE),
        (f"bytes=0-{SIZE * 9}", 0, SIZE),
        (f"bytes=-{SIZE * 9}", 0, SIZE),
        ("Bytes= 1 - 2 ", 1, 3),
    ],
)
def test_a_part_of_a_shard(server: Server, asked: str, start: int, stop: int) -> None:
    answer = server.get(f"/{SHARD_PATH}", {"Range": asked})
    assert (answer.status, answer.body) == (206, SHARD[start:stop])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{SIZE}"
    assert answer.headers["content-length"] == str(stop - start)
    assert answer.headers["etag"] == server.get(f"/{SHARD_PATH}").headers["etag"]


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={'9' * 90}-", "bytes=-0", f"bytes={SIZE}-{SIZE + 5}"])
def test_a_part_past_the_end(server: Server, asked: str) -> None:
    answer = server.get(f"/{SHARD_PATH}", {"Range": asked})
    assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{SIZE}")


@pytest.mark.parametrize(
    "asked", ["bytes=5-1", "bytes=-", "bytes=a-b", "lines=0-1", "bytes=0-1,5-9", "bytes=0-1-2", "bytes 0-1"]
)
def test_ranges_that_are_not_understood_mean_the_whole(server: Server, asked: str) -> None:
    answer = server.get(f"/{SHARD_PATH}", {"Range": asked})
    assert (answer.status, len(answer.body)) == (200, SIZE)


def test_a_range_holds_only_for_the_version_it_was_asked_of(server: Server) -> None:
    full = server.get(f"/{SHARD_PATH}").headers
    part = {"Range": "bytes=0-9"}
    assert server.get(f"/{SHARD_PATH}", {**part, "If-Range": full["etag"]}).status == 206
    assert server.get(f"/{SHARD_PATH}", {**part, "If-Range": f"W/{full['etag']}"}).status == 200
    assert server.get(f"/{SHARD_PATH}", {**part, "If-Range": '"other"'}).status == 200
    assert server.get(f"/{SHARD_PATH}", {**part, "If-Range": formatdate(0, usegmt=True)}).status == 200


def test_a_date_is_a_version_once_its_second_is_over(tmp_path: Path) -> None:
    path = write_bundle(tmp_path) / SHARD_PATH
    long_ago = time.time() - 3600
    with serving(tmp_path) as running:
        for modified, status in ((long_ago, 206), (time.time() + 3600, 200)):
            os.utime(path, (modified, modified))
            headers = {"Range": "bytes=0-9", "If-Range": formatdate(int(modified), usegmt=True)}
            assert running.get(f"/{SHARD_PATH}", headers).status == status


def test_head_knows_no_ranges(server: Server) -> None:
    answer = server.get(f"/{SHARD_PATH}", {"Range": "bytes=0-9"}, "HEAD")
    assert (answer.status, answer.headers["content-length"]) == (200, str(SIZE))


def test_a_part_of_a_compressible_file_is_one_of_the_file_itself(server: Server) -> None:
    answer = server.get("/sw.js", {"Range": "bytes=7-11", "Accept-Encoding": "br"})
    assert (answer.status, answer.body) == (206, SCRIPT[7:12])
    assert "content-encoding" not in answer.headers
    tag_of_br = server.get("/sw.js", {"Accept-Encoding": "br"}).headers["etag"]
    stale = server.get("/sw.js", {"Range": "bytes=7-11", "Accept-Encoding": "br", "If-Range": tag_of_br})
    assert (stale.status, stale.body) == (200, SCRIPT)
