"""Google Ads REST: OAuth tokens, `googleAds:searchStream` of `campaign` and `customer`."""

from __future__ import annotations

from simulators.google_ads.routes import CLIENT_ID, CLIENT_SECRET, GoogleAds
from simulators.google_ads.state import GoogleAdsOptions, GoogleAdsState
from simulators.spec import Clock, Endpoint, SimulatorSpec
from simulators.world.model import World

REFRESH_TOKEN = "simulated-google-refresh-token"  # noqa: S105 - no secret: it opens a simulator on the loopback only


def make(world: World, options: GoogleAdsOptions, clock: Clock) -> GoogleAds:
    return GoogleAds(GoogleAdsState(world, options, clock, refresh_token=REFRESH_TOKEN))


def endpoint(world: World, base_url: str, vendor: GoogleAds) -> Endpoint:
    settings = {
        "customers": dict(vendor.state.customers),
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "token_url": f"{base_url}/token",
        "time_zone": vendor.state.options.time_zone,
        "include_vat": False,
    }
    return {"base_url": base_url, "token": REFRESH_TOKEN, "settings": settings}


SIMULATOR = SimulatorSpec("google_ads", make, endpoint, options=GoogleAdsOptions())
