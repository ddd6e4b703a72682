"""The command line: builds options from flags, calls one verb, prints its result. Errors are caught once, here."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from packager import __version__
from packager.cli import bench, build, diff, inspect, keygen, serve, verify
from packager.errors import PackagerError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0 done, 1 the work failed, 2 the input cannot be used."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Of bench, --json names a file; what the others print is JSON.
    as_json = "--json" in given and given[0] != "bench"
    try:
        options = _parser().parse_args(given)
        return int(options.command(options))
    except PackagerError as error:
        if "--debug" in given:
            raise
        _fail(str(error), as_json=as_json)
        return error.exit_code
    except KeyboardInterrupt:
        _fail("Stopped. Nothing was written.", as_json=False)
        return 130


def _fail(message: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"error": message}, ensure_ascii=False))
    print(f"packager: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="packager", description="Trained models as static sites that infer in the visitor's browser."
    )
    parser.add_argument("--version", action="version", version=f"packager {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in (build, inspect, serve, bench, keygen, verify, diff):
        command.add(commands).add_argument("--debug", action="store_true", help="show the stack of an error")
    return parser
