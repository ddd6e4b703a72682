"""Whatever path is asked for, and however it is spelt: nothing outside the root and nothing hidden is ever served."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from packager.serve.conditions import RangeNotSatisfiable, preferred_coding, wanted_range
from packager.serve.paths import MalformedPathError, find, split_path
from tests.serving import Server, serving, write_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = b"nobody outside may read this line 7f3a9c"
STATUSES = {200, 206, 301, 304, 400, 404, 405, 416}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of bundles with secrets above it, beside it, hidden in it, and behind links in it."""
    base = tmp_path_factory.mktemp("base")
    root = base / "sites"
    write_bundle(root / "demo")
    secrets = [
        base / "secret.txt",
        base / "sites-secret" / "secret.txt",
        root / ".git" / "secret.txt",
        root / ".env",
        root / "demo" / ".env",
        root / "demo" / ".well-known" / "secret.txt",
    ]
    for path in secrets:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(SECRET)
    (root / "link.txt").symlink_to(base / "secret.txt")
    (root / "demo" / "up").symlink_to(base)
    (root / "hidden-link").symlink_to(root / ".git")
    (root / "demo" / "loop").symlink_to(root / "demo" / "loop")
    (root / "demo" / "within.js").symlink_to(root / "demo" / "sw.js")
    os.mkfifo(root / "demo" / "pipe.txt")
    return root


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Server]:
    with serving(root) as running:
        yield running


# Names that lead somewhere, and what is put between and into them.
NAMES = [
    "..", ".", "", "demo", "index.html", "secret.txt", "sites", "sites-secret", ".git", ".env", "link.txt", "up", "loop",
    "hidden-link", "pipe.txt", "within.js", "shards", "assets", "etc", "passwd", "C:", "c:\\windows", "...", ".. ", "..;", "~",
    "nul", "secret.txt.", "secret.txt ", "secret.txt::$DATA", ".well-known", ".packager", "gallery.css",
]  # fmt: skip
SLASHES = ["/", "//", "\\", "%2f", "%2F", "%5c", "%252f", "%c0%af", "%e0%80%af", "%ef%bc%8f", "/./", "/../", ";/"]
SPELLINGS = [
    lambda name: name,
    lambda name: "".join(f"%{byte:02x}" for byte in name.encode()),
    lambda name: "".join(f"%25{byte:02X}" for byte in name.encode()),
    lambda name: name.replace(".", "%2e"),
    lambda name: name.replace(".", "%c0%ae"),
    lambda name: name.replace(".", "%u002e"),
    lambda name: name.replace(".", "．"),  # noqa: RUF001 - a full-width dot
    lambda name: name + "%00",
    lambda name: name + "%00.html",
    lambda name: name.upper(),
]  # fmt: skip


@st.composite
def crafted(draw: st.DrawFn) -> bytes:
    """A path made to get out: known names, spelt in odd ways, joined in odd ways."""
    parts = draw(st.lists(st.tuples(st.sampled_from(SLASHES), st.sampled_from(NAMES), st.sampled_from(SPELLINGS)), max_size=8))
    path = "".join(slash + spell(name) for slash, name, spell in parts)
    return (draw(st.sampled_from(["/", "", "//", "/demo/", "http://x/", "*"])) + path).encode()


ANY_PATH = st.one_of(
    crafted(),
    st.binary(max_size=200).map(lambda raw: b"/" + raw),
    st.binary(max_size=200).map(lambda raw: b"/" + quote_from_bytes(raw).encode()),
    st.text(max_size=100).map(lambda text: b"/demo/" + quote_from_bytes(text.encode("utf-8", "surrogatepass")).encode()),
)
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def request(server: Server, path: bytes, method: bytes = b"GET") -> tuple[int, bytes]:
    """Sends the path byte for byte; the status is 0 when no answer came."""
    answer = server.raw(method + b" " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    status = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return (int(status[1]) if status else 0), answer


@given(path=ANY_PATH)
@settings(UNHURRIED, max_examples=400)
def test_no_path_gets_out(server: Server, path: bytes) -> None:
    status, answer = request(server, path)
    assert SECRET not in answer
    # Bytes that end the request line make it something else than a request; then the server may close without a word.
    assert status in STATUSES or (status == 0 and re.search(rb"[\r\n]", path))
    assert server.errors == []


@given(
    path=crafted(), part=st.sampled_from([b"bytes=0-5", b"bytes=-5", b"bytes=0-"]), accept=st.sampled_from([b"br", b"*", b""])
)
@settings(UNHURRIED, max_examples=50)
def test_no_path_gets_out_with_other_headers(server: Server, path: bytes, part: bytes, accept: bytes) -> None:
    headers = b"Range: " + part + b"\r\nAccept-Encoding: " + accept
    answer = server.raw(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + b"\r\n\r\n")
    assert SECRET[:6] not in answer
    assert int(answer[9:12]) in STATUSES
    assert server.errors == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (b"/../secret.txt", 404),
        (b"/demo/../../secret.txt", 404),
        (b"/..%2fsecret.txt", 404),
        (b"/%2e%2e/secret.txt", 404),
        (b"/%2e%2e%2fsecret.txt", 404),
        (b"/..%5csecret.txt", 404),
        (b"/..\\secret.txt", 404),
        (b"/%252e%252e/secret.txt", 404),
        (b"/..%c0%afsecret.txt", 400),
        (b"/%c0%ae%c0%ae/secret.txt", 400),
        (b"/%ff", 400),
        (b"/%", 400),
        (b"/%zz", 400),
        (b"/demo/index.html%00", 400),
        (b"/demo/%00", 400),
        (b"//etc/passwd", 404),
        (b"/%2fetc%2fpasswd", 404),
        (b"/C:/secret.txt", 404),
        (b"/demo/index.html:stream", 404),
        (b"/demo/index.html.", 404),
        (b"/demo/index.html%20", 404),
        (b"/demo/index.html/", 404),
        (b"/sites-secret/secret.txt", 404),
        (b"/../sites-secret/secret.txt", 404),
        (b"/link.txt", 404),
        (b"/demo/up/secret.txt", 404),
        (b"/demo/up/sites/demo/index.html", 200),  # a way round that ends inside
        (b"/hidden-link/secret.txt", 404),
        (b"/demo/loop", 404),
        (b"/demo/pipe.txt", 404),
        (b"/.git/secret.txt", 404),
        (b"/.env", 404),
        (b"/demo/.env", 404),
        (b"/demo/.well-known/secret.txt", 404),
        (b"/demo/within.js", 200),
        (b"/%64%65%6d%6f/", 200),
        (b"/" + b"a" * 5000, 404),
        (b"/" + b"a/" * 5000, 404),
        (b"/" + b"a" * 60_000, 404),
        (b"demo/", 400),
        (b"http://x/demo/", 400),
        (b"*", 400),
    ],
)
def test_known_ways_out_are_shut(server: Server, path: bytes, status: int) -> None:
    given_status, answer = request(server, path)
    assert given_status == status
    assert SECRET not in answer


