"""Rules for what Yandex.Direct said."""

from __future__ import annotations

from expectations.common import (
    amount_within,
    clinic_known,
    currency_is_a_code,
    drift_watched,
    keyed,
    newest_is_recent,
    plausible_times,
    rate_is_known,
    volume_holds,
)
from expectations.rule import Rule, where
from expectations.totals import totals_hold
from extractors.sources.yandex_direct.streams import ACCOUNT_DAYS

OWNER = "the warehouse's owner, with whoever runs the advertising account"
TABLE = "staging.yandex_direct__ad_performance"
KEY = ("client_login", "report_date", "campaign_id", "ad_group_id", "ad_id")
KEYS = ("report_date", "campaign_id", "ad_id")

SUITE: tuple[Rule, ...] = (
    *keyed(TABLE, KEY, (*KEY, "cost", "currency", "includes_vat"), KEYS, OWNER),
    clinic_known(TABLE, KEYS, OWNER),
    *plausible_times(TABLE, "report_date", KEYS, OWNER),
    amount_within(TABLE, "cost", 0, KEYS, OWNER),
    currency_is_a_code(TABLE, KEYS, OWNER),
    rate_is_known(TABLE, "t.report_date", KEYS, OWNER),
    Rule(
        name="one_currency_per_login",
        table=TABLE,
        expectation=where(
            "t.client_login in (select client_login from {batch} group by client_login"
            " having min(currency) <> max(currency))"
        ),
        severity="stop",
        reason="An account has one currency for ever; two mean that the setting was changed by mistake.",
        what_to_do="Correct `currency` in the connection and reload the days named (`make backfill`).",
        owner=OWNER,
        keys=KEYS,
    ),
    Rule(
        name="clicks_are_not_more_than_impressions",
        table=TABLE,
        expectation=where("t.clicks > t.impressions"),
        severity="warn",
        reason="Nobody clicks what was not shown; late corrections of the vendor may pass for a day.",
        what_to_do="Wait for the next load; if it stays, compare the day with the vendor's own report.",
        owner=OWNER,
        keys=KEYS,
    ),
    Rule(
        name="clicks_cost_something",
        table=TABLE,
        expectation=where(
            "t.clicks > 0 and t.report_date in (select report_date from {batch}"
            " where report_date >= {now}::date - 35 group by report_date having sum(cost) = 0)"
        ),
        severity="warn",
        reason="A day with clicks and no cost at all is usually a report asked too early, or with the wrong columns.",
        what_to_do="Reload the day (`make backfill SOURCE=yandex_direct`), compare with the vendor's own report.",
        owner=OWNER,
        keys=KEYS,
    ),
    volume_holds(TABLE, "report_date", OWNER),
    *drift_watched(TABLE, "report_date", OWNER, middles=("cost", "impressions", "clicks")),
    newest_is_recent(TABLE, "report_date", OWNER),
    *totals_hold(ACCOUNT_DAYS, OWNER),
)
