"""What long work shows while it runs: steps and bars, on a terminal or nowhere."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console


class Progress(Protocol):
    """Seam between the work and what shows it."""

    def step(self, title: str) -> AbstractContextManager[None]:
        """Work of unknown length."""

    def bar(self, title: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Work of known length; the block calls what it gets with each amount done."""


def _nothing(amount: int) -> None:
    """Takes progress and shows nothing."""


class Silent:
    """Shows nothing."""

    def step(self, title: str) -> AbstractContextManager[None]:  # noqa: ARG002
        """Work of unknown length."""
        return nullcontext()

    def bar(self, title: str, total: int) -> AbstractContextManager[Callable[[int], None]]:  # noqa: ARG002
        """Work of known length."""
        return nullcontext(_nothing)


class Shown:
    """Spinners and bars on a console, gone when the work is done; each finished step leaves a line."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Work of unknown length."""
        with self._console.status(f"{title}…"):
            yield
        self._console.print(f"[green]✓[/] {title}")

    @contextmanager
    def bar(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """Work of known length."""
        from rich.progress import (
            BarColumn,
            SpinnerColumn,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
        )
        from rich.progress import (
            Progress as Bars,
        )

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
        )
        with Bars(*columns, console=self._console, transient=True) as bars:
            task = bars.add_task(f"{title}…", total=total)
            yield lambda amount: bars.advance(task, amount)
        self._console.print(f"[green]✓[/] {title}")
