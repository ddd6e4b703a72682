"""The report of a measurement: JSON by packager/schema/bench.schema.json, made, checked, read and written."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, cast

from packager import __version__
from packager.bench.figures import figures
from packager.errors import BuildError, InputError

if TYPE_CHECKING:
    from pathlib import Path

    from jsonschema.protocols import Validator

    from packager._manifest_types import Manifest
    from packager.bench.options import BenchOptions

    Report = dict[str, Any]

FORMAT = "packager-bench"
VERSION = 1


def new_report(options: BenchOptions, manifest: Manifest, old: Manifest | None, machine: dict[str, Any]) -> Report:
    """A report of which nothing is measured yet."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "generator": f"packager {__version__}",
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": 0.0,
        "failure": None,
        "bundle": {
            "address": options.site,
            "id": manifest["id"],
            "name": manifest["name"],
            "task": manifest["task"]["kind"],
            "update_from": old["id"] if old else None,
        },
        "machine": machine,
        "browser": {"name": options.browser, "version": "unknown", "remote": options.connect is not None, "graphics": None},
        "conditions": {"network": None, "cpu_throttle": options.cpu_throttle},
        "options": {"runs": options.runs, "visits": options.visits},
        "native": {"runner": "unknown", "model": str(options.model) if options.model else None},
        "settings": [],
        "verdicts": [],
        "notes": [],
    }


def measured(report: Report) -> bool:
    """Whether there is anything worth keeping."""
    return any(any(setting["visits"].values()) or setting["steady"] for setting in report["settings"])


def fill_figures(report: Report) -> None:
    """Computes the figures of every setting from its samples."""
    for setting in report["settings"]:
        setting["figures"] = figures(setting)


def exit_code(report: Report) -> int:
    """1 for a violated limit, a wrong answer, a setting that failed or a measurement that ended early; else 0."""
    wrong = any(verdict["verdict"] == "violated" for verdict in report["verdicts"])
    failed = report["failure"] is not None or any(setting["error"] for setting in report["settings"])
    return int(wrong or failed)


def encode(report: Report) -> str:
    """The file's text. Raises BuildError where the report does not fit its schema, which is a fault of this program."""
    problem = _fault(report)
    if problem is not None:
        raise BuildError(f"The report is not valid: {problem}.", remedy="Please report this: it is a fault of packager.")
    return json.dumps(report, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


def read_report(path: Path) -> Report:
    """A report of an earlier measurement. Raises InputError where it is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"The report cannot be read: {error}.", where=str(path)) from error
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise InputError("This is not a report of packager bench.", where=str(path), remedy="Make one with --json FILE.")
    if value.get("version") != VERSION:
        raise InputError(
            f"The report is of version {value.get('version')}; this program reads version {VERSION}.",
            where=str(path),
            remedy="Measure again.",
        )
    problem = _fault(value)
    if problem is not None:
        raise InputError(f"The report is not valid: {problem}.", where=str(path), remedy="Measure again.")
    return value


@cache
def _validator() -> Validator:
    from jsonschema import Draft202012Validator

    schema = json.loads(resources.files("packager").joinpath("schema/bench.schema.json").read_text(encoding="utf-8"))
    return Draft202012Validator(schema)


def _fault(value: object) -> str | None:
    from jsonschema.exceptions import best_match

    error = best_match(_validator().iter_errors(cast("Any", value)))
    if error is None:
        return None
    place = "/".join(str(part) for part in error.absolute_path) or "the report"
    return f"{place}: {error.message[:300]}"
