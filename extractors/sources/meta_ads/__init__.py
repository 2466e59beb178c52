"""Meta (Facebook, Instagram): what was spent, by day and ad.

Marketing API insights (https://developers.facebook.com/docs/marketing-api/insights), as reports that are built while
we wait. Limits: a share of the account's and the app's time, told in headers; 37 months back. Days are the account's
own. Figures may change for 28 days, so 28 days are read again and each window replaces itself.

Data flow: POST /v26.0/act_<id>/insights → GET /v26.0/<run> until done → GET /v26.0/<run>/insights, page by page →
staging.meta_ads__ad_insights → stg_meta_ads__ad_spend. The vendor's totals: GET /v26.0/act_<id>/insights by account →
staging.meta_ads__account_days → expectations only.
By hand: python -m extractors meta_ads ad_insights --from 2026-06-01 --to 2026-06-30
Not taken: actions and conversions (the warehouse counts inquiries itself), reach (it does not add up over days).
"""

from extractors.core.spec import SourceSpec
from extractors.sources.meta_ads.client import MetaAdsClient
from extractors.sources.meta_ads.streams import ACCOUNT_DAYS, AD_INSIGHTS

SOURCE = SourceSpec(
    name="meta_ads",
    description="Ad spend of Meta (Facebook, Instagram)",
    streams=(AD_INSIGHTS, ACCOUNT_DAYS),
    client=MetaAdsClient,
    time_zone="Europe/Moscow",
)
