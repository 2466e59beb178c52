"""Rules for what amoCRM said: deals, their stages and clients."""

from __future__ import annotations

from expectations.common import (
    MOST_MONEY,
    amount_within,
    clinic_known,
    currency_is_a_code,
    drift_watched,
    keyed,
    plausible_times,
    rate_is_known,
    reachable,
    volume_holds,
)
from expectations.rule import Rule, where
from expectations.totals import listed_are_landed

OWNER = "the warehouse's owner, with whoever runs the CRM"
LEADS = "staging.amocrm__leads"
EVENTS = "staging.amocrm__lead_events"
CONTACTS = "staging.amocrm__contacts"
STATUSES = "staging.amocrm__statuses"
USERS = "staging.amocrm__users"

SUITE: tuple[Rule, ...] = (
    *keyed(LEADS, ("lead_id",), ("lead_id", "created_at", "pipeline_id", "status_id"), ("lead_id",), OWNER),
    clinic_known(LEADS, ("lead_id",), OWNER),
    *plausible_times(LEADS, "created_at", ("lead_id",), OWNER),
    *plausible_times(LEADS, "closed_at", ("lead_id",), OWNER),
    amount_within(LEADS, "amount", -MOST_MONEY, ("lead_id",), OWNER),
    currency_is_a_code(LEADS, ("lead_id",), OWNER),
    rate_is_known(LEADS, "coalesce(t.closed_at, t.created_at)::date", ("lead_id",), OWNER),
    Rule(
        name="closed_deal_has_its_time",
        table=LEADS,
        expectation=where("t.status_id in ('142', '143') and t.closed_at is null"),
        severity="warn",
        reason="A deal won or lost at no moment is in no period: its revenue is shown nowhere.",
        what_to_do="Open the deal in the account and move it to its last stage again; then load again.",
        owner=OWNER,
        keys=("lead_id",),
    ),
    Rule(
        name="client_is_landed",
        table=LEADS,
        expectation=where(
            "t.contact_id is not null and not exists (select from staging.amocrm__contacts as c"
            " where c.contact_id = t.contact_id)"
        ),
        severity="warn",
        reason="A deal whose client is missing is nobody's: no source, no sessions, no recordings.",
        what_to_do="Reload contacts from the account's first day (`make backfill SOURCE=amocrm`); a client deleted "
        "there stays missing.",
        owner=OWNER,
        keys=("lead_id",),
        needs=(CONTACTS,),
    ),
    volume_holds(LEADS, "created_at", OWNER),
    # not of stages: those of this week are younger than those of last month by nature
    *drift_watched(LEADS, "created_at", OWNER, mixes=("pipeline_id", "contact_kind"), middles=("amount",)),
    *keyed(EVENTS, ("event_id",), ("event_id", "lead_id", "event_type", "happened_at"), ("event_id",), OWNER),
    *plausible_times(EVENTS, "happened_at", ("event_id",), OWNER),
    *keyed(CONTACTS, ("contact_id",), ("contact_id",), ("contact_id",), OWNER),
    reachable(
        CONTACTS,
        "coalesce(cardinality(t.phones_e164), 0) = 0 and coalesce(cardinality(t.emails), 0) = 0",
        0.3,
        ("contact_id",),
        OWNER,
    ),
    *keyed(STATUSES, ("pipeline_id", "status_id"), ("pipeline_id", "status_id"), ("pipeline_id", "status_id"), OWNER),
    *keyed(USERS, ("user_id",), ("user_id",), ("user_id",), OWNER),
    listed_are_landed("amocrm", "leads", "lead_ids", "lead_id", OWNER),
)
