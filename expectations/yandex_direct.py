"""Rules for what Yandex.Direct said."""

from __future__ import annotations

from expectations.common import (
    amount_within,
    clinic_known,
    currency_is_a_code,
    keyed,
    newest_is_recent,
    plausible_times,
    rate_is_known,
    volume_holds,
)
from expectations.rule import Rule, no_rows, where

OWNER = "the warehouse's owner, with whoever runs the advertising account"
TABLE = "staging.yandex_direct__ad_performance"
TOTALS = "staging.yandex_direct__account_days"
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
    newest_is_recent(TABLE, "report_date", OWNER),
    *keyed(TOTALS, ("client_login", "report_date"), ("client_login", "report_date", "cost"), ("report_date",), OWNER),
    Rule(
        name="day_equals_the_vendors_total",
        table=TOTALS,
        # Each report is read on its own, so a correction between the two passes until the next load.
        expectation=no_rows(
            "select * from (select client_login, report_date, sum(told) as told, sum(landed) as landed from ("
            " select client_login, report_date, cost as told, 0 as landed from {batch}"
            " union all select client_login, report_date, 0 as told, cost as landed"
            " from staging.yandex_direct__ad_performance as ads"
            " where report_date between"
            " (select min(report_date) from {batch} as t where t.client_login = ads.client_login)"
            " and (select max(report_date) from {batch} as t where t.client_login = ads.client_login)"
            ") as both_reports group by client_login, report_date) as days"
            " where abs(told - landed) > greatest(1, 0.005 * told)"
        ),
        severity="warn",
        reason="The vendor's own total of an account and day is not the sum of its ads here: rows were lost, doubled,"
        " set aside, or read at another moment.",
        what_to_do="Load the days named once more (`make backfill SOURCE=yandex_direct`); if it stays, look at "
        "`make quarantine SOURCE=yandex_direct` and compare the day with the vendor's cabinet.",
        owner=OWNER,
        keys=("report_date", "told", "landed"),
        needs=(TABLE,),
    ),
)
