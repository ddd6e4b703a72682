"""What hosts are told: headers that hold for every path, each header from one rule only, and limits that name the file."""

from __future__ import annotations

import json
import re

import pytest

from packager.errors import InputError
from packager.headers import CONTENT_SECURITY_POLICY, IMMUTABLE, REVALIDATE, SECURITY_HEADERS, cache_control
from packager.hosts import HOSTS, LIMITS, check_limits, host_files

SHARD = f"shards/{'0a' * 32}.shuffle4.gzip.bin"
BUNDLE = {
    "": REVALIDATE,
    "index.html": REVALIDATE,
    "manifest.json": REVALIDATE,
    "sw.js": REVALIDATE,
    "packager.js": REVALIDATE,
    "packager.d.ts": REVALIDATE,
    "assets/worker-0123456789ab.js": IMMUTABLE,
    "samples/cat-0123456789ab.jpg": IMMUTABLE,
    SHARD: IMMUTABLE,
}


def parse_headers_file(text: str) -> list[tuple[str, list[tuple[str, str]]]]:
    rules: list[tuple[str, list[tuple[str, str]]]] = []
    for line in text.splitlines():
        if line.startswith("/"):
            rules.append((line, []))
        else:
            name, _, value = line.strip().partition(": ")
            rules[-1][1].append((name, value))
    return rules


def headers_of(path: str, host: str) -> list[tuple[str, str]]:
    """All headers that the host's rules give a path, in order, with repeats."""
    files = host_files(host)
    if "_headers" in files:
        rules = parse_headers_file(files["_headers"].decode())
        return [
            header
            for pattern, headers in rules
            if path == pattern or (pattern.endswith("*") and path.startswith(pattern[:-1]))
            for header in headers
        ]
    listed = json.loads(files["vercel.json"])["headers"]
    return [
        (header["key"], header["value"]) for rule in listed if re.fullmatch(rule["source"], path) for header in rule["headers"]
    ]


@pytest.mark.parametrize("host", ["cloudflare-pages", "netlify", "vercel"])
@pytest.mark.parametrize("path", BUNDLE)
def test_every_path_gets_each_header_once(host: str, path: str) -> None:
    headers = headers_of(f"/{path}", host)
    assert len({name for name, _ in headers}) == len(headers)
    given = dict(headers)
    assert given["Cache-Control"] == BUNDLE[path]
    assert given["Cross-Origin-Opener-Policy"] == "same-origin"
    assert given["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert given["Cross-Origin-Resource-Policy"] == "same-origin"
    assert SECURITY_HEADERS.items() <= given.items()


@pytest.mark.parametrize("path", BUNDLE)
def test_serve_and_hosts_agree_on_caching(path: str) -> None:
    assert cache_control(path) == BUNDLE[path]


@pytest.mark.parametrize(
    "path",
    [
        "assets/worker.js",
        "assets/worker-0123456789.js",
        "assets/worker-0123456789AB.js",
        "shards/cat-0123456789ab.jpg",
        "shards/0123.bin",
        f"shards/{'0a' * 32}.gzip.html",
        "other/worker-0123456789ab.js",
        "assets/deeper/worker-0123456789ab.js",
    ],
)
def test_only_a_hash_in_its_place_makes_a_file_immutable(path: str) -> None:
    assert cache_control(path) == REVALIDATE


def test_bundles_in_folders_are_cached_alike() -> None:
    assert cache_control("minilm/manifest.json") == REVALIDATE
    assert cache_control(f"minilm/{SHARD}") == IMMUTABLE


def test_headers_file_keeps_to_what_both_its_readers_take() -> None:
    rules = parse_headers_file(host_files("netlify")["_headers"].decode())
    assert len(rules) <= 100
    for pattern, headers in rules:
        assert "*" not in pattern[:-1]
        assert all(len(f"  {name}: {value}") <= 2000 for name, value in headers)


def test_the_policy_allows_what_the_engines_need_and_no_more() -> None:
    assert "script-src 'self' 'wasm-unsafe-eval';" in CONTENT_SECURITY_POLICY
    assert "connect-src 'self';" in CONTENT_SECURITY_POLICY
    assert "require-trusted-types-for 'script'; trusted-types packager default" in CONTENT_SECURITY_POLICY
    assert "unsafe-inline" not in CONTENT_SECURITY_POLICY
    assert "Content-Security-Policy: " + CONTENT_SECURITY_POLICY in host_files("netlify")["_headers"].decode()


def test_github_pages_gets_no_jekyll() -> None:
    assert host_files("github-pages") == {".nojekyll": b""}


def test_a_space_is_static_and_isolated() -> None:
    readme = host_files("hf-space")["README.md"].decode()
    front = readme.split("---\n")[1]
    assert "sdk: static\n" in front
    assert "app_file: index.html\n" in front
    given = dict(line.strip().split(": ", 1) for line in front.partition("custom_headers:\n")[2].splitlines())
    assert given == {
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-embedder-policy": "require-corp",
        "cross-origin-resource-policy": "cross-origin",
    }


def test_generic_is_what_harms_nowhere() -> None:
    assert set(host_files("generic")) == {"_headers", "vercel.json", ".nojekyll"}


def test_every_host_has_files_and_limits() -> None:
    assert set(LIMITS) == set(HOSTS)
    assert all(host_files(host) for host in HOSTS)


def test_unknown_host() -> None:
    with pytest.raises(InputError, match=r"'s3' is not a known host.*Choose from: generic"):
        host_files("s3")
    with pytest.raises(InputError):
        check_limits("s3", [])


@pytest.mark.parametrize(
    ("host", "files", "said"),
    [
        ("cloudflare-pages", [("a.bin", 25 * 2**20 + 1)], ["a.bin has 26,214,401 bytes", "26,214,400 a file"]),
        ("cloudflare-pages", [(f"shards/{n}", 1) for n in range(20_001)], ["20,001 files", "at most 20,000"]),
        ("github-pages", [("model.bin", 100 * 2**20 + 1)], ["model.bin", "104,857,600 a file"]),
        ("github-pages", [(f"{n}.bin", 10**8) for n in range(11)], ["1,100,000,000 bytes", "a site"]),
        ("netlify", [(f"shards/{n}", 1) for n in range(54_001)], ["shards/ has 54,001 files", "a folder"]),
        ("hf-space", [(f"shards/{n}", 1) for n in range(10_001)], ["shards/ has 10,001 files"]),
    ],
)
def test_a_broken_limit_is_one_sentence(host: str, files: list[tuple[str, int]], said: list[str]) -> None:
    (sentence,) = check_limits(host, files)
    assert host in sentence
    assert all(part in sentence for part in said)


@pytest.mark.parametrize(
    ("host", "files"),
    [
        ("generic", [("a.bin", 10**10)]),
        ("vercel", [("a.bin", 10**10)]),
        ("cloudflare-pages", [("a.bin", 25 * 2**20)]),
        ("github-pages", [("a.bin", 100 * 2**20)]),
        ("netlify", [(f"shards/{n}", 1) for n in range(54_000)]),
    ],
)
def test_at_the_limit_is_allowed(host: str, files: list[tuple[str, int]]) -> None:
    assert check_limits(host, files) == []
