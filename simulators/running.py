"""All four vendors together: for tests as a context manager, for the demo as a process (`python -m simulators`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from simulators.bitrix24.routes import Bitrix24
from simulators.bitrix24.state import BitrixOptions, BitrixState
from simulators.calltouch.routes import Calltouch
from simulators.calltouch.state import CalltouchOptions, CalltouchState
from simulators.faults import Fault, Faults
from simulators.http import Vendor, VendorServer
from simulators.open_dental.routes import OpenDental
from simulators.open_dental.state import OpenDentalOptions, OpenDentalState
from simulators.open_dental.tables import TYPE_NUMS
from simulators.world.model import World
from simulators.world.neutral_clinic import CURRENCY
from simulators.yandex_direct.routes import YandexDirect
from simulators.yandex_direct.state import DirectOptions, DirectState

# Not secrets: keys of simulators that answer on the loopback only.
CALLTOUCH_TOKEN = "simulated-calltouch-token"  # noqa: S105
DIRECT_TOKEN = "simulated-direct-token"  # noqa: S105
BITRIX_USER, BITRIX_CODE = 1, "simulatedwebhookcode"
DEVELOPER_KEY, CUSTOMER_KEY = "simulatedDeveloper", "simulatedCustomer"


@dataclass(frozen=True, slots=True)
class Options:
    """Every vendor's switches; the defaults are what the demo and the extractors' tests use."""

    yandex_direct: DirectOptions = field(default_factory=DirectOptions)
    calltouch: CalltouchOptions = field(default_factory=CalltouchOptions)
    bitrix24: BitrixOptions = field(default_factory=BitrixOptions)
    open_dental: OpenDentalOptions = field(default_factory=OpenDentalOptions)


class Simulators:
    """The four servers. `endpoints` is what a connection needs; states and journals are for tests to read and edit."""

    def __init__(
        self,
        world: World,
        faults: Faults,
        options: Options | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        chosen = options or Options()
        self.world = world
        self.faults = faults
        self.yandex_direct = DirectState(world, DIRECT_TOKEN, chosen.yandex_direct, clock)
        self.calltouch = CalltouchState(world, CALLTOUCH_TOKEN, chosen.calltouch)
        self.bitrix24 = BitrixState(world, BITRIX_USER, BITRIX_CODE, chosen.bitrix24, clock)
        self.open_dental = OpenDentalState(world, DEVELOPER_KEY, CUSTOMER_KEY, chosen.open_dental)
        vendors: tuple[Vendor, ...] = (
            YandexDirect(self.yandex_direct),
            Calltouch(self.calltouch),
            Bitrix24(self.bitrix24),
            OpenDental(self.open_dental, clock),
        )
        self.servers: dict[str, VendorServer] = {vendor.name: VendorServer(vendor, faults) for vendor in vendors}

    @property
    def endpoints(self) -> dict[str, dict[str, Any]]:
        """Source → base_url, credentials, settings. JSON-ready."""
        clinics = self.world.clinics
        url = {name: server.base_url for name, server in self.servers.items()}
        return {
            "yandex_direct": {
                "base_url": url["yandex_direct"],
                "token": DIRECT_TOKEN,
                "settings": {"logins": dict(self.yandex_direct.logins), "currency": CURRENCY, "include_vat": True},
            },
            "calltouch": {
                "base_url": url["calltouch"],
                "token": CALLTOUCH_TOKEN,
                "settings": {"sites": {str(c.calltouch_site): c.clinic_id for c in clinics}},
            },
            "bitrix24": {
                "base_url": f"{url['bitrix24']}/rest/{BITRIX_USER}/{BITRIX_CODE}",
                "token": BITRIX_CODE,
                "settings": {
                    "clinics": {str(c.category_id): c.clinic_id for c in clinics},
                    "tags_field": "UF_CRM_TAGS",
                    "lost_reason_field": "UF_CRM_LOST_REASON",
                },
            },
            "open_dental": {
                "base_url": f"{url['open_dental']}/api/v1",
                "token": f"{DEVELOPER_KEY}/{CUSTOMER_KEY}",
                "settings": {
                    "developer_key": DEVELOPER_KEY,
                    "customer_key": CUSTOMER_KEY,
                    "clinics": {
                        str(c.clinic_num): {"clinic_id": c.clinic_id, "time_zone": c.time_zone} for c in clinics
                    },
                    "currency": CURRENCY,
                    "server_time_zone": self.open_dental.options.server_time_zone,
                    "directions": {str(number): word for word, number in TYPE_NUMS.items()},
                },
            },
        }

    def __getitem__(self, source: str) -> dict[str, Any]:
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
    options: Options | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Simulators]:
    """The four servers on free ports of 127.0.0.1 until the block ends."""
    simulators = Simulators(world, faults if isinstance(faults, Faults) else Faults(faults), options, clock)
    simulators.start()
    try:
        yield simulators
    finally:
        simulators.stop()
