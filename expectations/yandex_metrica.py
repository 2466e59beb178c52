"""Rules for what Yandex Metrica said: visits to the sites."""

from __future__ import annotations

from expectations.common import drift_watched, keyed, plausible_times, volume_holds
from expectations.rule import Rule, few, within

OWNER = "the warehouse's owner, with whoever runs the sites"
VISITS = "staging.yandex_metrica__visits"
KEY = ("counter_id", "visit_id", "visit_date")

SUITE: tuple[Rule, ...] = (
    *keyed(VISITS, KEY, ("visit_id", "counter_id", "visit_date", "started_at"), KEY, OWNER),
    *plausible_times(VISITS, "started_at", KEY, OWNER),
    Rule(
        name="visit_is_shorter_than_a_day",
        table=VISITS,
        expectation=within("duration_seconds", 0, 86_400),
        severity="warn",
        reason="A visit of more than a day is milliseconds read as seconds.",
        what_to_do="Compare a visit named with Metrica's own report.",
        owner=OWNER,
        keys=KEY,
    ),
    Rule(
        name="most_visits_have_a_client",
        table=VISITS,
        expectation=few("t.client_id is null", share=0.3, at_least=20),
        severity="warn",
        reason="A visit without a client id can be joined with no contact, so the contact has no path before it.",
        what_to_do="Check that the counter's script runs on every page and that ym:s:clientID is among the fields.",
        owner=OWNER,
        keys=KEY,
    ),
    volume_holds(VISITS, "started_at", OWNER),
    *drift_watched(
        VISITS, "started_at", OWNER, mixes=("traffic_source", "is_bounce"), middles=("duration_seconds", "page_views")
    ),
)
