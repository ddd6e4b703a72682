"""What travels compressed, and how often it is compressed for that."""

from __future__ import annotations

import concurrent.futures
import gzip
import os
import time
from typing import TYPE_CHECKING

import brotli
import pytest

from packager.serve import encodings
from packager.serve.conditions import preferred_coding
from tests.serving import ASSET_PATH, SAMPLE_PATH, SCRIPT, SHARD_PATH, Server, serving, write_bundle

if TYPE_CHECKING:
    from pathlib import Path

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
