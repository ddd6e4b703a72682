"""`packager keygen`: a pair of keys for signed bundles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> argparse.ArgumentParser:
    """Adds the command and its flags."""
    keygen: argparse.ArgumentParser = commands.add_parser(
        "keygen",
        help="make the keys of signed bundles",
        description="Makes a private key for `build --sign`, and beside it the public key for `verify --key`, named KEY.pub.",
    )
    keygen.set_defaults(command=run)
    keygen.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("packager.key"),
        metavar="KEY",
        help="the file to write (default: %(default)s)",
    )
    return keygen


def run(options: argparse.Namespace) -> int:
    """Makes the keys, and says where they are."""
    from packager.signing import make_key

    public = make_key(options.output)
    print(f"{options.output} is the private key: keep it safe and out of every site. Sign with: packager build --sign")
    print(f"{public} is the public key, for all who check the bundle with: packager verify --key")
    return 0
