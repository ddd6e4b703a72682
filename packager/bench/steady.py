"""The steady state: rounds of runs in the page, in turns with rounds of native onnxruntime on the same inputs."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from packager.bench.inputs import from_page, to_page
from packager.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.async_api import Page

    from packager._manifest_types import Signature
    from packager.bench.inputs import Input
    from packager.bench.native import Native
    from packager.bench.processes import Processes
    from packager.bench.told import Told
    from packager.model import Tensors

    Answers = list[tuple[int, Tensors]]

ROUNDS = 20
_WARMUPS = 3
# A round shorter than this says little: the clock of processor time ticks every 10 ms.
_SHORTEST_MS = 60.0
_MOST_RUNS = 200


def nothing_measured() -> dict[str, Any]:
    """Where measurements go: milliseconds by round, processor seconds of each round of ``infer``."""
    return {"infer": [], "native": [], "task": [], "cpu_seconds": [], "long_tasks_ms": [], "unchecked": 0}


@dataclass
class Rounds:
    """Runs a loaded page's rounds. ``timeout`` is in seconds for each round."""

    page: Page
    told: Told
    signature: Signature
    inputs: list[Input]
    processes: Processes | None
    timeout: float

    async def prepare(self) -> int:
        """Hands the inputs to the page; returns the threads that the model runs with."""
        script = resources.files("packager.bench").joinpath("steady.js").read_text(encoding="utf-8")
        made = await self._evaluate(script, [to_page(each, self.signature) for each in self.inputs])
        return int(made["threads"])

    async def measure(
        self,
        runs: int,
        native: Callable[[], Native | None],
        found: dict[str, Any],
        answers: Answers,
        advance: Callable[[int], None],
    ) -> None:
        """Adds times by round to ``found``, and to ``answers`` every different answer with the index of its input.

        The runs of a round are a multiple of the inputs, so that every round has the same mix. ``native`` is called once, after
        the page's warm-ups. Raises BuildError where page or browser fail; what was measured by then is there.
        """
        times = await self._warm(runs, answers)
        held = native()
        if held:
            held.round(self._feeds, _WARMUPS)
        await self._evaluate("() => globalThis.packagerRounds.tasks()")
        for _ in range(ROUNDS):
            before = self.processes.cpu_seconds() if self.processes else None
            ran = await self._infer(times, answers)
            if self.processes is not None and before is not None:
                found["cpu_seconds"].append(self.processes.cpu_seconds() - before)
            found["infer"].append(ran["times"])
            found["unchecked"] = ran["unchecked"]
            found["long_tasks_ms"] += await self._evaluate("() => globalThis.packagerRounds.tasks()")
            if held:
                found["native"].append(held.round(self._feeds, times))
            if self.inputs[0].given is not None:
                found["task"].append((await self._evaluate("(count) => globalThis.packagerRounds.task(count)", times))["times"])
            advance(1)

    async def run(self, times: int) -> None:
        """Runs every input so many times, for nothing but its effect."""
        await self._infer(times, [])

    @property
    def _feeds(self) -> list[Tensors]:
        return [each.tensors for each in self.inputs]

    async def _warm(self, runs: int, answers: Answers) -> int:
        """Warm-ups; returns how many times a round runs each input."""
        await self._infer(_WARMUPS, answers)
        if self.inputs[0].given is not None:
            await self._evaluate("(count) => globalThis.packagerRounds.task(count)", 1)
        warm = await self._infer(_WARMUPS, answers)
        once = max(float(sum(warm["times"])) / _WARMUPS, 1e-3)
        asked = math.ceil(runs / ROUNDS / len(self.inputs))
        return max(asked, min(math.ceil(_SHORTEST_MS / once), _MOST_RUNS // len(self.inputs)))

    async def _infer(self, times: int, answers: Answers) -> dict[str, Any]:
        ran: dict[str, Any] = await self._evaluate("(count) => globalThis.packagerRounds.infer(count)", times)
        answers += [(answer["input"], from_page(answer["outputs"], self.signature)) for answer in ran["answers"]]
        return ran

    async def _evaluate(self, script: str, argument: Any = None) -> Any:
        from playwright.async_api import Error

        try:
            async with asyncio.timeout(self.timeout):
                return await self.page.evaluate(script, argument)
        except TimeoutError as error:
            raise BuildError(f"The page did not answer within {self.timeout:g} seconds.", where=self.page.url) from error
        except Error as error:
            self.told.check()
            line = str(error).strip().splitlines()[0].removeprefix("Page.evaluate: ")
            raise BuildError(f"The page failed: {line}", where=self.page.url) from error
