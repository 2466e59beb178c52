"""UIS / CoMagic Data API v2.0 by JSON-RPC: reports of calls, requests and chats. Source: the vendor's API pages."""

from __future__ import annotations

from simulators.spec import Clock, Endpoint, SimulatorSpec
from simulators.uis.routes import Uis
from simulators.uis.state import UisOptions, UisState
from simulators.world.model import World

TOKEN = "simulated-uis-token"  # noqa: S105 - no secret: it opens a simulator on the loopback only


def make(world: World, options: UisOptions, clock: Clock) -> Uis:
    return Uis(UisState(world, TOKEN, options, clock))


def endpoint(world: World, base_url: str, vendor: Uis) -> Endpoint:
    settings = {
        "sites": {str(site): clinic_id for site, clinic_id in vendor.state.sites.items()},
        "employees": {str(number): employee_id for employee_id, number in vendor.state.employees.items()},
        "time_zone": vendor.state.options.time_zone,
    }
    return {"base_url": f"{base_url}/v2.0", "token": TOKEN, "settings": settings}


SIMULATOR = SimulatorSpec(
    "uis", make, endpoint, options=UisOptions(), quick=UisOptions(enforced=False, minute_reset=0)
)
