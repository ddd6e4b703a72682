"""What a measurement starts from: options, bundles, samples, native onnxruntime, and what is missing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from packager.assembly import assembled
from packager.bench.bundle import opened
from packager.bench.extra import need
from packager.bench.inputs import from_page, inputs, to_page
from packager.bench.native import Native
from packager.bench.options import BenchOptions, parse_threads
from packager.cli import main
from packager.errors import BuildError, InputError, MissingToolError
from packager.manifest import read_manifest
from tests import models
from tests.bench_bundles import picture_bundle, tensor_bundle, text_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tensor_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.mark.parametrize("make", [tensor_bundle, picture_bundle, text_bundle])
def test_samples_of_every_task_become_what_the_model_takes(make: Callable[[Path], Path], tmp_path: Path) -> None:
    site = make(tmp_path)
    manifest = read_manifest(site)
    with opened(str(site), remote=False) as bundle:
        found = inputs(bundle)
    assert len(found) == len(manifest["samples"])
    assert all((each.given is None) == (manifest["task"]["kind"] == "tensor") for each in found)
    with assembled(site, manifest["variants"][0]) as graph:
        native = Native(graph, manifest["signature"], 1, given=False)
        for each in found:
            assert set(each.tensors) == {entry["name"] for entry in manifest["signature"]["inputs"]}
            assert set(native.infer(each.tensors)) == {entry["name"] for entry in manifest["signature"]["outputs"]}
        times = native.round([each.tensors for each in found], 3)
    assert len(times) == 3 * len(found)
    assert min(times) > 0


def test_tensors_cross_to_the_page_and_back_unchanged(tmp_path: Path) -> None:
    site = tensor_bundle(tmp_path)
    manifest = read_manifest(site)
    with opened(str(site), remote=False) as bundle:
        (first, *_) = inputs(bundle)
    sent = to_page(first, manifest["signature"])
    mirrored: Any = {"inputs": [], "outputs": manifest["signature"]["inputs"]}
    back = from_page({each["name"]: each for each in sent["tensors"]}, mirrored)
    for name, tensor in first.tensors.items():
        np.testing.assert_array_equal(back[name], tensor)


def test_a_bundle_without_samples_says_what_to_do(tmp_path: Path) -> None:
    site = tensor_bundle(tmp_path)
    with opened(str(site), remote=False) as bundle:
        bundle.manifest["samples"].clear()
        with pytest.raises(InputError, match="no samples to run. Build it with --sample FILE"):
            inputs(bundle)


def test_a_model_that_is_not_the_bundles_own_is_refused(tmp_path: Path) -> None:
    site = tensor_bundle(tmp_path)
    signature = read_manifest(site)["signature"]
    other = models.save(models.convolution(), tmp_path / "other.onnx")
    with pytest.raises(
        InputError, match="has the outputs scores; the bundle's are y. Give the model that the bundle was built"
    ):
        Native(other, signature, 1, given=True)
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(InputError, match="The model cannot be loaded"):
        Native(tmp_path / "text.onnx", signature, 1, given=True)
    with pytest.raises(BuildError, match="Give the original model with --model"):
        Native(tmp_path / "text.onnx", signature, 1, given=False)
    native = Native(tmp_path / "model.onnx", signature, 1, given=True)
    with pytest.raises(InputError, match="does not run on the samples"):
        native.infer({"x": np.zeros((1, 5), np.float32)})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "none: There is no such folder. Give the folder of a bundle, or a URL."),
        (["."], "This is not a bundle"),
        (["site", "--budget", "none.toml"], "none.toml: --budget names a file that does not exist."),
        (["site", "--baseline", "none.json"], "none.json: --baseline names a file that does not exist."),
        (["site", "--model", "none.onnx"], "none.onnx: --model names a file that does not exist."),
        (["site", "--executable", "none"], "none: --executable names a file that does not exist."),
        (["site", "--runs", "0"], "--runs: 0 is out of range. Give 1 to 10000."),
        (["site", "--visits", "0"], "--visits: 0 is out of range"),
        (["site", "--threads", "some"], "--threads: 'some' is not a number of threads. Write it like 1,all."),
        (["site", "--threads", "1,1"], "--threads: Each number of threads is to be given once"),
        (["site", "--cpu-throttle", "0.5"], "--cpu-throttle: The throttle must be 1 to 100"),
        (["site", "--timeout", "0"], "--timeout: The limit must be more than 0"),
        (["site", "--only", "first,speed"], "--only: 'speed' is nothing to measure. Choose from: first, return"),
        (["site", "--browser", "firefox", "--network", "3g"], "--network: Only Chromium can be slowed"),
        (["site", "--browser", "webkit", "--cpu-throttle", "2"], "--cpu-throttle: Only Chromium can be slowed"),
        (["site", "--connect", "http://there"], "--connect: 'http://there' is not the address of a Playwright server"),
        (["http://there/", "--update-from", "site"], "--update-from: An update is measured between two folders"),
        (["site", "--variants", "wasm-fp9"], "There is no variant 'wasm-fp9'. It has: ort-wasm-fp32."),
        (["site", "--update-from", "site"], "This is the same bundle as the new one"),
        (["site", "--budget", "labels.txt"], "The budget cannot be read"),
        (["site", "--baseline", "labels.txt"], "The report cannot be read"),
    ],
)
def test_bad_options_are_one_sentence_before_any_browser_starts(
    site: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    shutil.copytree(site, tmp_path / "site")
    (tmp_path / "labels.txt").write_text("= no TOML, no JSON")
    monkeypatch.chdir(tmp_path)
    assert main(["bench", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_a_report_that_cannot_be_written_is_found_before_measuring(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tensor_bundle(tmp_path)
    assert main(["bench", str(site), "--json", str(tmp_path / "none" / "r.json")]) == 1
    assert "The report's folder does not exist." in capsys.readouterr().err


def test_threads_are_numbers_and_all() -> None:
    assert parse_threads("1, 2,ALL") == (1, 2, "all")
    with pytest.raises(InputError):
        parse_threads("0")


def test_a_url_is_told_from_a_folder() -> None:
    assert BenchOptions("https://example.org/model/").remote
    assert not BenchOptions("C:/site").remote
    assert not BenchOptions("sites/minilm").remote


def test_what_is_not_installed_is_named_with_its_extra() -> None:
    need("json")
    with pytest.raises(MissingToolError, match=r"no_such_package is not installed.*pip install 'packager\[bench\]'"):
        need("no_such_package")


def test_the_command_line_starts_without_what_only_measuring_needs() -> None:
    script = """
import sys
for name in ("psutil", "matplotlib", "playwright"):
    sys.modules[name] = None  # as if it were not installed
from packager.cli import main
sys.exit(main(["bench", "--help"]) or main(["inspect", "none"]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "usage: packager bench" in done.stdout
    assert "Traceback" not in done.stderr
