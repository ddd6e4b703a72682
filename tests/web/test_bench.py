"""`packager bench` in a real browser: its figures against what is known from outside, and every way in which it can fail."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from packager import manifest as manifests
from packager.bench import pipeline, prepare
from packager.bench.baseline import judge_baseline
from packager.bench.budget import Limit, judge_budget
from packager.bench.conditions import PRESETS
from packager.bench.options import BenchOptions
from packager.bench.phases import PHASES
from packager.bench.report import encode, exit_code, read_report
from packager.bench.steady import ROUNDS
from packager.browser import chromium_flags, chromium_path
from packager.cli import main
from packager.content import read_shard, shard_path
from packager.errors import BuildError, InputError, MissingToolError
from packager.progress import Silent
from tests.bench_bundles import picture_bundle, text_bundle

from .bundles import build_bundle
from .counting import counting
from .server import ISOLATION, Fault, Host

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from .bundles import Bundle

    Report = dict[str, Any]


def measured(site: Path | str, *only: str, progress: Any = None, **options: Any) -> Report:
    """A measurement as small as can be. In a thread of its own, since Playwright's loop may hold this one."""
    small = {"visits": 1, "runs": 1, "threads": (1,), **({"only": only} if only else {}), **options}
    with ThreadPoolExecutor(1) as thread:
        report: Report = thread.submit(pipeline.bench, BenchOptions(str(site), **small), progress or Silent()).result()
    encode(report)  # whatever comes of it fits the schema
    return report


def verdicts(found: list[dict[str, Any]], verdict: str) -> list[str]:
    return [each["figure"] for each in found if each["verdict"] == verdict]


@pytest.fixture(scope="module")
def whole(bundle: Bundle, newer: Bundle) -> Report:
    """Everything that can be measured, once."""
    return measured(newer.site, update_from=bundle.site)


@pytest.mark.parametrize("make", [picture_bundle, text_bundle])
def test_every_task_gives_its_first_result_by_itself(make: Callable[[Path], Path], tmp_path: Path) -> None:
    """Tensors are what all other tests here have. What is compared with native is `infer`; the whole task is timed apart."""
    report = measured(make(tmp_path), "first", "steady")
    (setting,) = report["settings"]
    assert exit_code(report) == 0
    assert len(setting["steady"]["task"]) == ROUNDS
    assert setting["figures"]["task.median"]["value"] > 0
    assert setting["visits"]["first"][0]["inference_ms"] <= setting["visits"]["first"][0]["result_ms"]


@pytest.fixture(scope="module")
def plain(bundle: Bundle) -> Report:
    """First visits and the steady state of `bundle`, to compare with."""
    return measured(bundle.site, "first", "steady", visits=2)


def test_every_part_is_measured_and_agrees(whole: Report, newer: Bundle) -> None:
    assert exit_code(whole) == 0
    assert whole["failure"] is None
    assert whole["bundle"]["id"] == newer.manifest["id"]
    (setting,) = whole["settings"]
    assert setting["threads"] == 1
    assert setting["isolated"]
    assert setting["error"] is None
    assert {name: len(visits) for name, visits in setting["visits"].items()} == {
        "first": 1, "return": 1, "offline": 1, "update": 1,
    }  # fmt: skip
    assert len(setting["steady"]["infer"]) == len(setting["steady"]["native"]) == ROUNDS
    assert setting["parity"]["error"] is None
    assert setting["parity"]["answers"] >= setting["parity"]["inputs"] == 2
    assert setting["memory"][0]["rss_bytes"] > setting["memory"][0]["page_bytes"] > 10**6
    assert verdicts(whole["verdicts"], "passed") == ["parity.relative"]


def test_phases_of_a_visit_add_up_to_its_total(whole: Report) -> None:
    made = [visit for visits in whole["settings"][0]["visits"].values() for visit in visits]
    for visit in made:
        assert tuple(visit["phases"]) == PHASES
        assert sum(visit["phases"].values()) == pytest.approx(visit["result_ms"], rel=1e-6)
        assert visit["inference_ms"] <= visit["result_ms"]
    # What has no name is small. Any one visit may be disturbed.
    assert statistics.median(visit["phases"]["page"] / visit["result_ms"] for visit in made) <= 0.05


def test_a_first_visit_has_the_phases_of_a_download_and_a_return_those_of_a_cache(whole: Report) -> None:
    visits = whole["settings"][0]["visits"]
    spans = {name: {span[0] for span in visits[name][0]["spans"]} for name in ("first", "return")}
    assert {"shell", "engine download", "engine start", "shards download", "verify", "load", "first run"} <= spans["first"]
    assert "cache read" in spans["return"]
    assert "shards download" not in spans["return"]


