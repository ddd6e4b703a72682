"""Tables at the end of a build."""

import io
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from packager.pipeline import BuildResult
from packager.report import show_build

VALID = Path(__file__).parent / "manifests" / "valid"


def shown(manifest: Any) -> str:
    console = Console(record=True, width=120, file=io.StringIO())
    show_build(console, BuildResult(Path("site"), manifest))
    return console.export_text()


def test_several_precisions_are_shown_as_a_trade() -> None:
    manifest = json.loads((VALID / "compiled.json").read_text(encoding="utf-8"))
    first = manifest["variants"][0]
    manifest["variants"] = [{**first, "id": f"it-{precision}", "precision": precision} for precision in ("int8", "fp32")]
    text = shown(manifest)
    assert f"bytes against agreement, {first['target']}" in text
    manifest["variants"] = manifest["variants"][:1]
    assert "bytes against agreement" not in shown(manifest)
