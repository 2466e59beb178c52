"""Rules for what the aggregators' feed said."""

from __future__ import annotations

from expectations.common import clinic_known, drift_watched, keyed, plausible_times, reachable, vocabulary, volume_holds
from expectations.rule import Rule, where
from extractors.kinds import OUTCOMES

OWNER = "the warehouse's owner, with whoever makes the feed"
TABLE = "staging.aggregators__requests"
KEYS = ("request_id",)

SUITE: tuple[Rule, ...] = (
    *keyed(TABLE, KEYS, (*KEYS, "aggregator", "clinic_id", "occurred_at"), KEYS, OWNER),
    clinic_known(TABLE, KEYS, OWNER),
    *plausible_times(TABLE, "occurred_at", KEYS, OWNER),
    vocabulary(TABLE, "outcome", OUTCOMES, KEYS, OWNER),
    Rule(
        name="aggregator_is_a_known_site",
        table=TABLE,
        expectation=where("t.aggregator not like '%.%'"),
        severity="warn",
        reason="Aggregators are told apart by their host; a word without a dot may be a second name of a known one.",
        what_to_do="Ask whoever makes the feed to write the host, such as napopravku.ru.",
        owner=OWNER,
        keys=("request_id", "aggregator"),
    ),
    reachable(TABLE, "t.phone_e164 is null and t.email is null", 0.1, KEYS, OWNER),
    volume_holds(TABLE, "occurred_at", OWNER),
    *drift_watched(TABLE, "occurred_at", OWNER, mixes=("aggregator", "outcome")),
)
