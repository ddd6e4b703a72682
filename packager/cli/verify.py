"""`packager verify`: flags to the check of a deployed bundle, its verdict to lines."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> argparse.ArgumentParser:
    """Adds the command and its flags."""
    verify: argparse.ArgumentParser = commands.add_parser(
        "verify",
        help="check a whole site against its manifest",
        description="Checks a whole site, in a folder or on its host: every file, who signed it, and the headers.",
    )
    verify.set_defaults(command=run)
    verify.add_argument("site", metavar="SITE|URL")
    verify.add_argument("--key", type=Path, metavar="PUB", help="the public key whose holder must have signed it")
    verify.add_argument("--json", action="store_true", help="print the verdict as JSON")
    return verify


def run(options: argparse.Namespace) -> int:
    """Checks, and prints what is wrong, one line each; 1 where anything is."""
    from rich.console import Console

    from packager import report
    from packager.progress import Shown, Silent
    from packager.signing import read_public_key
    from packager.verify import verify

    public_key = None if options.key is None else read_public_key(options.key)
    progress = Silent() if options.json else Shown(Console(stderr=True))
    verdict = verify(options.site, public_key, progress)
    if options.json:
        print(json.dumps({**asdict(verdict), "ok": not verdict.problems}, ensure_ascii=False))
    else:
        report.show_verdict(Console(), verdict, trusted=public_key is not None)
    return 1 if verdict.problems else 0
