"""What a target says of a model."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Verdict:
    """What a target says of a model before it is built; ``problems`` name nodes and remedies."""

    target: str
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def fits(self) -> bool:
        """True where nothing stands against it."""
        return not self.problems
