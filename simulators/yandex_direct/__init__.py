"""Yandex.Direct API v5: Reports (offline and online), Campaigns, Clients, Changes."""

from __future__ import annotations

from simulators.spec import Clock, Endpoint, SimulatorSpec
from simulators.world.model import World
from simulators.world.neutral_clinic import CURRENCY
from simulators.yandex_direct.routes import YandexDirect
from simulators.yandex_direct.state import DirectOptions, DirectState

TOKEN = "simulated-direct-token"  # noqa: S105 - no secret: it opens a simulator on the loopback only


def make(world: World, options: DirectOptions, clock: Clock) -> YandexDirect:
    return YandexDirect(DirectState(world.seen_by("yandex_direct"), TOKEN, options, clock))


def endpoint(world: World, base_url: str, vendor: YandexDirect) -> Endpoint:
    settings = {"logins": dict(vendor.state.logins), "currency": CURRENCY, "include_vat": True}
    return {"base_url": base_url, "token": TOKEN, "settings": settings}


SIMULATOR = SimulatorSpec(
    "yandex_direct", make, endpoint, options=DirectOptions(), quick=DirectOptions(retry_in=0, limits=False)
)
