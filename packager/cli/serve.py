"""`packager serve`: flags to the server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add(commands: Any) -> argparse.ArgumentParser:
    """Adds the command and its flags."""
    serve: argparse.ArgumentParser = commands.add_parser(
        "serve", help="serve a site, or a folder of sites", description="Serves a site, or a folder of sites."
    )
    serve.set_defaults(command=run)
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


def run(options: argparse.Namespace) -> int:
    """Serves until Ctrl-C."""
    from packager.serve import serve

    serve(options.site, host=options.host, port=options.port, open_browser=options.open, isolate=not options.no_isolation)
    return 0
