"""Calltouch: calls diary and requests journal. Source of the format: the vendor's pages, recorded rows and clients."""

from __future__ import annotations

from simulators.calltouch.routes import Calltouch
from simulators.calltouch.state import CalltouchOptions, CalltouchState
from simulators.spec import Clock, Endpoint, SimulatorSpec
from simulators.world.model import World

TOKEN = "simulated-calltouch-token"  # noqa: S105 - no secret: it opens a simulator on the loopback only


def make(world: World, options: CalltouchOptions, clock: Clock) -> Calltouch:
    return Calltouch(CalltouchState(world.seen_by("calltouch"), TOKEN, options))


def endpoint(world: World, base_url: str, vendor: Calltouch) -> Endpoint:
    sites = {str(site): clinic_id for site, clinic_id in vendor.state.sites.items()}
    return {"base_url": base_url, "token": TOKEN, "settings": {"sites": sites}}


SIMULATOR = SimulatorSpec("calltouch", make, endpoint, options=CalltouchOptions())
