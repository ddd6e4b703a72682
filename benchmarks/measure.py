"""The measurements of a workload: first and return visits, then interleaved rounds of inferences with one and two threads."""

from __future__ import annotations

import random
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.agreement import judge
from benchmarks.browser import visit
from benchmarks.contenders import NATIVE, NATIVE_ONE_THREAD, THREADS
from benchmarks.native import Native
from benchmarks.results import contender_result
from benchmarks.rounds import RunnerError, race

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Playwright

    from benchmarks.browser import Visit
    from benchmarks.host import Host
    from benchmarks.results import ContenderResult, VisitSample, WorkloadResult
    from benchmarks.tasks import Entrant, Task

_SEED = 20481
_TITLES = {NATIVE: "native onnxruntime", NATIVE_ONE_THREAD: "native onnxruntime, one thread beside two"}


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    At most ``visits`` of each kind, in about ``visit_seconds`` for each contender, but two where they take longer; at most
    ``rounds`` of inferences in about ``seconds`` for each number of threads.
    """

    visits: int
    visit_seconds: float
    seconds: float
    rounds: int


class Measurement:
    """One workload being measured; ``result`` grows, and holds what there is whatever happens next."""

    def __init__(
        self, playwright: Playwright, host: Host, task: Task, result: WorkloadResult, say: Callable[[str], None], renderer: str
    ) -> None:
        self._playwright, self._host, self._task, self.result, self._say = playwright, host, task, result, say
        self._reference = Native(task.source, 1).answer()
        result["absent"].update(task.absent)
        for entrant in task.entrants:
            contender = entrant.contender
            result["contenders"][contender.id] = contender_result(contender.title_on(renderer))

    def run(self, effort: Effort) -> None:
        """Everything; who fails or answers wrongly is moved to the absent ones, with the reason in place of figures."""
        if self._task.source.workload.visits:
            self._visits(effort)
        for threads in THREADS:
            self._race(threads, effort)

    def _visits(self, effort: Effort) -> None:
        order = random.Random(_SEED)  # noqa: S311 (an order of turns)
        began = time.monotonic()
        for number in range(effort.visits):
            entrants = self._entrants()
            # Another one has to fit in, going by those before it.
            taken = time.monotonic() - began
            if number > 1 and taken + taken / number > effort.visit_seconds * len(entrants):
                break
            for entrant in order.sample(entrants, len(entrants)):
                # Drawing by software takes many seconds; one visit says as much.
                if number and entrant.contender.graphics:
                    continue
                try:
                    self._visit_twice(entrant, number)
                except RunnerError as error:
                    self._drop(entrant.contender.id, str(error))
            self._say(f"  visits: {number + 1}")

    def _visit_twice(self, entrant: Entrant, number: int) -> None:
        """A first visit and, with the same profile in a new process, a return."""
        found: list[VisitSample] = []
        with tempfile.TemporaryDirectory(prefix="packager-visit-", ignore_cleanup_errors=True) as profile:
            for _ in ("cold", "warm"):
                traffic = self._host.traffic
                sent, asked = traffic.bytes, traffic.requests
                with self._visiting(entrant, max(entrant.contender.threads), Path(profile)) as page:
                    sample: VisitSample = {
                        "round": number,
                        "marks": page.started.marks,
                        "bytes": traffic.bytes - sent,
                        "requests": traffic.requests - asked,
                    }
                    self._check(entrant, page)
                found.append(sample)
        result = self._of(entrant)
        result["cold"].append(found[0])
        result["warm"].append(found[1])

    def _race(self, threads: int, effort: Effort) -> None:
        """Interleaved rounds of all with so many threads, native onnxruntime among them."""
        natives = {NATIVE: Native(self._task.source, threads)}
        if threads > 1:
            natives[NATIVE_ONE_THREAD] = Native(self._task.source, 1)
        with ExitStack() as held:
            pages = self._open(held, threads)
            samples, dropped = race({**natives, **{e.contender.id: page for e, page in pages}}, effort.seconds, effort.rounds)
            for name, reason in dropped.items():
                self._drop(name, reason)
            for entrant, page in pages:
                if entrant.contender.id in samples:
                    self._finish(entrant, page, threads, samples[entrant.contender.id])
        for name in natives:
            entry = self.result["contenders"].setdefault(name, contender_result(_TITLES[name]))
            entry["steady"][str(threads)] = samples[name]
        self._say(f"  {threads} {'thread' if threads == 1 else 'threads'}: {len(samples[NATIVE])} rounds")

    def _open(self, held: ExitStack, threads: int) -> list[tuple[Entrant, Visit]]:
        pages = []
        for entrant in self._entrants(threads):
            try:
                page = held.enter_context(self._visiting(entrant, threads))
                self._check(entrant, page)
                pages.append((entrant, page))
            except RunnerError as error:
                self._drop(entrant.contender.id, str(error))
        return pages

    def _finish(self, entrant: Entrant, page: Visit, threads: int, rounds: list[list[float]]) -> None:
        """Keeps the times of a page if it still answers rightly."""
        try:
            self._check(entrant, page)
        except RunnerError as error:
            self._drop(entrant.contender.id, str(error))
            return
        result = self._of(entrant)
        result["info"] |= page.started.info
        result["steady"][str(threads)] = rounds
        result["memory"][str(threads)] = page.peak_memory()

    def _check(self, entrant: Entrant, page: Visit) -> None:
        """Raises RunnerError where the page's answer is wrong."""
        agreement = judge(entrant.contender, self._reference, page.answer())
        if not agreement["right"]:
            raise RunnerError(agreement["why"])
        before = self._of(entrant)["agreement"]
        if before is None or (agreement["relative"] or 0) >= (before["relative"] or 0):
            self._of(entrant)["agreement"] = agreement

    def _entrants(self, threads: int | None = None) -> list[Entrant]:
        """Those that are still in and take part with so many threads."""
        return [
            entrant
            for entrant in self._task.entrants
            if entrant.contender.id in self.result["contenders"] and (threads is None or threads in entrant.contender.threads)
        ]

    def _drop(self, name: str, reason: str) -> None:
        self.result["contenders"].pop(name, None)
        self.result["absent"][name] = reason
        self._say(f"  {name}: {reason}")

    def _of(self, entrant: Entrant) -> ContenderResult:
        return self.result["contenders"][entrant.contender.id]

    @contextmanager
    def _visiting(self, entrant: Entrant, threads: int, profile: Path | None = None) -> Iterator[Visit]:
        """The contender's page after its first inference, in this profile or in a fresh one."""
        url = f"{self._host.origin}/peers/{entrant.contender.page}/"
        with ExitStack() as held:
            if profile is None:
                fresh = tempfile.TemporaryDirectory(prefix="packager-visit-", ignore_cleanup_errors=True)
                profile = Path(held.enter_context(fresh))
            yield held.enter_context(visit(self._playwright, profile, url, entrant.config_for(threads)))
