"""The networks and processors that a measurement can pretend to, and how far the pretence reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from packager.errors import BuildError

if TYPE_CHECKING:
    from packager.bench.devtools import Target, Targets

NetworkName = Literal["none", "4g", "3g", "slow-3g"]
NETWORKS: tuple[NetworkName, ...] = get_args(NetworkName)


@dataclass(frozen=True)
class Network:
    """``latency`` in milliseconds from a request to the first byte of its answer; ``down`` and ``up`` in bytes a second."""

    name: NetworkName
    latency: float
    down: float
    up: float

    def as_json(self) -> dict[str, Any]:
        """As the report has it."""
        return {"name": self.name, "latency_ms": self.latency, "down_bytes_s": self.down, "up_bytes_s": self.up}


def _network(name: NetworkName, latency: float, down_kbit: float, up_kbit: float) -> Network:
    return Network(name, latency, down_kbit * 125, up_kbit * 125)


PRESETS: Final[dict[NetworkName, Network]] = {
    "4g": _network("4g", 170, 9000, 9000),
    "3g": _network("3g", 300, 1600, 768),
    "slow-3g": _network("slow-3g", 400, 400, 400),
}
"""Round figures in wide use for tests of web pages: a good mobile network, an average one, and a poor one."""


@dataclass
class Conditions:
    """What is asked of the browser. ``remarks`` are sentences on where it does not reach, for the report."""

    network: Network | None
    cpu: float
    remarks: set[str]

    @property
    def asked(self) -> bool:
        """Whether anything is to be another than it is."""
        return self.network is not None or self.cpu > 1

    async def apply(self, targets: Targets, target: Target) -> None:
        """Puts a target under the conditions. Raises BuildError where it refuses what others take."""
        if self.network is not None:
            await self._slow_network(self.network, targets, target)
        if self.cpu > 1:
            await self._slow_cpu(targets, target)

    async def _slow_network(self, network: Network, targets: Targets, target: Target) -> None:
        if target.kind == "worker":
            return  # its requests go by the page's conditions; DevTools takes none of its own from it
        await targets.send(
            target,
            "Network.emulateNetworkConditions",
            offline=False,
            latency=network.latency,
            downloadThroughput=network.down,
            uploadThroughput=network.up,
        )
        if target.kind == "service_worker":
            self.remarks.add(
                f"The service worker has {network.name} to itself beside the page: what it stores during a visit is slowed, "
                "but takes nothing of the page's bandwidth."
            )

    async def _slow_cpu(self, targets: Targets, target: Target) -> None:
        try:
            await targets.send(target, "Emulation.setCPUThrottlingRate", rate=self.cpu)
        except BuildError:
            if target.kind == "page":
                raise
            self.remarks.add(
                f"The throttle of the processor ({self.cpu:g} times) slows the page's main thread only: DevTools does not slow "
                "workers, and the model runs in one. Its own times are those of this machine."
            )


def conditions(network: NetworkName, cpu: float) -> Conditions:
    """The conditions of that name; ``cpu`` 1 leaves the processor alone."""
    return Conditions(PRESETS.get(network), cpu, set())
