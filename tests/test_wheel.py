"""A wheel holds all that it needs: built from a checkout with npm, used where there is no Node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest

from tests.models import dense, save

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
# What a fresh clone does not have.
_MADE = shutil.ignore_patterns(
    ".git", ".venv*", ".cache", ".hypothesis", "node_modules", "sites", "dist", "web", "__pycache__", ".*_cache"
)


def copy_checkout(folder: Path) -> Path:
    """A checkout in which nothing was built yet, at a path that invites mistakes."""
    return Path(shutil.copytree(ROOT, folder / "a check-out (1)", ignore=_MADE))


def pip_wheel(checkout: Path, out: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(out), str(checkout)]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    done = pip_wheel(copy_checkout(folder), folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("packager-*.whl"))


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`packager` of the wheel in an environment of its own, where `node` and `npm` leave a trace and fail."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", f"{wheel}[browser]"], check=True)
    trace = folder / "trace"
    for name in ("node", "npm", "npx"):
        program = python.with_name(name)
        program.write_text(f'#!/bin/sh\necho "$0 $*" >> "{trace}"\nexit 1\n')
        program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{python.parent}{os.pathsep}{os.environ['PATH']}")
        patch.delenv("PYTHONPATH", raising=False)
        yield python.with_name("packager")
    assert not trace.exists(), trace.read_text()


def test_wheel_holds_the_assets_and_nothing_of_the_workshop(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assets = json.loads(archive.read("packager/web/assets.json"))
    engines = assets["engines"]
    modules = [build["path"] for build in engines["wasm"]["modules"]]
    listed = [*assets["files"].values(), *(engines["ort-wasm"][part] for part in ("script", "glue", "module")), *modules]
    listed.append(engines["wasm"]["script"])
    assert {f"packager/web/{path}" for path in listed} <= names
    assert "packager/schema/manifest.schema.json" in names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"packager"}


def test_wheel_builds_and_serves_without_node(command: Path, browser: Browser, tmp_path: Path) -> None:
    model = save(dense(), tmp_path / "model.onnx")
    site = tmp_path / "site"
    subprocess.run([command, "build", model, "-o", site, "--browser", "required"], cwd=tmp_path, check=True)
    assert json.loads((site / "manifest.json").read_bytes())["variants"][0]["parity"]["proof"] == "browser"
    features = np.linspace(-1, 1, 8, dtype=np.float32)
    with subprocess.Popen([command, "serve", site, "--port", "0"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            link = next(line.strip() for line in server.stdout if line.strip().startswith("http://"))
            with browser.new_context() as context:
                page = context.new_page()
                page.goto(link)
                page.locator("html[data-state=ready]").wait_for(state="attached")
                answer = page.evaluate(
                    """async (x) => {
                      const inputs = { x: { data: Float32Array.from(x), dims: [1, x.length] } };
                      return Array.from((await globalThis.packager.model.infer(inputs)).y.data);
                    }""",
                    features.tolist(),
                )
        finally:
            server.terminate()
    (reference,) = onnxruntime.InferenceSession(model).run(None, {"x": features[None]})
    assert answer == pytest.approx(reference[0].tolist(), abs=1e-5)


def test_install_without_npm_says_so(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    done = pip_wheel(copy_checkout(tmp_path), tmp_path, PATH=str(tmp_path / "bin"))
    assert done.returncode != 0
    assert "npm is not on the PATH. Install Node 20 or newer" in done.stdout + done.stderr
    assert not list(tmp_path.glob("*.whl"))


def test_install_with_an_old_node_says_so(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("node", "npm"):
        program = tmp_path / "bin" / name
        program.write_text("#!/bin/sh\necho v18.20.4\n")
        program.chmod(0o755)
    done = pip_wheel(copy_checkout(tmp_path), tmp_path, PATH=str(tmp_path / "bin"))
    assert done.returncode != 0
    assert "node is v18.20.4. Install Node 20 or newer" in done.stdout + done.stderr
    assert not list(tmp_path.glob("*.whl"))
