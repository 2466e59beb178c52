"""Yandex.Direct: what was spent on search and network ads.

Reports API v5 (https://yandex.com/dev/direct/doc/en/reports), TSV over POST, offline reports. Limits: 20 requests in
10 seconds, 5 reports in the queue, three years back. Days are Moscow's (unconfirmed by the vendor). A day is restated
for three days as a rule and later when false clicks are refunded; a row restated to nothing is absent, so each window
replaces itself.

Data flow: POST /json/v5/reports → staging.yandex_direct__ad_performance → stg_yandex_direct__ad_spend;
the vendor's totals → staging.yandex_direct__account_days → expectations only.
By hand: python -m extractors yandex_direct ad_performance --from 2026-06-01 --to 2026-06-30
Not taken: search queries, placements and conversions; the warehouse counts inquiries itself.
"""

from extractors.core.spec import SourceSpec
from extractors.sources.yandex_direct.client import DirectClient
from extractors.sources.yandex_direct.streams import ACCOUNT_DAYS, AD_PERFORMANCE

SOURCE = SourceSpec(
    name="yandex_direct",
    description="Ad spend of Yandex.Direct",
    streams=(AD_PERFORMANCE, ACCOUNT_DAYS),
    client=DirectClient,
    time_zone="Europe/Moscow",
)
