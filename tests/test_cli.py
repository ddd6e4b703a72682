import json
import subprocess
import sys
from pathlib import Path

import pytest

from packager.cli import main
from tests import models


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return models.save(models.dense(), tmp_path / "m.onnx")


def test_build_prints_tables_and_how_to_open_the_site(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", str(model), "-o", str(tmp_path / "site"), "--browser", "off"]) == 0
    out = capsys.readouterr().out
    assert "ort-wasm-fp32" in out
    assert "packager serve" in out


def test_build_prints_json(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", str(model), "-o", str(tmp_path / "site"), "--browser", "off", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["site"] == str(tmp_path / "site")
    assert result["manifest"]["format"] == "packager"


def test_inspect_shows_models_and_bundles(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(model)]) == 0
    out = capsys.readouterr().out
    assert "[batch, 8]" in out
    assert "27 parameters" in out
    main(["build", str(model), "-o", str(tmp_path / "site"), "--browser", "off"])
    capsys.readouterr()
    assert main(["inspect", str(tmp_path / "site"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["kind"] == "bundle"
    assert facts["variants"][0]["parity"]["proof"] == "native"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["build", "none.onnx", "-o", "site"], 2, "none.onnx: There is no such file."),
        (["build", "m.onnx", "-o", "m.onnx"], 2, "exists and is not a folder"),
        (["build", "m.onnx", "-o", "site", "--dim", "batch"], 2, "'batch' is not a dimension. Write it like batch=1."),
        (["build", "m.onnx", "-o", "site", "--dim", "batch=0"], 2, "'batch' cannot be 0"),
        (["build", "m.onnx", "-o", "site", "--dim", "rows=2"], 2, "Its symbolic dimensions are: batch"),
        (["build", "m.onnx", "-o", "site", "--shard-size", "4 parsecs"], 2, "'4 parsecs' is not a size"),
        (["build", "m.onnx", "-o", "site", "--shard-size", "1"], 2, "out of range. Use 64KiB to 512MiB."),
        (["build", "m.onnx", "-o", "site", "--labels", "none.txt"], 2, "none.txt: --labels names a file that does not exist."),
        (["build", "m.onnx", "-o", "site", "--sample", "none.npz"], 2, "none.npz: --sample names a file that does not exist."),
        (["build", "m.onnx", "-o", "site", "--tolerance", "-1"], 2, "must be a number of 0 or more"),
        (["build", "m.onnx", "-o", "site", "--tolerance", "nan"], 2, "must be a number of 0 or more"),
        (["inspect", "none"], 2, "none: There is no such file."),
        (["inspect", "."], 2, "This is not a bundle"),
    ],
)
def test_bad_input_is_one_sentence_and_a_code(
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(model.parent)
    assert main(arguments) == code
    err = capsys.readouterr().err
    assert message in err
    assert err.startswith("packager: ")
    assert "Traceback" not in err
    assert [path.name for path in model.parent.iterdir()] == ["m.onnx"]


def test_errors_are_json_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(tmp_path / "none"), "--json"]) == 2
    assert "no such file" in json.loads(capsys.readouterr().out)["error"]


def test_a_wrong_flag_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["build", "--nonsense"])
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_help_does_not_load_onnx() -> None:
    script = "import sys; from packager.cli import _parser; _parser(); print({'onnx', 'onnxruntime'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
