import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from packager import staging
from packager.errors import BuildError, InputError
from packager.staging import check_output, staged


def bundle(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "manifest.json").write_text(json.dumps({"format": "packager", "text": text}))
    return path


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("exchange", [True, False], ids=["exchange", "two steps"])
def test_the_output_is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool) -> None:
    if not exchange:
        monkeypatch.setattr(staging, "_exchange", lambda one, other: False)
    old = bundle(tmp_path / "site", "old")
    (old / "stale").write_text("x")
    with staged(tmp_path / "site") as folder:
        (folder / "new").write_text("y")
        assert (old / "stale").exists()
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["new"]
    assert leftovers(tmp_path) == []


def test_a_failure_leaves_the_old_output(tmp_path: Path) -> None:
    old = bundle(tmp_path / "site", "old")
    with pytest.raises(ZeroDivisionError), staged(old) as folder:
        (folder / "new").write_text("y")
        _ = 1 / 0
    assert [path.name for path in old.iterdir()] == ["manifest.json"]
    assert leftovers(tmp_path) == []


def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    old = bundle(tmp_path / "site", "old")
    with pytest.raises(BuildError, match="No space left on device.*untouched"), staged(old) as folder:
        (folder / "new").write_text("y")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert (old / "manifest.json").exists()
    assert leftovers(tmp_path) == []


def test_what_a_killed_build_left_is_swept_by_the_next(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from packager.staging import staged\n"
        "with staged(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'half').write_text('x'); print('there', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "site")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    with staged(tmp_path / "site") as folder:
        assert len(leftovers(tmp_path)) == 2, "a build that still runs is left alone"
        (folder / "whole").write_text("y")
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert len(leftovers(tmp_path)) == 1
    with staged(tmp_path / "site") as folder:
        (folder / "whole").write_text("z")
    assert leftovers(tmp_path) == []
    assert (tmp_path / "site" / "whole").read_text() == "z"


def test_a_crash_between_two_renames_is_mended(tmp_path: Path) -> None:
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    bundle(tmp_path / f".site.replaced-{dead.stdout.strip()}", "old")
    time.sleep(0.01)
    with pytest.raises(ZeroDivisionError), staged(tmp_path / "site"):
        _ = 1 / 0
    assert json.loads((tmp_path / "site" / "manifest.json").read_text())["text"] == "old"


def test_an_output_that_is_something_else_is_refused(tmp_path: Path) -> None:
    model = tmp_path / "m.onnx"
    model.write_bytes(b"")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="not a folder"):
        check_output(tmp_path / "file", model)
    (tmp_path / "other").mkdir()
    check_output(tmp_path / "other", model)
    (tmp_path / "other" / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match="something that is not a bundle"):
        check_output(tmp_path / "other", model)
    inside = bundle(tmp_path / "site", "old")
    check_output(inside, model)
    with pytest.raises(InputError, match="model lies in the output folder"):
        check_output(inside, inside / "m.onnx")
    check_output(tmp_path / "new", model)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(BuildError, match="cannot be written"), staged(tmp_path / "file" / "site"):
        pass
