"""The command line: builds options from flags, calls one verb, prints its result. Errors are caught once, here."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packager import __version__
from packager.errors import PackagerError
from packager.hosts import HOSTS
from packager.options import DEFAULT_TOLERANCE, TARGETS, TASKS, BuildOptions, parse_dim, parse_size

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0 done, 1 the work failed, 2 the input cannot be used."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = _parser().parse_args(given)
        return int(options.command(options))
    except PackagerError as error:
        if "--debug" in given:
            raise
        _fail(str(error), as_json="--json" in given)
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
    for add in (_add_build, _add_inspect, _add_serve):
        add(commands).add_argument("--debug", action="store_true", help="show the stack of an error")
    return parser


def _add_build(commands: Any) -> argparse.ArgumentParser:
    build: argparse.ArgumentParser = commands.add_parser(
        "build", help="make a static site of a model", description="Makes a static site of a model."
    )
    build.set_defaults(command=_build)
    build.add_argument("model", type=Path, metavar="MODEL", help="the .onnx file")
    build.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="SITE",
        help="the folder to write; an older bundle there is replaced",
    )
    build.add_argument("--target", action="append", choices=TARGETS, help="where it is to run (repeatable; default: ort-wasm)")
    build.add_argument(
        "--task", choices=TASKS, help="what the page does (default: told from the model and the files beside it)"
    )
    build.add_argument("--labels", type=Path, metavar="FILE", help="names of the classes: .txt, one a line, or a .json array")
    build.add_argument("--tokenizer", type=Path, metavar="FILE", help="tokenizer.json (default: the one beside the model)")
    build.add_argument(
        "--preprocessing",
        type=Path,
        metavar="FILE",
        help="preprocessor_config.json (default: the one beside the model)",
    )
    build.add_argument("--name", help="the name that the page shows (default: the file's)")
    build.add_argument(
        "--shard-size",
        type=parse_size,
        default="4MiB",
        metavar="SIZE",
        help="largest shard before encoding (default: 4MiB)",
    )
    build.add_argument(
        "--sample", action="append", type=Path, metavar="FILE",
        help="input to prove and try the model with: .npy, .npz, a picture, a .txt with one text a line (repeatable)",
    )  # fmt: skip
    build.add_argument(
        "--tolerance", type=float, default=DEFAULT_TOLERANCE, metavar="X",
        help="largest difference to the original, relative to the output's largest value (default: %(default)g)",
    )  # fmt: skip
    build.add_argument(
        "--browser", choices=("auto", "required", "off"), default="auto",
        help="prove the bundle in a headless Chromium: where there is one, always, or never (default: auto)",
    )  # fmt: skip
    build.add_argument(
        "--dim", action="append", type=parse_dim, metavar="NAME=VALUE", help="fix a symbolic dimension (repeatable)"
    )
    build.add_argument(
        "--host",
        choices=HOSTS,
        default="generic",
        help="where the site will lie: its limits and headers (default: generic)",
    )
    build.add_argument("--json", action="store_true", help="print the result as JSON")
    return build


def _build(options: argparse.Namespace) -> int:
    from rich.console import Console

    from packager import report
    from packager.pipeline import build
    from packager.progress import Shown, Silent

    console = Console(stderr=True)
    result = build(
        BuildOptions(
            model=options.model,
            output=options.output,
            targets=tuple(dict.fromkeys(options.target or ("ort-wasm",))),
            task=options.task,
            labels=options.labels,
            tokenizer=options.tokenizer,
            preprocessing=options.preprocessing,
            name=options.name,
            shard_size=options.shard_size,
            samples=tuple(options.sample or ()),
            tolerance=options.tolerance,
            browser=options.browser,
            dims=dict(options.dim or ()),
            host=options.host,
        ),
        Silent() if options.json else Shown(console),
    )
    if options.json:
        print(
            json.dumps({"site": str(result.site), "warnings": result.warnings, "manifest": result.manifest}, ensure_ascii=False)
        )
    else:
        report.show_build(Console(), result)
    return 0


def _add_inspect(commands: Any) -> argparse.ArgumentParser:
    inspect: argparse.ArgumentParser = commands.add_parser(
        "inspect", help="show what a model or a site holds", description="Shows what a model or a site holds."
    )
    inspect.set_defaults(command=_inspect)
    inspect.add_argument("path", type=Path, metavar="MODEL|SITE")
    inspect.add_argument(
        "--dim", action="append", type=parse_dim, metavar="NAME=VALUE", help="fix a symbolic dimension (repeatable)"
    )
    inspect.add_argument("--json", action="store_true", help="print it as JSON")
    return inspect


def _inspect(options: argparse.Namespace) -> int:
    from rich.console import Console

    from packager import report
    from packager.inspection import inspect

    facts = inspect(options.path, dict(options.dim or ()))
    if options.json:
        print(json.dumps(facts, ensure_ascii=False))
    else:
        report.show_inspection(Console(), facts)
    return 0


def _add_serve(commands: Any) -> argparse.ArgumentParser:
    serve: argparse.ArgumentParser = commands.add_parser(
        "serve", help="serve a site, or a folder of sites", description="Serves a site, or a folder of sites."
    )
    serve.set_defaults(command=_serve)
    serve.add_argument("site", type=Path, metavar="SITE")
    serve.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 for the whole network (default: %(default)s)"
    )
    serve.add_argument("--port", type=int, default=None, help="port to listen on (default: 8000, or the next free one)")
    serve.add_argument("--open", action="store_true", help="open the page in the default browser")
    serve.add_argument(
        "--no-isolation",
        action="store_true",
        help="leave out COOP and COEP, as many hosts do: no threads on a first visit",
    )
    return serve


def _serve(options: argparse.Namespace) -> int:
    from packager.serve import serve

    serve(options.site, host=options.host, port=options.port, open_browser=options.open, isolate=not options.no_isolation)
    return 0
