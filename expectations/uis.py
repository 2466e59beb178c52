"""Rules for what UIS / CoMagic said: calls, requests, chats and visits."""

from __future__ import annotations

from expectations.common import clinic_known, drift_watched, keyed, plausible_times, reachable, vocabulary, volume_holds
from expectations.rule import Rule, within
from expectations.totals import counts_hold
from extractors.kinds import CONTACT_KINDS, OUTCOMES, PEOPLE_GROUPS
from extractors.sources.uis.streams import REPORT_COUNTS

OWNER = "the warehouse's owner, with whoever runs the call tracking"
CALLS = "staging.uis__calls"
MESSAGES = "staging.uis__offline_messages"
CHATS = "staging.uis__chats"
SESSIONS = "staging.uis__sessions"


def _contacts(table: str, key: str, nobody: str) -> tuple[Rule, ...]:
    """What all three reports share. `nobody`: SQL over `t` for a contact that leads to no person."""
    return (
        *keyed(table, (key,), (key, "clinic_id", "occurred_at", "kind"), (key,), OWNER),
        clinic_known(table, (key,), OWNER),
        *plausible_times(table, "occurred_at", (key,), OWNER),
        vocabulary(table, "kind", CONTACT_KINDS, (key,), OWNER),
        vocabulary(table, "people_group", PEOPLE_GROUPS, (key,), OWNER),
        vocabulary(table, "outcome", OUTCOMES, (key,), OWNER),
        reachable(table, nobody, 0.3, (key,), OWNER),
        volume_holds(table, "occurred_at", OWNER),
        *drift_watched(table, "occurred_at", OWNER, mixes=("kind", "people_group", "outcome", "channel")),
    )


SUITE: tuple[Rule, ...] = (
    *_contacts(CALLS, "call_id", "t.phone_e164 is null and t.ym_client_id is null"),
    Rule(
        name="talk_is_shorter_than_a_day",
        table=CALLS,
        expectation=within("talk_seconds", 0, 86_400),
        severity="warn",
        reason="A talk of more than a day is milliseconds read as seconds.",
        what_to_do="Compare a call named with the vendor's report.",
        owner=OWNER,
        keys=("call_id",),
    ),
    *drift_watched(
        CALLS, "occurred_at", OWNER, mixes=("direction", "is_answered"), middles=("talk_seconds", "waiting_seconds")
    ),
    *_contacts(MESSAGES, "message_id", "t.phone_e164 is null and t.email is null and t.ym_client_id is null"),
    *_contacts(CHATS, "chat_id", "t.phone_e164 is null and t.ym_client_id is null"),
    *keyed(SESSIONS, ("session_id",), ("session_id", "started_at"), ("session_id",), OWNER),
    *plausible_times(SESSIONS, "started_at", ("session_id",), OWNER),
    volume_holds(SESSIONS, "started_at", OWNER),
    counts_hold(REPORT_COUNTS, OWNER),
)
