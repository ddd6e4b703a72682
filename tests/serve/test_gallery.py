"""Several bundles under one root, and the page that links to them."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

from packager.headers import IMMUTABLE, REVALIDATE
from tests.serving import PAGE, SCRIPT, SHARD, SHARD_PATH, serving, write_bundle


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
