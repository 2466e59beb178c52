"""Rules for what Calltouch said: calls, requests and the visits behind them."""

from __future__ import annotations

from expectations.common import (
    clinic_known,
    drift_watched,
    keyed,
    newest_is_recent,
    plausible_times,
    reachable,
    vocabulary,
    volume_holds,
)
from expectations.rule import Rule, within
from expectations.totals import counts_hold
from extractors.kinds import OUTCOMES, PEOPLE_GROUPS
from extractors.sources.calltouch.streams import CALL_COUNTS

OWNER = "the warehouse's owner, with whoever runs the call tracking"
CALLS = "staging.calltouch__calls"
REQUESTS = "staging.calltouch__requests"
SESSIONS = "staging.calltouch__sessions"


def _said(table: str, keys: tuple[str, ...]) -> tuple[Rule, ...]:
    """What administrators say by tags."""
    return (
        vocabulary(table, "people_group", PEOPLE_GROUPS, keys, OWNER),
        vocabulary(table, "outcome", OUTCOMES, keys, OWNER),
    )


SUITE: tuple[Rule, ...] = (
    *keyed(CALLS, ("call_id",), ("call_id", "clinic_id", "occurred_at"), ("call_id",), OWNER),
    clinic_known(CALLS, ("call_id",), OWNER),
    *plausible_times(CALLS, "occurred_at", ("call_id",), OWNER),
    *_said(CALLS, ("call_id",)),
    Rule(
        name="talk_is_shorter_than_a_day",
        table=CALLS,
        expectation=within("talk_seconds", 0, 86_400),
        severity="warn",
        reason="A talk of more than a day is milliseconds read as seconds.",
        what_to_do="Compare a call named with the vendor's journal.",
        owner=OWNER,
        keys=("call_id",),
    ),
    reachable(CALLS, "t.phone_e164 is null and t.ya_client_id is null", 0.3, ("call_id",), OWNER),
    volume_holds(CALLS, "occurred_at", OWNER),
    newest_is_recent(CALLS, "occurred_at", OWNER),
    *drift_watched(
        CALLS, "occurred_at", OWNER, mixes=("people_group", "outcome", "is_answered", "medium"),
        middles=("talk_seconds", "waiting_seconds"),
    ),
    *keyed(REQUESTS, ("request_id",), ("request_id", "clinic_id", "occurred_at", "kind"), ("request_id",), OWNER),
    clinic_known(REQUESTS, ("request_id",), OWNER),
    *plausible_times(REQUESTS, "occurred_at", ("request_id",), OWNER),
    *_said(REQUESTS, ("request_id",)),
    reachable(
        REQUESTS, "t.phone_e164 is null and t.email is null and t.ya_client_id is null", 0.3, ("request_id",), OWNER
    ),
    volume_holds(REQUESTS, "occurred_at", OWNER),
    *drift_watched(REQUESTS, "occurred_at", OWNER, mixes=("kind", "people_group", "outcome", "medium")),
    *keyed(SESSIONS, ("session_id",), ("session_id", "started_at"), ("session_id",), OWNER),
    *plausible_times(SESSIONS, "started_at", ("session_id",), OWNER),
    volume_holds(SESSIONS, "started_at", OWNER),
    counts_hold(CALL_COUNTS, OWNER),
)
