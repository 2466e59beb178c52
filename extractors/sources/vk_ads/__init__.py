"""VK Реклама (ads.vk.com, formerly myTarget): what was spent in VK's networks.

JSON over GET, OAuth 2.0 by client credentials (five tokens per application and user, a day each). Limits: 250 rows a
list, 200 objects a request, 366 days back, requests per second, hour and day as the answers' headers tell. Days are
Moscow's. Nothing says how long days are corrected, so 14 are read again and each window replaces itself.

Data flow: GET /api/v2/ad_plans.json, /api/v2/statistics/ad_plans/day.json → staging.vk_ads__campaign_days →
stg_vk_ads__ad_spend; the vendor's totals: /api/v2/statistics/users/day.json → staging.vk_ads__account_days →
expectations only.
By hand: python -m extractors vk_ads campaign_days --from 2026-06-01 --to 2026-06-30
Not taken: goals and lead forms (the warehouse counts inquiries itself), the old ads.getStatistics.
"""

from extractors.core.spec import SourceSpec
from extractors.sources.vk_ads.client import VkAdsClient
from extractors.sources.vk_ads.streams import ACCOUNT_DAYS, CAMPAIGN_DAYS

SOURCE = SourceSpec(
    name="vk_ads",
    description="Ad spend of VK Реклама",
    streams=(CAMPAIGN_DAYS, ACCOUNT_DAYS),
    client=VkAdsClient,
    time_zone="Europe/Moscow",
)
