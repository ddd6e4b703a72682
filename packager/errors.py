"""The errors of the project: each says what is wrong, where, and what to do next.

PackagerError
├── InputError          what the user gave cannot be used: a model, a file, an option (exit code 2)
├── MissingToolError    something that the machine lacks: a browser, Node, an extra (exit code 1)
└── BuildError          the work itself did not succeed (exit code 1)
    └── ParityError     a variant does not agree with the reference

Errors of other libraries are translated at the edge of the stage that calls them, with the cause kept.
"""


class PackagerError(Exception):
    """Base of all errors that a user is meant to read.

    ``what`` is one clear sentence, ``where`` names the file, node or option, ``remedy`` says what to do next.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}" + (f" {self.remedy}" if self.remedy else "")


class InputError(PackagerError):
    """What the user gave cannot be used."""

    exit_code = 2


class MissingToolError(PackagerError):
    """The machine lacks something that the work needs: a browser, Node, an extra of this package."""


class BuildError(PackagerError):
    """The work did not succeed: a full disk, a folder that cannot be written, an engine that refused the model."""


class ParityError(BuildError):
    """A variant does not agree with the reference within the tolerance."""
