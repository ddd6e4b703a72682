"""`packager inspect`: what a model or a site holds, as tables or JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packager.options import PRECISIONS, TARGETS, parse_dim

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> argparse.ArgumentParser:
    """Adds the command and its flags."""
    inspect: argparse.ArgumentParser = commands.add_parser(
        "inspect", help="show what a model or a site holds", description="Shows what a model or a site holds."
    )
    inspect.set_defaults(command=run)
    inspect.add_argument("path", type=Path, metavar="MODEL|SITE")
    inspect.add_argument(
        "--dim", action="append", type=parse_dim, metavar="NAME=VALUE", help="fix a symbolic dimension (repeatable)"
    )
    inspect.add_argument(
        "--target", action="append", choices=TARGETS, help="say what this target makes of the model (repeatable; default: all)"
    )
    inspect.add_argument(
        "--plan", action="store_true", help="print what the engine of the target wasm would run: kernels, shapes, memory, work"
    )
    inspect.add_argument(
        "--precision", choices=PRECISIONS, default="fp32", help="of the plan's weights on the wire (default: %(default)s)"
    )
    inspect.add_argument("--json", action="store_true", help="print it as JSON")
    return inspect


def run(options: argparse.Namespace) -> int:
    """Looks, and prints what is there."""
    from rich.console import Console

    from packager import report
    from packager.inspection import inspect, inspect_plan

    if options.plan:
        text = inspect_plan(options.path, dict(options.dim or ()), options.precision)
        print(json.dumps({"plan": text}, ensure_ascii=False) if options.json else text)
        return 0
    facts = inspect(options.path, dict(options.dim or ()), *([options.target] if options.target else []))
    if options.json:
        print(json.dumps(facts, ensure_ascii=False))
    else:
        report.show_inspection(Console(), facts)
    return 0
