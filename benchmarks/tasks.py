"""What is to be measured: each workload with its contenders, and a reason for each that cannot take part."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import PEERS, Contender, reason_against, variants
from benchmarks.convert import UnsupportedError
from benchmarks.formats import CONFIGS, Source, bundle, source
from benchmarks.made import SITE, digest, made
from packager.manifest import read_manifest

if TYPE_CHECKING:
    from benchmarks.models import Workload

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Entrant:
    """A contender that is to be measured, with what its page is told."""

    contender: Contender
    config: dict[str, Any]

    def config_for(self, threads: int) -> dict[str, Any]:
        """The whole config of a visit."""
        return {**self.config, "threads": threads, "options": {**self.contender.options, **self.config.get("options", {})}}


@dataclass(frozen=True)
class Task:
    """A workload, who runs it, and why the others do not."""

    source: Source
    entrants: list[Entrant]
    absent: dict[str, str]


def task(workload: Workload) -> Task:
    """Everything that the workload needs, on disk; a contender is either an entrant or absent with a reason."""
    at = source(workload)
    entrants, absent = [], {}
    for contender in [*variants(read_manifest(bundle(workload.model))["variants"]), *PEERS]:
        reason = reason_against(contender, workload.model.name)
        try:
            if reason is None:
                entrants.append(Entrant(contender, CONFIGS[contender.format](at)))
                continue
        except UnsupportedError as error:
            reason = str(error)
        absent[contender.id] = reason
    return Task(at, entrants, absent)


def build_pages() -> dict[str, str]:
    """Bundles the peers' pages; the versions of what is in them, by package."""
    sources = [_HERE / "package-lock.json", _HERE / "build.mjs", _HERE / "peers"]

    def build(folder: Path) -> None:
        subprocess.run(["node", str(_HERE / "build.mjs"), str(folder)], check=True)

    made("peers", digest(*sources), build)
    versions: dict[str, str] = json.loads((SITE / "peers" / "versions.json").read_text(encoding="utf-8"))
    return versions


def files_to_warm() -> list[str]:
    """Paths of all that is served compressed."""
    kinds = {".js", ".json", ".mjs", ".wasm", ".html"}
    return [str(path.relative_to(SITE)) for path in sorted(SITE.rglob("*")) if path.suffix in kinds]
