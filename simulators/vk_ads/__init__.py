"""VK Реклама: tokens, ad plans, statistics v2 and v3. Source of the format: the vendor's pages and clients' tests."""

from __future__ import annotations

from datetime import date

from simulators.spec import Clock, Endpoint, SimulatorSpec
from simulators.vk_ads.routes import VkAds
from simulators.vk_ads.state import Plan, PlanDay, VkOptions, VkState
from simulators.world.model import World
from simulators.world.neutral_clinic import CURRENCY

CLIENT_ID = "simulatedVkClient"
CLIENT_SECRET = "simulatedVkSecret"  # noqa: S105 - no secret: it opens a simulator on the loopback only


def make(world: World, options: VkOptions, clock: Clock) -> VkAds:
    """The ads of a campaign are summed: VK is asked for whole plans."""
    campaigns = {campaign.campaign_id: campaign for campaign in world.campaigns if campaign.platform == "vk_ads"}
    days: dict[tuple[int, date], PlanDay] = {}
    for ad in world.ad_days:
        if ad.campaign_id in campaigns:
            known = days.get((ad.campaign_id, ad.day), PlanDay(0, 0, ad.cost * 0))
            days[ad.campaign_id, ad.day] = PlanDay(
                known.shows + ad.impressions, known.clicks + ad.clicks, known.spent + ad.cost
            )
    plans = [Plan(campaign.campaign_id, campaign.name) for campaign in campaigns.values()]
    return VkAds(VkState(CLIENT_ID, CLIENT_SECRET, plans, days, world.date_to, options, clock, CURRENCY))


def endpoint(world: World, base_url: str, vendor: VkAds) -> Endpoint:
    clinics = {str(c.campaign_id): c.clinic_id for c in world.campaigns if c.platform == "vk_ads" and c.clinic_id}
    settings = {
        "client_id": CLIENT_ID,
        "clinics": clinics,
        "currency": CURRENCY,
        "include_vat": True,
        # Nobody else uses this application: where tokens are not kept between runs, the sixth run deletes them.
        "token_user_id": "55555",
    }
    return {"base_url": base_url, "token": CLIENT_SECRET, "settings": settings}


SIMULATOR = SimulatorSpec(
    "vk_ads", make, endpoint, options=VkOptions(), quick=VkOptions(limits=False, rps=1_000_000)
)
