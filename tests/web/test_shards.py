"""Bad answers for a shard: the load heals when the host does, says what is wrong when it does not, and keeps nothing bad."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from .server import Fault, Host, Kind
from .visitor import run, stored_shards

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from .bundles import Bundle
    from .visitor import Visitor

CODES: dict[Kind, str] = {
    "corrupt": "shard-corrupt",
    "truncate": "shard-corrupt",
    "html": "shard-corrupt",
    "missing": "shard-unreachable",
    "cut": "shard-unreachable",
    "unavailable": "shard-unreachable",
}


@pytest.fixture
def page(host: Host, visitor: Visitor) -> Page:
    """A page of somebody's own that holds nothing yet, without a service worker."""
    host.pages["/own.html"] = "<!doctype html><title>Own</title>"
    return visitor.open(f"{host.origin}/own.html")


@pytest.fixture
def shard(bundle: Bundle) -> str:
    """The SHA-256 of one shard of the weights."""
    return bundle.weight_shards()[1]["sha256"]


@pytest.mark.parametrize("kind", CODES)
def test_one_bad_answer_costs_one_more_request(host: Host, bundle: Bundle, page: Page, shard: str, kind: Kind) -> None:
    host.faults.append(Fault(f"/shards/{shard}*", kind, times=1))
    answer = run(page, bundle)
    assert answer.matches(bundle)
    assert any(shard in note for note in answer.info["notes"])
    assert len(host.requests(f"/shards/{shard}*")) == 2
    others = [path for path in host.requests("/shards/*") if shard not in path]
    assert sorted(others) == sorted(set(others))
    kept(page)
    assert shard in stored_shards(page)


@pytest.mark.parametrize("kind", CODES)
def test_a_shard_that_stays_bad_is_named_and_the_rest_is_kept(
    host: Host, bundle: Bundle, page: Page, shard: str, kind: Kind
) -> None:
    host.faults.append(Fault(f"/shards/{shard}*", kind))
    error = run(page, bundle).error
    assert error["name"] == "PackagerError"
    assert error["code"] == CODES[kind]
    assert shard in error["message"]
    assert shard not in stored_shards(page)

    host.faults.clear()
    host.log.clear()
    page.reload()
    assert run(page, bundle).matches(bundle)
    assert len(host.requests(f"/shards/{shard}*")) == 1
    kept(page)
    assert shard in stored_shards(page)


def test_a_damaged_copy_in_the_store_is_fetched_anew_and_only_that_one(
    host: Host, bundle: Bundle, page: Page, shard: str
) -> None:
    assert run(page, bundle).matches(bundle)
    kept(page)
    page.evaluate(
        """async (sha256) => {
          const store = await caches.open("packager-shards-1");
          const key = (await store.keys()).find(({ url }) => url.endsWith(sha256)).url;
          const bytes = new Uint8Array(await (await store.match(key)).arrayBuffer());
          bytes[100] ^= 1;
          await store.put(key, new Response(bytes));
        }""",
        shard,
    )
    host.log.clear()
    page.reload()
    assert run(page, bundle).matches(bundle)
    assert [path.split("/")[-1].split(".")[0] for path in host.requests("/shards/*")] in ([], [shard])
    kept(page)
    assert shard in stored_shards(page)


def test_another_file_of_the_right_sizes_is_not_taken(host: Host, bundle: Bundle, page: Page) -> None:
    shard = bundle.weight_shards()[1]
    path = f"/shards/{shard['sha256']}*"
    host.faults.append(Fault(path, "other", body=foreign(shard["decoded_bytes"], shard["encoded_bytes"])))
    error = run(page, bundle).error
    assert (error["code"], "SHA-256" in error["message"]) == ("shard-corrupt", True)
    assert shard["sha256"] not in stored_shards(page)


def foreign(decoded_bytes: int, encoded_bytes: int) -> bytes:
    """Sound gzip of zeros, of exactly these sizes: the file name that the format allows for makes up the length."""
    zeros = bytes(decoded_bytes)
    packed = gzip.compress(zeros)
    name = b"x" * (encoded_bytes - len(packed) - 1) + b"\0"
    return packed[:3] + b"\x08" + packed[4:10] + name + packed[10:]


def test_many_bad_answers_at_once_heal(host: Host, bundle: Bundle, page: Page) -> None:
    host.faults = [Fault("/shards/*", "cut", times=8), Fault("/shards/*", "corrupt", times=8)]
    assert run(page, bundle).matches(bundle)


@pytest.mark.parametrize(
    ("path", "kind", "code"),
    [
        ("/manifest.json", "html", "manifest-invalid"),
        ("/manifest.json", "truncate", "manifest-invalid"),
        ("/manifest.json", "missing", "manifest-unreachable"),
        ("/assets/ort-wasm-*.js", "corrupt", "file-corrupt"),
        ("/assets/ort-wasm-*.mjs", "html", "file-corrupt"),
        ("/assets/ort-wasm-*.js", "cut", "file-unreachable"),
        ("/assets/worker-*.js", "missing", "worker-failed"),
    ],
)
def test_other_files_that_stay_bad_are_named_and_heal(
    host: Host, bundle: Bundle, page: Page, path: str, kind: Kind, code: str
) -> None:
    host.faults.append(Fault(path, kind))
    error = run(page, bundle).error
    assert (error["name"], error["code"]) == ("PackagerError", code)
    assert path.split("-")[0].strip("/") in error["message"]
    host.faults.clear()
    page.reload()
    assert run(page, bundle).matches(bundle)


def kept(page: Page) -> None:
    """Waits until the model on the page is stored."""
    page.evaluate("model.dispose()")
