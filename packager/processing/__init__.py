"""Pre- and post-processing as the manifest's task describes them.

The page does the same in TypeScript (``web_runtime/src/worker/processing``); docs/manifest.md defines every step, and the
golden vectors in ``tests/golden`` hold both sides to it.
"""

from packager.processing.classification import Classification, classify
from packager.processing.embedding import embed
from packager.processing.image import preprocess_image, read_picture
from packager.processing.text import create_text_preprocessor

__all__ = [
    "Classification",
    "classify",
    "create_text_preprocessor",
    "embed",
    "preprocess_image",
    "read_picture",
]