def test_an_update_costs_what_changed_and_being_offline_nothing(whole: Report) -> None:
    visits = whole["settings"][0]["visits"]
    first, update = visits["first"][0]["traffic"], visits["update"][0]["traffic"]
    assert update["kinds"]["engine"] == 0
    assert 0 < update["kinds"]["weights"] < first["kinds"]["weights"] / 4
    assert visits["offline"][0]["traffic"]["bytes"] == 0
    assert visits["return"][0]["traffic"]["bytes"] < first["bytes"] / 100


def test_bytes_are_those_that_the_server_sent(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    with counting(bundle.site) as host:

        @asynccontextmanager
        async def served(folder: Path) -> AsyncIterator[tuple[str, int]]:
            yield host.address

        monkeypatch.setattr(prepare, "served", served)
        traffic = measured(bundle.site, "first")["settings"][0]["visits"]["first"][0]["traffic"]
        told = list(host.answers)
        # The browser may look for a newer service worker between the end of the visit and its own.
        while told[-1].is_check and sum(answer.sent for answer in told) > traffic["bytes"]:
            told.pop()
        assert traffic["source"] == "server"
        assert (traffic["bytes"], traffic["requests"]) == (sum(answer.sent for answer in told), len(told))
        assert sum(traffic["kinds"].values()) == traffic["bytes"]
    # The browser's own count agrees, but for what it never tells of.
    assert traffic["devtools_bytes"] == sum(answer.sent for answer in told if not answer.is_check)


def test_bytes_of_a_url_are_those_too(bundle: Bundle) -> None:
    with counting(bundle.site) as host:
        report = measured(host.url, "first", progress=Marks(lambda title: host.answers.clear()))
        told = [answer for answer in host.answers if not answer.is_check]
    traffic = report["settings"][0]["visits"]["first"][0]["traffic"]
    assert traffic["source"] == "devtools"
    assert (traffic["bytes"], traffic["requests"]) == (sum(answer.sent for answer in told), len(told))
    assert sum(traffic["kinds"].values()) == traffic["bytes"]


def test_a_reload_for_threads_is_a_phase_of_the_visit(host: Host, bundle: Bundle) -> None:
    """A host without headers: the service worker brings them, at the price of a second document."""
    (setting,) = measured(host.origin, "first", "return", threads=("all",))["settings"]
    (first,), (again,) = setting["visits"]["first"], setting["visits"]["return"]
    assert (first["documents"], again["documents"]) == (2, 1)
    assert again["isolated"]
    # Files that the first document was still fetching are there, whole and once.
    shards = sum(shard["encoded_bytes"] for shard in bundle.weight_shards())
    assert shards < first["traffic"]["kinds"]["weights"] < 1.1 * shards + 10_000
    assert sum(first["phases"].values()) == pytest.approx(first["result_ms"], rel=1e-6)
    assert first["isolated"] == (first["phases"]["reload"] > 0)


def test_a_slow_network_takes_the_time_that_its_figures_say(bundle: Bundle) -> None:
    report = measured(bundle.site, "first", network="4g", cpu_throttle=2)
    (visit,) = report["settings"][0]["visits"]["first"]
    moved = visit["traffic"]["kinds"]["engine"] + visit["traffic"]["kinds"]["weights"]
    downloads = [span for span in visit["spans"] if span[0] in ("engine download", "shards download")]
    took = max(span[3] for span in downloads) - min(span[2] for span in downloads)
    network = PRESETS["4g"]
    assert took / 1000 >= 0.95 * moved / network.down
    assert visit["phases"]["shell"] >= network.latency
    assert report["conditions"]["network"] == network.as_json()
    said = " ".join(report["notes"])
    assert "DevTools does not slow workers" in said
    assert "The service worker has 4g to itself" in said


def test_a_delay_is_caught_by_budget_and_baseline(bundle: Bundle) -> None:
    with Host({"/": bundle.site}, headers={**ISOLATION}) as host:
        before = measured(host.origin, "first", visits=3)
        old = before["settings"][0]["figures"]["first.result"]
        # So long that it stands out of the noise of three visits, whatever else this machine is doing.
        delay = 2.0 + 3 * (old["high"] - old["value"]) / 1000
        limits = [Limit("first.result", old["value"] + 1000)]
        for longer in (1, 2, 4):
            host.faults = [Fault("/assets/worker-*", "slow", seconds=delay * longer)]
            after = measured(host.origin, "first", visits=3)
            judged = [*judge_budget(limits, after["settings"]), *judge_baseline(before, after)]
            # The visits with the delay have noise of their own, of which a verdict may say that it leaves no other.
            if "first.result" not in verdicts(judged, "undecided"):
                break
    assert verdicts(judge_budget(limits, before["settings"]), "violated") == []
    assert verdicts(judge_budget(limits, after["settings"]), "violated") == ["first.result"]
    assert "first.result" in verdicts(judge_baseline(before, after), "violated")
    assert "first.bytes" in verdicts(judge_baseline(before, after), "passed")


def test_an_uncompressed_shard_is_caught_by_budget_and_baseline(
    bundle: Bundle, plain: Report, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = uncompressed(bundle.site, tmp_path / "site")
    old = plain["settings"][0]["figures"]["first.bytes"]["high"]
    (tmp_path / "budget.toml").write_text(f"first.bytes = {round(old * 1.01)}\nparity.relative = 1e-3\n")
    (tmp_path / "old.json").write_text(encode(plain))
    files = {name: tmp_path / f"report.{name}" for name in ("json", "html", "junit", "markdown")}
    arguments = ["bench", str(site), "--only", "first,steady", "--visits", "1", "--runs", "1", "--threads", "1"]
    arguments += ["--budget", str(tmp_path / "budget.toml"), "--baseline", str(tmp_path / "old.json")]
    with ThreadPoolExecutor(1) as thread:
        code = thread.submit(main, [*arguments, *(f"--{name}={file}" for name, file in files.items())]).result()
    assert code == 1
    report = read_report(files["json"])
    wrong = [each for each in report["verdicts"] if each["verdict"] == "violated"]
    assert {(each["source"], each["figure"]) for each in wrong} >= {("budget", "first.bytes"), ("baseline", "first.bytes")}
    assert "parity.relative" in verdicts([each for each in report["verdicts"] if each["source"] == "budget"], "passed")
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("✗")]
    assert len(lines) >= len(wrong)
    assert all(file.stat().st_size > 500 for file in files.values())


def uncompressed(site: Path, copy: Path) -> Path:
    """The bundle with one of the engine's shards stored as it is."""
    shutil.copytree(site, copy)
    text = (copy / "manifest.json").read_bytes()
    manifest = json.loads(text)
    shard = next(shard for shard in manifest["engines"]["ort-wasm"]["module"] if shard["encoding"] == "gzip")
    content = read_shard(copy, shard)
    shard.update(encoding="none", filter="none", encoded_bytes=len(content))
    (copy / shard_path(shard)).write_bytes(content)
    return resealed(copy, manifest, text)


def resealed(site: Path, manifest: dict[str, Any], before: bytes) -> Path:
    """The bundle with a changed manifest, its id and the hashes in the service worker made right."""
    old = json.loads(before)["id"]
    sealed = manifests.seal({key: value for key, value in manifest.items() if key != "id"})
    text = manifests.encode(sealed)
    worker = (site / "sw.js").read_text()
    worker = worker.replace(old, sealed["id"]).replace(hashlib.sha256(before).hexdigest(), hashlib.sha256(text).hexdigest())
    (site / "sw.js").write_text(worker)
    (site / "manifest.json").write_bytes(text)
    return site


def test_a_wrong_answer_is_an_error_and_caught_by_budget_and_baseline(
    bundle: Bundle, plain: Report, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A bundle of other weights than the model that it is said to be of: as fast, and wrong."""
    wrong = build_bundle(tmp_path_factory.mktemp("wrong"), name="Wrong", seed=8)
    report = measured(wrong.site, "steady", model=bundle.model)
    (setting,) = report["settings"]
    assert "differs from onnxruntime" in setting["parity"]["error"]
    assert exit_code(report) == 1
    assert verdicts(report["verdicts"], "violated") == ["parity.relative"]
    limits = [Limit("parity.relative", 1e-3), Limit("parity.cosine", 0.999)]
    assert verdicts(judge_budget(limits, report["settings"]), "violated") == ["parity.relative", "parity.cosine"]
    # How fast it was beside the other is up to the machine, too.
    worse = [figure for figure in verdicts(judge_baseline(plain, report), "violated") if figure.startswith("parity.")]
    assert worse == ["parity.relative", "parity.cosine"]


def test_a_page_that_never_answers_is_given_up_in_time(bundle: Bundle) -> None:
    with Host({"/": bundle.site}, pages={"/": "<!doctype html><p>Not the page.", "/?": ""}) as host:
        began = time.monotonic()
        with pytest.raises(BuildError, match="showed no result within 2 seconds"):
            measured(host.origin, "first", timeout=2.0)
        assert time.monotonic() - began < 60


def test_what_the_page_says_of_its_failure_is_passed_on(bundle: Bundle) -> None:
    with Host({"/": bundle.site}, faults=[Fault("/assets/worker-*", "missing")]) as host:
        report = measured(host.origin, "first")
    assert exit_code(report) == 1
    assert report["settings"][0]["error"].startswith("The page says: ")
    assert "/assets/worker-" in report["settings"][0]["error"]


class Marks(Silent):
    """Tells when each bar begins, and each amount that is done."""

    def __init__(self, begin: Callable[[str], Any], done: Callable[[str], Any] = lambda title: None) -> None:
        self._begin, self._done = begin, done

    @contextmanager
    def bar(self, title: str, total: int) -> Iterator[Callable[[int], None]]:  # type: ignore[override]
        self._begin(title)
        yield lambda amount: self._done(title)


def browsers() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [child for child in children if any("packager-visitor-" in argument for argument in child.cmdline())]


def test_a_browser_that_dies_leaves_what_was_measured(bundle: Bundle) -> None:
    rounds = []

    def die(title: str) -> None:
        if title.startswith("Running"):
            rounds.append(title)
            if len(rounds) == 3:
                browsers()[0].kill()

    report = measured(bundle.site, "first", "steady", progress=Marks(lambda title: None, die))
    assert exit_code(report) == 1
    assert "The browser died" in report["failure"]
    (setting,) = report["settings"]
    assert len(setting["visits"]["first"]) == 1
    assert 3 <= len(setting["steady"]["infer"]) < ROUNDS
    assert setting["parity"]["error"] is None
    assert setting["figures"]["steady.ratio"]["value"] > 0
    assert browsers() == []


def test_ctrl_c_leaves_what_was_measured(bundle: Bundle, tmp_path: Path) -> None:
    arguments = ["bench", str(bundle.site), "--only", "first,steady", "--visits", "1", "--threads", "1"]
    arguments += ["--json", str(tmp_path / "r.json")]
    command = [sys.executable, "-c", "import sys; from packager.cli import main; sys.exit(main(sys.argv[1:]))", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True)
    assert process.stderr is not None
    with process:
        for line in process.stderr:
            if "Visiting" in line:
                break
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
        process.stderr.read()
        assert process.wait(60) == 1
    report = read_report(tmp_path / "r.json")
    assert report["failure"] == "It was stopped before its end."
    assert len(report["settings"][0]["visits"]["first"]) == 1


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ({}, "The server answered 404"),
        ({"/manifest.json": "<p>hello"}, "not JSON"),
        ({"/manifest.json": '{"a": 1}'}, "another program's"),
    ],
)
def test_a_url_that_is_no_bundle_is_refused(pages: dict[str, str], message: str) -> None:
    with Host(pages=pages) as host, pytest.raises(InputError, match=message):
        measured(f"{host.origin}/", "first")


def test_a_server_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="There is no bundle at this URL: The server does not answer"):
        measured("http://127.0.0.1:9/", "first")


def test_a_missing_browser_is_named(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    for browser in ("firefox", "webkit"):
        with pytest.raises(MissingToolError, match=f"{browser.capitalize()} did not start.*playwright install {browser}"):
            measured(bundle.site, "first", browser=browser)
    broken = tmp_path / "browser"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(MissingToolError, match="Chromium did not start"):
        measured(bundle.site, "first", executable=broken)


def test_a_browser_elsewhere_reaches_our_server_through_the_connection(bundle: Bundle, tmp_path: Path) -> None:
    config = {"headless": True, "executablePath": str(chromium_path() or ""), "args": chromium_flags()}
    (tmp_path / "config.json").write_text(json.dumps({name: value for name, value in config.items() if value}))
    command = [sys.executable, "-m", "playwright", "launch-server", "--browser", "chromium", "--config", "config.json"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True)
    with process:
        try:
            assert process.stdout is not None
            endpoint = process.stdout.readline().strip()
            report = measured(bundle.site, "first", "return", "steady", connect=endpoint)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
    (setting,) = report["settings"]
    assert report["browser"]["remote"]
    assert exit_code(report) == 0
    assert setting["visits"]["first"][0]["traffic"]["bytes"] > 1_000_000
    assert setting["visits"]["return"][0]["traffic"]["bytes"] < 10_000
    assert setting["steady"]["cpu_seconds"] == []
    assert any("cannot be seen of a browser elsewhere" in note for note in setting["notes"])


def test_a_connection_that_is_not_there_is_one_sentence(bundle: Bundle) -> None:
    with pytest.raises(BuildError, match="There is no connection"):
        measured(bundle.site, "first", connect="ws://127.0.0.1:9/")
