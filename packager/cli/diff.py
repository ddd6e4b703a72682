"""`packager diff`: two bundles to what a returning visitor downloads."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> argparse.ArgumentParser:
    """Adds the command and its flags."""
    diff: argparse.ArgumentParser = commands.add_parser(
        "diff",
        help="show what a new version costs a returning visitor",
        description="Shows what a visitor of the site OLD downloads once NEW is published in its place.",
    )
    diff.set_defaults(command=run)
    diff.add_argument("old", type=Path, metavar="OLD")
    diff.add_argument("new", type=Path, metavar="NEW")
    diff.add_argument("--json", action="store_true", help="print it as JSON")
    return diff


def run(options: argparse.Namespace) -> int:
    """Compares, and prints what is fetched."""
    from rich.console import Console

    from packager import report
    from packager.difference import diff

    found = diff(options.old, options.new)
    if options.json:
        print(json.dumps(asdict(found), ensure_ascii=False))
    else:
        report.show_difference(Console(), found)
    return 0
