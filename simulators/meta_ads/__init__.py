"""Meta Marketing API: reports of insights (made, polled, paged), an account's currency and time zone."""

from __future__ import annotations

from simulators.meta_ads.routes import MetaAds
from simulators.meta_ads.state import MetaOptions, MetaState
from simulators.spec import Clock, Endpoint, SimulatorSpec
from simulators.world.model import World

TOKEN = "simulated-meta-token"  # noqa: S105 - no secret: it opens a simulator on the loopback only


def make(world: World, options: MetaOptions, clock: Clock) -> MetaAds:
    return MetaAds(MetaState(world, TOKEN, options))


def endpoint(world: World, base_url: str, vendor: MetaAds) -> Endpoint:
    settings = {
        "accounts": {f"act_{number}": clinic_id for number, clinic_id in vendor.state.accounts.items()},
        "time_zone": vendor.state.options.time_zone,
        "include_vat": False,
        "poll_seconds": 0.1,
    }
    return {"base_url": base_url, "token": TOKEN, "settings": settings}


SIMULATOR = SimulatorSpec("meta_ads", make, endpoint, options=MetaOptions(), quick=MetaOptions(polls=1))
