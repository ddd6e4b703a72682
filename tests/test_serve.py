"""`serve` over real sockets: caching, ranges, encodings, many bundles, many visitors, and the command itself."""

from __future__ import annotations

import concurrent.futures
import gzip
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING

import brotli
import pytest

from packager.errors import InputError
from packager.headers import IMMUTABLE, ISOLATION_HEADERS, REVALIDATE, security_headers
from packager.serve import encodings, serve
from packager.serve.conditions import preferred_coding
from packager.serve.listening import is_loopback, links, listen
from tests.serving import ASSET_PATH, PAGE, PICTURE, SAMPLE_PATH, SCRIPT, SHARD, SHARD_PATH, Server, serving, write_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def shared(bundle: Path) -> Iterator[Server]:
    with serving(bundle) as running:
        yield running


@pytest.fixture
def server(shared: Server) -> Iterator[Server]:
    shared.log.records.clear()
    yield shared
    assert shared.errors == []


# Files and their headers


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
    for name, value in {**security_headers(), **ISOLATION_HEADERS}.items():
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
            assert {name.lower() for name in security_headers()} <= set(answer.headers)


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


# Encodings

DECODE = {"br": brotli.decompress, "gzip": gzip.decompress}


@pytest.mark.parametrize("coding", ["br", "gzip"])
@pytest.mark.parametrize("path", ["/", "/sw.js", "/manifest.json", "/packager.d.ts", f"/{ASSET_PATH}"])
def test_text_travels_compressed(server: Server, bundle: Path, path: str, coding: str) -> None:
    plain = server.get(path)
    answer = server.get(path, {"Accept-Encoding": coding})
    content = (bundle / (path[1:] or "index.html")).read_bytes()
    assert answer.headers["content-encoding"] == coding
    assert DECODE[coding](answer.body) == content == plain.body
    assert len(answer.body) < len(content)
    assert plain.headers["vary"] == answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["etag"] == f'{plain.headers["etag"][:-1]}-{coding}"'
    again = server.get(path, {"Accept-Encoding": coding, "If-None-Match": answer.headers["etag"]})
    assert (again.status, again.headers["etag"]) == (304, answer.headers["etag"])
    assert server.get(path, {"If-None-Match": answer.headers["etag"]}).status == 200


@pytest.mark.parametrize("path", [f"/{SHARD_PATH}", f"/{SAMPLE_PATH}", "/_headers"])
def test_shards_pictures_and_crumbs_travel_as_they_are(server: Server, path: str) -> None:
    answer = server.get(path, {"Accept-Encoding": "br, gzip"})
    assert "content-encoding" not in answer.headers
    assert "vary" not in answer.headers


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        (None, None),
        ("", None),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("GZIP", "gzip"),
        ("*", "br"),
        ("br;q=0.5, gzip", "gzip"),
        ("br; q=0.8, gzip ;q=0.8", "br"),
        ("br;q=0", None),
        ("*;q=0.3, br;q=0", "gzip"),
        ("*;q=0", None),
        ("identity;q=0, *;q=0", None),
        ("identity, br;q=0.9", None),
        ("identity;q=0.5, br;q=0.9", "br"),
        ("identity;q=0.5, br;q=0.5", "br"),
        ("br;q=high", None),
        ("br;q=1.5, gzip;q=0.001", "gzip"),
        ("br;q=0.0005", None),
        ("br;level=5", "br"),
        ("deflate, zstd", None),
        (",,;;,", None),
    ],
)
def test_weights_of_encodings(accept: str | None, coding: str | None) -> None:
    assert preferred_coding(accept, ("br", "gzip")) == coding
    assert preferred_coding(accept, ()) is None


