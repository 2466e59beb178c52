"""All vendors together: for tests as a context manager, for the demo as a process (`python -m simulators`)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import simulators
from extractors.core.discovery import exposed
from simulators.faults import Fault, Faults
from simulators.http import Vendor, VendorServer
from simulators.spec import Clock, Endpoint, SimulatorSpec
from simulators.world.model import World

SIMULATORS: dict[str, SimulatorSpec] = exposed(simulators, "SIMULATOR")


def quick_options(**others: object) -> dict[str, Any]:
    """Every vendor's options without waiting and limits; `others` (source=options) win."""
    return {name: spec.quick for name, spec in SIMULATORS.items() if spec.quick is not None} | others


class Simulators:
    """The vendors' servers. `endpoints` is what a connection needs; states and journals are for tests to read and edit.

    `options`: source → options, for the vendors that shall differ from their defaults. `only`: these vendors (null:
    all). `listen`, `known_as`: see VendorServer.
    """

    def __init__(
        self,
        world: World,
        faults: Faults,
        options: Mapping[str, Any] | None = None,
        clock: Clock = time.monotonic,
        only: Iterable[str] | None = None,
        listen: str = "127.0.0.1",
        known_as: str = "127.0.0.1",
    ) -> None:
        chosen = options or {}
        names = list(SIMULATORS if only is None else only)
        unknown = {*chosen, *names} - SIMULATORS.keys()
        if unknown:
            raise ValueError(f"There is no simulator {', '.join(sorted(unknown))}. Known: {', '.join(SIMULATORS)}.")
        self.world = world
        self.faults = faults
        self.vendors: dict[str, Vendor] = {
            name: SIMULATORS[name].make(world, chosen.get(name, SIMULATORS[name].options), clock) for name in names
        }
        self.servers: dict[str, VendorServer] = {
            name: VendorServer(vendor, faults, listen, known_as) for name, vendor in self.vendors.items()
        }

    @property
    def endpoints(self) -> dict[str, Endpoint]:
        """Source → base_url, token, settings. JSON-ready."""
        return {
            name: SIMULATORS[name].endpoint(self.world, self.servers[name].base_url, vendor)
            for name, vendor in self.vendors.items()
        }

    def state(self, source: str) -> Any:  # noqa: ANN401 - every vendor keeps its own kind of state
        """What that vendor has stored, for a test to edit as the vendor or a manager would."""
        vendor: Any = self.vendors[source]
        return vendor.state

    def __getitem__(self, source: str) -> Endpoint:
        return self.endpoints[source]

    def start(self) -> None:
        for server in self.servers.values():
            server.start()

    def stop(self) -> None:
        for server in self.servers.values():
            server.stop()


@contextmanager
def running_simulators(
    world: World,
    *,
    faults: Iterable[Fault] | Faults = (),
    options: Mapping[str, Any] | None = None,
    clock: Clock = time.monotonic,
    only: Iterable[str] | None = None,
) -> Iterator[Simulators]:
    """The vendors' servers on free ports of 127.0.0.1 until the block ends. `options`: source → options."""
    running = Simulators(world, faults if isinstance(faults, Faults) else Faults(faults), options, clock, only)
    running.start()
    try:
        yield running
    finally:
        running.stop()
