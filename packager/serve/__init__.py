"""`packager serve`: a bundle, or a folder of bundles, over HTTP as a careful host would serve it."""

from packager.serve.server import serve
from packager.serve.site import create_app

__all__ = ["create_app", "serve"]