def test_a_copy_is_made_once_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    compress = encodings.compress

    def counting(content: bytes, coding: str) -> bytes:
        made.append(coding)
        time.sleep(0.2)
        return compress(content, coding)

    monkeypatch.setattr(encodings, "compress", counting)
    write_bundle(tmp_path)
    with serving(tmp_path) as running, concurrent.futures.ThreadPoolExecutor(20) as pool:
        jobs = [pool.submit(running.get, "/sw.js", {"Accept-Encoding": "br"}) for _ in range(20)]
        assert {brotli.decompress(job.result().body) for job in jobs} == {SCRIPT}
        assert made == ["br"]
        (tmp_path / "sw.js").write_bytes(SCRIPT * 2)
        assert brotli.decompress(running.get("/sw.js", {"Accept-Encoding": "br"}).body) == SCRIPT * 2
        assert made == ["br", "br"]


def test_copies_are_kept_up_to_a_bound(tmp_path: Path) -> None:
    import asyncio

    from packager.serve.entities import Document

    def document(number: int) -> Document:
        return Document(f"{number}.txt", bytes(str(number), "ascii") + os.urandom(1000))

    async def fill() -> encodings.Encodings:
        kept = encodings.Encodings(capacity=5000)
        for number in range(50):
            await kept.get(document(number), "gzip")
        return kept

    kept = asyncio.run(fill())
    assert 3000 < sum(len(copy) for copy in kept._copies.values()) == kept._held <= 5000
    assert not kept._in_work


def test_a_visitor_who_leaves_does_not_take_the_copy_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from packager.serve.entities import Document

    async def race() -> bytes:
        kept, document = encodings.Encodings(), Document("a.txt", b"text " * 1000)
        leaver = asyncio.ensure_future(kept.get(document, "br"))
        stayer = asyncio.ensure_future(kept.get(document, "br"))
        await asyncio.sleep(0)
        leaver.cancel()
        return await stayer

    assert brotli.decompress(asyncio.run(race())) == b"text " * 1000


