"""Rules for what Google Ads said."""

from __future__ import annotations

from expectations.common import (
    amount_within,
    clinic_known,
    currency_is_a_code,
    drift_watched,
    keyed,
    plausible_times,
    rate_is_known,
    volume_holds,
)
from expectations.rule import Rule, where
from expectations.totals import totals_hold
from extractors.sources.google_ads.streams import ACCOUNT_DAYS

OWNER = "the warehouse's owner, with whoever runs the advertising account"
TABLE = "staging.google_ads__ad_performance"
KEY = ("customer_id", "report_date", "campaign_id")

SUITE: tuple[Rule, ...] = (
    *keyed(TABLE, KEY, (*KEY, "cost", "currency", "account_time_zone", "includes_vat"), KEY, OWNER),
    clinic_known(TABLE, KEY, OWNER),
    *plausible_times(TABLE, "report_date", KEY, OWNER),
    amount_within(TABLE, "cost", 0, KEY, OWNER),
    currency_is_a_code(TABLE, KEY, OWNER),
    rate_is_known(TABLE, "t.report_date", KEY, OWNER),
    Rule(
        name="one_currency_per_account",
        table=TABLE,
        expectation=where(
            "t.customer_id in (select customer_id from {batch} group by customer_id"
            " having min(currency) <> max(currency))"
        ),
        severity="stop",
        reason="An account has one currency for ever; two mean that rows of two accounts were mixed.",
        what_to_do="Compare the accounts in `customers` of the connection; reload the days named (`make backfill`).",
        owner=OWNER,
        keys=KEY,
    ),
    Rule(
        name="clicks_cost_something",
        table=TABLE,
        expectation=where(
            "t.clicks > 0 and (t.customer_id, t.report_date) in (select customer_id, report_date from {batch}"
            " where report_date >= {now}::date - 35 group by customer_id, report_date having sum(cost) = 0)"
        ),
        severity="warn",
        reason="A day with clicks and no cost at all is usually a report asked too early, or with the wrong fields.",
        what_to_do="Reload the day (`make backfill SOURCE=google_ads`), compare with the vendor's own report.",
        owner=OWNER,
        keys=KEY,
    ),
    volume_holds(TABLE, "report_date", OWNER),
    *drift_watched(TABLE, "report_date", OWNER, mixes=("channel_type",), middles=("cost", "impressions", "clicks")),
    *totals_hold(ACCOUNT_DAYS, OWNER),
)
