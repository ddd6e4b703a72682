"""TensorFlow, in a process of its own: it reads Keras models and SavedModels, and runs them.

The process may have another interpreter, named by ``$PACKAGER_TENSORFLOW_PYTHON``, so that TensorFlow's pins need not live
beside anything else's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from packager.errors import InputError
from packager.scratch import scratch

if TYPE_CHECKING:
    from packager.model import Tensors

PYTHON = "PACKAGER_TENSORFLOW_PYTHON"
INSTALL = (
    "On Python 3.11 to 3.13, install them with: pip install 'packager[tensorflow]' && pip install --no-deps "
    f"tensorflowjs==4.22.0. They may be in an environment of their own: let ${PYTHON} name its interpreter."
)
_FOLDER = Path(__file__).parent
# That a conversion or all runs may take: more than anybody waits for by far, and an end to a loop that has none.
_SECONDS = 3600.0


@dataclass(frozen=True)
class Converted:
    """A graph model as TensorFlow.js' converter writes it.

    ``about`` holds ``versions``, ``signature`` and ``problem``, why there is no graph model, or None; ``document`` is
    model.json, and ``weights`` are its tensors by name.
    """

    about: dict[str, Any]
    document: dict[str, Any]
    weights: dict[str, np.ndarray]


def convert(path: Path) -> Converted:
    """The model at ``path``. Raises InputError where it cannot be read, or TensorFlow is not there."""
    with scratch("tensorflow") as folder:
        _run("convert", path, folder)
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        if about["problem"] is not None:
            return Converted(about, {}, {})
        document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        return Converted(about, document, _weights(document, folder))


def run(path: Path, about: dict[str, Any], feeds: list[Tensors]) -> list[Tensors]:
    """Outputs of the model at ``path``, as the user gave it, by name, one entry a feed. Raises InputError."""
    inputs, outputs = about["signature"]["inputs"], about["signature"]["outputs"]
    with scratch("tensorflow") as folder:
        (folder / "about.json").write_text(json.dumps({**about, "samples": len(feeds)}), encoding="utf-8")
        for sample, feed in enumerate(feeds):
            for index, entry in enumerate(inputs):
                np.save(folder / f"in-{sample}-{index}.npy", feed[entry["name"]], allow_pickle=False)
        _run("run", path, folder)
        return [
            {
                entry["name"]: np.load(folder / f"out-{sample}-{index}.npy", allow_pickle=False)
                for index, entry in enumerate(outputs)
            }
            for sample in range(len(feeds))
        ]


def _run(verb: str, path: Path, folder: Path) -> None:
    # Its modules are found from its own folder, and not from where the user works.
    command = [_python(path), "-m", "program", verb, str(path.absolute()), str(folder)]
    try:
        done = subprocess.run(
            command, cwd=_FOLDER, env={**os.environ, "PYTHONSAFEPATH": ""}, capture_output=True, text=True, errors="replace",
            check=False, timeout=_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        raise InputError(f"TensorFlow did not end within {_SECONDS:g} seconds.", where=str(path)) from late
    refusal = folder / "error.json"
    if refusal.is_file():
        error = json.loads(refusal.read_text(encoding="utf-8"))
        remedy = INSTALL if error["remedy"] == "install" else error["remedy"]
        raise InputError(error["what"], where=str(path), remedy=remedy)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise InputError(f"TensorFlow ended without an answer: {lines[-1][:400]}", where=str(path))


def _python(path: Path) -> str:
    """The interpreter that has TensorFlow. Raises InputError."""
    named = os.environ.get(PYTHON)
    if named:
        if not Path(named).is_file():
            raise InputError(f"${PYTHON} names no file: {named}", where=str(path), remedy="Name a Python interpreter.")
        return str(Path(named).absolute())
    missing = [module for module in ("tensorflow", "tensorflowjs") if find_spec(module) is None]
    if missing:
        raise InputError(
            f"Keras models and SavedModels are read by TensorFlow and TensorFlow.js' converter; {' and '.join(missing)} "
            f"{'are' if len(missing) > 1 else 'is'} not installed.",
            where=str(path),
            remedy=INSTALL,
        )
    return sys.executable


def _weights(document: dict[str, Any], folder: Path) -> dict[str, np.ndarray]:
    """The tensors of a weights manifest: little-endian and row-major, one after another."""
    weights: dict[str, np.ndarray] = {}
    for group in document["weightsManifest"]:
        data = b"".join((folder / path).read_bytes() for path in group["paths"])
        offset = 0
        for entry in group["weights"]:
            dtype = np.dtype(entry["dtype"]).newbyteorder("<")
            count = int(np.prod(entry["shape"], dtype=np.int64))
            weights[entry["name"]] = np.frombuffer(data, dtype, count, offset).reshape(entry["shape"])
            offset += count * dtype.itemsize
    return weights
