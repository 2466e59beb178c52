"""Google Ads: what was spent, by day and campaign.

REST `googleAds:searchStream` (https://developers.google.com/google-ads/api), GAQL over POST, whole answers in batches.
Limits: 15 000 operations a day with basic access, 37 months back by day. Days are the account's own. Costs are
corrected for invalid clicks for some days (the vendor does not say how long); a day restated to nothing is absent, so
each window replaces itself. Campaigns, not ads: Performance Max has no ads, and its cost would be missing.

Data flow: POST /v26/customers/<id>/googleAds:searchStream → staging.google_ads__ad_performance →
stg_google_ads__ad_spend; the vendor's totals → staging.google_ads__account_days → expectations only.
By hand: python -m extractors google_ads ad_performance --from 2026-06-01 --to 2026-06-30
Not taken: conversions (the warehouse counts inquiries itself), search terms, the clicks' gclid.
"""

from extractors.core.spec import SourceSpec
from extractors.sources.google_ads.client import GoogleAdsClient
from extractors.sources.google_ads.streams import ACCOUNT_DAYS, AD_PERFORMANCE

SOURCE = SourceSpec(
    name="google_ads",
    description="Ad spend of Google Ads",
    streams=(AD_PERFORMANCE, ACCOUNT_DAYS),
    client=GoogleAdsClient,
    time_zone="Europe/Moscow",
)