@pytest.mark.parametrize("size", [1000, 1 << 20, 9 << 20])
@pytest.mark.parametrize("coding", ["br", "gzip"])
def test_every_level_decodes(size: int, coding: str) -> None:
    content = (b"weights and biases %d " * (size // 20))[:size]
    assert DECODE[coding](encodings.compress(content, coding)) == content


# Many bundles


@pytest.fixture
def sites(tmp_path: Path) -> Path:
    root = tmp_path / "sites"
    write_bundle(root / "minilm", "MiniLM <fp32> & co")
    write_bundle(root / "lite model", "EfficientNet")
    (root / "notes").mkdir()
    (root / ".minilm.building-1").mkdir()
    write_bundle(root / ".minilm.building-1" / "x")
    (root / "broken").mkdir()
    (root / "broken" / "manifest.json").write_text('{"format": "packager", "version": 1}')
    return root


def test_an_index_page_links_to_each_bundle(sites: Path) -> None:
    with serving(sites) as running:
        page = running.get("/")
        text = page.body.decode()
        assert page.status == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert re.findall(r'<h2><a href="([^"]*)"', text) == ["broken/", "lite%20model/", "minilm/"]
        assert "MiniLM &lt;fp32&gt; &amp; co" in text
        first_visit = f"{(len(PAGE) + 2 * len(SHARD) + len(SCRIPT)) / 1e6:.1f}"
        assert text.count(first_visit) == 2
        assert "The manifest is not valid" in text
        for href in ("lite%20model/", "minilm/"):
            assert running.get(f"/{href}").body == PAGE
        assert running.get("/broken/").status == 404
        assert running.get("/notes/").status == 404
        assert running.get("/.minilm.building-1/x/").status == 404
        assert running.errors == []


def test_the_index_page_keeps_to_the_policy_and_to_http(sites: Path) -> None:
    with serving(sites) as running:
        page = running.get("/")
        text = page.body.decode()
        assert "<script" not in text
        assert "<style" not in text
        assert not re.search(r"\sstyle=|\son\w+=|https?://(?!www\.w3\.org/2000/svg)", text)
        (style,) = re.findall(r'<link rel="stylesheet" href="([^"]+)">', text)
        sheet = running.get(f"/{style}")
        assert (sheet.status, sheet.headers["content-type"]) == (200, "text/css; charset=utf-8")
        assert b"url(" not in sheet.body
        for path in ("/", f"/{style}"):
            plain = running.get(path)
            assert running.get(path, {"If-None-Match": plain.headers["etag"]}).status == 304
            assert gzip.decompress(running.get(path, {"Accept-Encoding": "gzip"}).body) == plain.body
            assert running.get(path, {"Range": "bytes=1-4"}).body == plain.body[1:5]
            assert running.get(path, method="HEAD").headers["content-length"] == str(len(plain.body))


def test_above_bundles_an_old_service_worker_is_retired(sites: Path, bundle: Path) -> None:
    with serving(sites) as running:
        answer = running.get("/sw.js")
        assert (answer.headers["content-type"], answer.headers["cache-control"]) == (
            "text/javascript; charset=utf-8",
            REVALIDATE,
        )
        assert b"unregister" in answer.body
        (sites / "sw.js").write_text("my own")
        assert running.get("/sw.js").body == b"my own"


def test_a_bundle_that_lacks_a_file_gets_none_from_the_gallery(tmp_path: Path) -> None:
    write_bundle(tmp_path)
    write_bundle(tmp_path / "within")
    for path in ("sw.js", "index.html"):
        (tmp_path / path).unlink()
    with serving(tmp_path) as running:
        assert [running.get(path).status for path in ("/", "/index.html", "/sw.js", "/.packager/gallery.css")] == [404] * 4


def test_the_index_page_follows_the_folder(sites: Path) -> None:
    with serving(sites) as running:
        before = running.get("/")
        write_bundle(sites / "minilm", "A new name")
        write_bundle(sites / "third", "Third")
        after = running.get("/", {"If-None-Match": before.headers["etag"]})
        assert after.status == 200
        assert b"A new name" in after.body
        assert b"Third" in after.body
        (sites / "index.html").write_text("my own")
        assert running.get("/").body == b"my own"


def test_a_folder_without_its_slash_leads_there(sites: Path) -> None:
    with serving(sites) as running:
        for asked, location in (("/minilm", "minilm/"), ("/lite%20model?a=1&b=2", "lite%20model/?a=1&b=2")):
            answer = running.get(asked)
            assert (answer.status, answer.headers["location"]) == (301, location)
        assert running.get("/notes").status == 404
        assert running.get("//minilm").status == 404
        assert running.get("/minilm//").status == 404


def test_names_that_are_no_text(sites: Path) -> None:
    write_bundle(Path(os.fsdecode(os.fsencode(sites) + b"/\xff\xfe")), "Hidden by its name")
    shown = sites / "minilm" / "manifest.json"
    shown.write_bytes(shown.read_bytes().replace(b"MiniLM", b"\\ud800"))
    with serving(sites) as running:
        answer = running.get("/")
        assert answer.status == 200
        assert b"? &lt;fp32&gt;" in answer.body
        assert b"Hidden by its name" not in answer.body


def test_a_host_that_is_none_changes_nothing(sites: Path) -> None:
    with serving(sites) as running:
        answer = running.raw(b"GET /minilm?a HTTP/1.1\r\nHost: [::\r\nConnection: close\r\n\r\n")
        assert b"location: minilm/?a\r\n" in answer
        assert running.errors == []


def test_in_a_folder_of_bundles_files_are_cached_alike(sites: Path) -> None:
    with serving(sites) as running:
        assert running.get(f"/minilm/{SHARD_PATH}").headers["cache-control"] == IMMUTABLE
        assert running.get("/minilm/manifest.json").headers["cache-control"] == REVALIDATE


# Crowds and accidents


def test_many_visitors_at_once(tmp_path: Path) -> None:
    write_bundle(tmp_path)
    content = os.urandom(1 << 20)
    (tmp_path / "large.bin").write_bytes(content)
    request = b"GET /large.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with serving(tmp_path) as running:
        connections = [socket.create_connection((running.host, running.port), timeout=60) for _ in range(200)]
        for connection in connections:
            connection.sendall(request)

        def body(connection: socket.socket) -> bytes:
            with connection:
                return b"".join(iter(lambda: connection.recv(1 << 20), b"")).partition(b"\r\n\r\n")[2]

        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            assert all(received == content for received in pool.map(body, connections))
        assert running.errors == []


def test_slow_visitors_do_not_hold_up_others(tmp_path: Path) -> None:
    write_bundle(tmp_path)
    (tmp_path / "large.bin").write_bytes(bytes(64 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with serving(tmp_path) as running:
        slow = [socket.create_connection((running.host, running.port), timeout=60) for _ in range(60)]
        for connection in slow:
            connection.sendall(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        started = time.monotonic()
        assert running.get(f"/{SHARD_PATH}").body == SHARD
        assert time.monotonic() - started < 5
        for connection in slow:
            connection.close()
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB; 60 whole files would be 3.8 GB
        assert running.errors == []


def test_visitors_who_hang_up_leave_nothing_open(tmp_path: Path) -> None:
    write_bundle(tmp_path)
    (tmp_path / "large.bin").write_bytes(bytes(64 << 20))
    with serving(tmp_path) as running:
        for _ in range(20):
            connection = socket.create_connection((running.host, running.port), timeout=60)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close with a reset
            connection.sendall(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
            connection.recv(1000)
            connection.close()
        deadline = time.monotonic() + 10
        while open_handles(tmp_path / "large.bin") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert open_handles(tmp_path / "large.bin") == 0
        assert running.get("/").body == PAGE
        assert running.errors == []


def open_handles(path: Path) -> int:
    """How often this process has the file open."""
    count = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            count += entry.readlink() == path
        except FileNotFoundError:  # closed meanwhile
            continue
    return count


def test_a_file_replaced_while_it_is_sent_stays_whole(tmp_path: Path) -> None:
    path = write_bundle(tmp_path) / "large.bin"
    old, new = bytes(32 << 20), b"\1" * (32 << 20)
    path.write_bytes(old)
    with serving(tmp_path) as running, socket.create_connection((running.host, running.port), timeout=60) as connection:
        connection.sendall(b"GET /large.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = bytearray(connection.recv(1000))
        (tmp_path / "new").write_bytes(new)
        (tmp_path / "new").replace(path)
        while piece := connection.recv(1 << 20):
            received += piece
        assert bytes(received).partition(b"\r\n\r\n")[2] == old
        assert running.get("/large.bin").body == new


def test_a_file_cut_short_while_it_is_sent_cuts_the_connection(tmp_path: Path) -> None:
    path = write_bundle(tmp_path) / "large.bin"
    path.write_bytes(bytes(64 << 20))
    with serving(tmp_path) as running, socket.create_connection((running.host, running.port), timeout=60) as connection:
        connection.sendall(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        received = len(connection.recv(1000))
        os.truncate(path, 1 << 20)
        while piece := connection.recv(1 << 20):
            received += len(piece)
        assert received < 64 << 20
        assert running.get("/").body == PAGE
        assert running.errors == ["ASGI callable returned without completing response."]


def test_when_no_file_can_be_opened_visitors_are_asked_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bundle(tmp_path)

    def refuse(*_: object) -> None:
        raise OSError(24, "Too many open files")

    with serving(tmp_path) as running:
        monkeypatch.setattr("packager.serve.site.open_file", refuse)
        answer = running.get("/")
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert running.errors == []


# The command


def start(*arguments: str) -> tuple[subprocess.Popen[str], list[str]]:
    """Runs the command and returns it with the lines it printed once it listens."""
    code = (
        "import sys; from pathlib import Path; from packager.serve import serve;"
        "serve(Path(sys.argv[1]), host=sys.argv[2], port=eval(sys.argv[3]), isolate=eval(sys.argv[4]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip())
        if "Ctrl-C" in line:
            break
    return process, lines


def stop(process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> str:
    process.send_signal(number)
    _, stderr = process.communicate(timeout=20)
    return stderr


def test_it_prints_the_link_and_goes_quietly(bundle: Path) -> None:
    process, lines = start(str(bundle), "127.0.0.1", "0", "True")
    assert lines[0] == f"Serving {bundle} at"
    (link,) = [line.strip() for line in lines if line.startswith("  ")]
    port = int(re.fullmatch(r"http://127\.0\.0\.1:(\d+)/", link)[1])  # type: ignore[index]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        assert stop(process) == ""
    assert process.returncode == 0


def test_ctrl_c_is_quiet_in_the_middle_of_downloads(tmp_path: Path) -> None:
    (write_bundle(tmp_path) / "large.bin").write_bytes(bytes(64 << 20))
    process, lines = start(str(tmp_path), "127.0.0.1", "0", "False")
    assert any("service worker adds" in line for line in lines)
    port = int(lines[1].rsplit(":", 1)[1].strip("/"))
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
    for connection in connections:
        connection.sendall(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(100)
    assert stop(process) == ""
    assert process.returncode == 0
    for connection in connections:
        connection.close()


def test_for_the_network_it_says_what_plain_http_costs(bundle: Path, tmp_path: Path) -> None:
    process, lines = start(str(bundle), "0.0.0.0", "0", "True")
    stop(process, signal.SIGTERM)
    hosts = [line.strip() for line in lines if line.startswith("  ")]
    assert hosts[0].startswith("http://127.0.0.1:")
    assert ("plain http" in " ".join(lines)) == (len(hosts) > 1)


def test_links_of_each_kind_of_address() -> None:
    assert links("127.0.0.1", 80) == ["http://127.0.0.1:80/"]
    assert links("192.0.2.7", 80) == ["http://192.0.2.7:80/"]
    assert links("::1", 80) == ["http://[::1]:80/"]
    assert links("0.0.0.0", 80)[0] == "http://127.0.0.1:80/"
    assert is_loopback("http://[::1]:80/")
    assert not is_loopback("http://192.0.2.7:80/")


def test_a_busy_port_is_passed_over_unless_it_was_asked_for() -> None:
    with listen("127.0.0.1", None) as first:
        taken = first.getsockname()[1]
        with listen("127.0.0.1", None) as second:
            assert second.getsockname()[1] > taken
        with pytest.raises(InputError, match=f"Port {taken} is in use.*next free one"):
            listen("127.0.0.1", taken)


@pytest.mark.parametrize(
    ("host", "port", "said"),
    [
        ("127.0.0.1", 70_000, "70000 is not a port"),
        ("127.0.0.1", -1, "-1 is not a port"),
        ("192.0.2.7", 0, "'192.0.2.7' is not an address of this machine"),
        ("no such host", 0, "'no such host' is not an address"),
        ("a" * 300, 0, "is not an address"),
        ("..", 0, "'..' is not an address"),
    ],
)
def test_where_it_cannot_listen(host: str, port: int, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        listen(host, port)


def test_what_is_no_bundle_is_not_served(tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("hello")
    (tmp_path / "file").write_text("hello")
    for path, said in (
        (tmp_path / "missing", "There is no such folder"),
        (tmp_path / "file", "neither a bundle nor a folder of bundles"),
        (tmp_path / "page", "neither a bundle nor a folder of bundles"),
        (tmp_path, "neither a bundle nor a folder of bundles"),
    ):
        with pytest.raises(InputError, match=said) as raised:
            serve(path)
        assert raised.value.where == str(path)
        assert "packager build" in raised.value.remedy


def test_the_browser_is_opened_on_request(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    done = threading.Event()

    def open_page(link: str) -> None:
        opened.append(link)
        done.set()

    monkeypatch.setattr("webbrowser.open", open_page)
    monkeypatch.setattr("packager.serve.server._Server.main_loop", lambda self: wait_for(done))
    serve(bundle, port=0, open_browser=True)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", opened[0])


async def wait_for(done: threading.Event) -> None:
    import asyncio

    await asyncio.get_running_loop().run_in_executor(None, done.wait, 10)