def test_what_is_meant_to_be_found_under_a_dot(tmp_path: Path) -> None:
    (write_bundle(tmp_path) / ".well-known").mkdir()
    (tmp_path / ".well-known" / "security.txt").write_text("hello")
    with serving(tmp_path) as running:
        assert running.get("/.well-known/security.txt").body == b"hello"


def test_a_root_that_is_itself_a_link_or_hidden_is_served(tmp_path: Path) -> None:
    write_bundle(tmp_path / ".cache" / "site")
    (tmp_path / "current").symlink_to(tmp_path / ".cache" / "site")
    with serving(tmp_path / "current") as running:
        assert running.get("/sw.js").status == 200


@given(raw=st.one_of(ANY_PATH, st.binary(max_size=300)))
@settings(UNHURRIED, max_examples=2000)
def test_a_path_that_is_found_lies_inside_and_is_visible(root: Path, raw: bytes) -> None:
    try:
        segments = split_path(raw)
    except MalformedPathError:
        return
    path = find(root, segments)
    if path is not None:
        inside = path.relative_to(root.resolve())
        assert path == path.resolve()
        assert not any(part.startswith(".") for part in inside.parts)


@given(segments=st.lists(st.text(min_size=1).filter(lambda text: "\0" not in text), min_size=1))
def test_a_path_comes_apart_as_it_was_put_together(segments: list[str]) -> None:
    segments = [segment.encode("utf-8", "ignore").decode() for segment in segments]
    raw = "".join("/" + quote_from_bytes(segment.encode(), safe="") for segment in segments)
    assert split_path(raw.encode()) == segments


# Headers of any kind


@given(
    value=st.one_of(st.text(max_size=50), st.from_regex(r"bytes=[0-9]{0,4}-[0-9]{0,4}", fullmatch=True)),
    size=st.integers(0, 3000),
)
def test_a_range_is_a_part_that_exists(value: str, size: int) -> None:
    headers = Headers(raw=[(b"range", value.encode("utf-8", "ignore"))])
    try:
        part = wanted_range(headers, size, '"tag"', None)
    except RangeNotSatisfiable:
        return
    if part is not None:
        assert 0 <= part.start < part.stop <= size
        assert part.step == 1


@given(
    accept=st.one_of(
        st.text(max_size=60), st.lists(st.sampled_from(["br", "gzip", "*", "identity", ";q=0", ";q=0.5", ","])).map("".join)
    )
)
def test_any_accept_encoding_has_an_answer(accept: str) -> None:
    assert preferred_coding(accept, ("br", "gzip")) in {"br", "gzip", None}


HEADER = st.binary(max_size=60).filter(lambda value: not re.search(rb"[\x00-\x1f\x7f]", value))


@given(
    tag=HEADER, since=HEADER, part=HEADER, same=HEADER, accept=HEADER,
    path=st.sampled_from([b"/", b"/demo/", b"/demo/sw.js", b"/demo/index.html", b"/demo"]),
    method=st.sampled_from([b"GET", b"HEAD"]),
)  # fmt: skip
@settings(UNHURRIED, max_examples=150)
def test_any_headers_have_an_answer(
    server: Server, tag: bytes, since: bytes, part: bytes, same: bytes, accept: bytes, path: bytes, method: bytes
) -> None:
    fields = {"If-None-Match": tag, "If-Modified-Since": since, "Range": part, "If-Range": same, "Accept-Encoding": accept}
    lines = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in fields.items())
    answer = server.raw(method + b" " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + lines + b"\r\n")
    assert int(answer[9:12]) in STATUSES
    assert server.errors == []
