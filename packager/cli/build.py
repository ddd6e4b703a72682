"""`packager build`: flags to options, result to tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packager.hosts import HOSTS
from packager.options import TARGETS, TASKS, TOLERANCES, BuildOptions, parse_dim, parse_precision, parse_size

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> argparse.ArgumentParser:
    """Adds the command and its flags."""
    build: argparse.ArgumentParser = commands.add_parser(
        "build", help="make a static site of a model", description="Makes a static site of a model."
    )
    build.set_defaults(command=run)
    build.add_argument(
        "model",
        type=Path,
        metavar="MODEL",
        help="the .onnx file; or a .keras or .h5 file or the folder of a SavedModel, with the extra tensorflow",
    )
    build.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="SITE",
        help="the folder to write; an older bundle there is replaced",
    )
    build.add_argument(
        "--target", action="append", choices=TARGETS,
        help="where it is to run (repeatable; default: wasm where it covers the model, beside ort-wasm, as they measure)",
    )  # fmt: skip
    build.add_argument(
        "--precision", action="append", type=parse_precision, metavar="[TARGET=]PRECISION",
        help="of the weights on their way to the visitor: fp32, fp16, int8, int4, or auto for all that the target has, as they "
        "measure (repeatable, for one target each; default: fp32)",
    )  # fmt: skip
    build.add_argument(
        "--race", action="store_true",
        help="let the page time the first two variants once in the background and remember the faster for the device",
    )  # fmt: skip
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
        "--calibration", type=Path, metavar="DIR",
        help="a folder of inputs like those of --sample, a hundred or more, which int8 and int4 weights are rounded by "
        "(default: the samples)",
    )  # fmt: skip
    build.add_argument(
        "--tolerance", type=float, metavar="X",
        help="largest difference to the original, relative to the output's largest value (default: "
        + ", ".join(f"{tolerance:g} for {precision}" for precision, tolerance in TOLERANCES.items()) + ")",
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
    build.add_argument(
        "--update", type=Path, metavar="OLD",
        help="the bundle that visitors have: its weights are cut the same way again, so that they download what changed",
    )  # fmt: skip
    build.add_argument(
        "--sign", type=Path, metavar="KEY", help="sign the bundle with this private key; its page then refuses any other"
    )
    build.add_argument("--json", action="store_true", help="print the result as JSON")
    return build


def run(options: argparse.Namespace) -> int:
    """Builds, and prints what was written."""
    from rich.console import Console

    from packager import report
    from packager.pipeline import build
    from packager.progress import Shown, Silent

    console = Console(stderr=True)
    precisions = dict(options.precision or ())
    result = build(
        BuildOptions(
            model=options.model,
            output=options.output,
            targets=tuple(dict.fromkeys(options.target or ())),
            precision=precisions.pop(None, "fp32"),
            precisions=precisions,
            race=options.race,
            task=options.task,
            labels=options.labels,
            tokenizer=options.tokenizer,
            preprocessing=options.preprocessing,
            name=options.name,
            shard_size=options.shard_size,
            samples=tuple(options.sample or ()),
            calibration=options.calibration,
            tolerance=options.tolerance,
            browser=options.browser,
            dims=dict(options.dim or ()),
            host=options.host,
            sign=options.sign,
            update=options.update,
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
