"""What a measurement stands on: the plan, the browser as it is, the servers, and the visitor who goes there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager import manifest as manifests
from packager.bench.bundle import first_bytes
from packager.bench.conditions import conditions
from packager.bench.host import served
from packager.bench.machine import graphics
from packager.bench.measure import Bench, Old
from packager.bench.relay import Relay
from packager.bench.visits import Address, Visitor
from packager.errors import InputError

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from packager._manifest_types import Manifest, Variant
    from packager.bench.browsers import Browsers
    from packager.bench.bundle import Bundle
    from packager.bench.inputs import Input
    from packager.bench.options import BenchOptions
    from packager.bench.report import Report
    from packager.progress import Progress

_SECONDS = 120.0


@dataclass(frozen=True)
class Plan:
    """What is to be measured; ``old`` is the manifest that updates start from."""

    options: BenchOptions
    bundle: Bundle
    variants: list[Variant]
    inputs: list[Input]
    old: Manifest | None


def older(options: BenchOptions, bundle: Bundle) -> Manifest | None:
    """The manifest of the bundle that updates start from. Raises InputError where it is not another one."""
    folder = options.update_from
    if folder is None:
        return None
    old = manifests.read_manifest(folder)
    if old["id"] == bundle.manifest["id"]:
        raise InputError("This is the same bundle as the new one, so there is no update.", where=str(folder))
    return old


async def describe(started: Browsers, report: Report) -> None:
    """Name and version, and what it draws with; also tells at once where no browser starts."""
    async with started.profile() as profile, profile.open() as context:
        if context.browser is not None:
            report["browser"]["version"] = context.browser.version
        page = context.pages[0] if context.pages else await context.new_page()
        report["browser"]["graphics"] = await graphics(page)


async def prepare(held: AsyncExitStack, plan: Plan, started: Browsers, progress: Progress) -> Bench:
    """Starts the servers, which ``held`` ends, and puts together what settings are measured with."""
    options, bundle = plan.options, plan.bundle
    with progress.step("Starting the server" if bundle.url is None else "Reaching the server"):
        before = None
        if bundle.url is None:
            relay = await held.enter_async_context(Relay(await held.enter_async_context(served(bundle.folder))))
            address = Address(f"{relay.origin}/", relay)
            if plan.old is not None and options.update_from is not None:
                before = Old(plan.old, await held.enter_async_context(served(options.update_from)))
        else:
            address = Address(bundle.url, None)
    wanted = conditions(options.network, options.cpu_throttle)
    visitor = Visitor(
        address=address,
        manifest=bundle.manifest,
        conditions=wanted,
        devtools=options.browser == "chromium",
        timeout=options.timeout or _patience(options, max(first_bytes(bundle.manifest, variant) for variant in plan.variants)),
    )
    return Bench(started, visitor, plan.inputs, options.runs, options.visits, options.only, before, progress)


def _patience(options: BenchOptions, count: int) -> float:
    """Seconds that a page may take until its first result: what the network needs for so many bytes, and much more."""
    network = conditions(options.network, 1).network
    return (_SECONDS + (3 * count / network.down if network else 0)) * max(1.0, options.cpu_throttle / 2)
