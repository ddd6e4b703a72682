"""The two verbs."""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .keras_files import check_config, export, keras_outputs, load_keras
from .refusal import RefusedError, complaint
from .saved_models import SIGNATURE, check_ops, load_saved, signature

if TYPE_CHECKING:
    from collections.abc import Iterator

# That reading a configuration may take: thousands of times what it does.
_SECONDS = 60


def main(verb: str, model: str, folder: str) -> int:
    """Does one of the two; returns the exit code."""
    # oneDNN's fused operators are none that TensorFlow.js has. The reference is computed on the processor.
    os.environ.update(
        TF_ENABLE_ONEDNN_OPTS="0", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1", KERAS_BACKEND="tensorflow"
    )
    path = Path(model)
    try:
        if path.is_dir():
            check_ops(path)
        else:
            with hurried(folder):
                check_config(path)
        (convert if verb == "convert" else run)(path, Path(folder))
    except ImportError as error:
        return refuse(RefusedError(f"What it takes cannot be imported: {complaint(error)}.", "install"), folder)
    except RefusedError as error:
        return refuse(error, folder)
    return 0


@contextmanager
def hurried(folder: str) -> Iterator[None]:
    """Within the block a file that is read for ever, or brings the process down, is refused: so do damaged HDF5 files."""
    refuse(RefusedError("The file cannot be read to its end: it is damaged.", "Save it again."), folder)
    faulthandler.dump_traceback_later(_SECONDS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
    (Path(folder) / "error.json").unlink()


def refuse(error: RefusedError, folder: str) -> int:
    """Says so to who started this; returns the exit code."""
    (Path(folder) / "error.json").write_text(json.dumps({"what": error.what, "remedy": error.remedy}))
    return 3


def convert(path: Path, folder: Path) -> None:
    """The TensorFlow.js graph model of ``path`` in ``folder``, and what its signature is."""
    from .conversion import graph_model, import_converter, versions

    converter = import_converter()
    saved = path if path.is_dir() else folder / "saved"
    names = None if path.is_dir() else export(load_keras(path), saved)
    described = signature(load_saved(saved), names)
    about = {"versions": versions(), "signature": described, "problem": graph_model(converter, saved, folder)}
    (folder / "about.json").write_text(json.dumps(about))


def run(path: Path, folder: Path) -> None:
    """The outputs of the model as given, for the inputs that lie in ``folder``."""
    import numpy as np
    import tensorflow as tf

    about = json.loads((folder / "about.json").read_text())
    model = None if path.is_dir() else load_keras(path)
    saved = load_saved(path) if path.is_dir() else None
    for sample in range(about["samples"]):
        feeds = {
            entry["key"]: tf.constant(np.load(folder / f"in-{sample}-{index}.npy", allow_pickle=False))
            for index, entry in enumerate(about["signature"]["inputs"])
        }
        try:
            outputs = saved.signatures[SIGNATURE](**feeds) if saved else keras_outputs(model, feeds)
        except Exception as error:
            raise RefusedError(
                f"The model does not run on the sample inputs: {complaint(error)}",
                "Give inputs that it takes with --sample FILE.npz.",
            ) from error
        for index, entry in enumerate(about["signature"]["outputs"]):
            np.save(folder / f"out-{sample}-{index}.npy", outputs[entry["key"]].numpy())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
