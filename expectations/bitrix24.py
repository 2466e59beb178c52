"""Rules for what Bitrix24 said: deals, their stages, contacts and leads."""

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
    vocabulary,
    volume_holds,
)
from expectations.rule import Rule, where
from expectations.totals import listed_are_landed

OWNER = "the warehouse's owner, with whoever runs the CRM"
DEALS = "staging.bitrix24__deals"
CONTACTS = "staging.bitrix24__contacts"
LEADS = "staging.bitrix24__leads"
HISTORY = "staging.bitrix24__deal_stage_history"
USERS = "staging.bitrix24__users"
SEMANTICS = ("P", "S", "F")  # in progress, success, failure

SUITE: tuple[Rule, ...] = (
    *keyed(DEALS, ("deal_id",), ("deal_id", "created_at", "stage_semantics"), ("deal_id",), OWNER),
    clinic_known(DEALS, ("deal_id",), OWNER),
    vocabulary(DEALS, "stage_semantics", SEMANTICS, ("deal_id",), OWNER),
    *plausible_times(DEALS, "created_at", ("deal_id",), OWNER),
    *plausible_times(DEALS, "moved_at", ("deal_id",), OWNER),
    amount_within(DEALS, "amount", -MOST_MONEY, ("deal_id",), OWNER),
    currency_is_a_code(DEALS, ("deal_id",), OWNER),
    rate_is_known(
        DEALS,
        "coalesce(case when t.stage_semantics in ('S', 'F') then t.moved_at end, t.created_at)::date",
        ("deal_id",),
        OWNER,
    ),
    Rule(
        name="client_is_landed",
        table=DEALS,
        expectation=where(
            "t.contact_id is not null and not exists (select from staging.bitrix24__contacts as c"
            " where c.contact_id = t.contact_id)"
        ),
        severity="warn",
        reason="A deal whose contact is missing is nobody's: no source, no sessions, no recordings.",
        what_to_do="Reload contacts from the portal's first day (`make backfill SOURCE=bitrix24`); a contact deleted "
        "there stays missing.",
        owner=OWNER,
        keys=("deal_id",),
        needs=(CONTACTS,),
    ),
    volume_holds(DEALS, "created_at", OWNER),
    # not of stages: those of this week are younger than those of last month by nature
    *drift_watched(DEALS, "created_at", OWNER, mixes=("category_id", "source_code"), middles=("amount",)),
    *keyed(HISTORY, ("change_id",), ("change_id", "deal_id", "stage_id", "entered_at"), ("change_id",), OWNER),
    *plausible_times(HISTORY, "entered_at", ("change_id",), OWNER),
    Rule(
        name="deal_is_landed",
        table=HISTORY,
        expectation=where("not exists (select from staging.bitrix24__deals as d where d.deal_id = t.deal_id)"),
        severity="warn",
        reason="A move of a deal that is not here is shown nowhere.",
        what_to_do="Reload deals of those days (`make backfill SOURCE=bitrix24`); a deal deleted there stays missing.",
        owner=OWNER,
        keys=("change_id", "deal_id"),
        needs=(DEALS,),
    ),
    *keyed(CONTACTS, ("contact_id",), ("contact_id",), ("contact_id",), OWNER),
    reachable(
        CONTACTS,
        "coalesce(cardinality(t.phones_e164), 0) = 0 and coalesce(cardinality(t.emails), 0) = 0",
        0.3,
        ("contact_id",),
        OWNER,
    ),
    *keyed(LEADS, ("lead_id",), ("lead_id",), ("lead_id",), OWNER),
    *plausible_times(LEADS, "created_at", ("lead_id",), OWNER),
    *keyed(USERS, ("user_id",), ("user_id",), ("user_id",), OWNER),
    listed_are_landed("bitrix24", "deals", "deal_ids", "deal_id", OWNER),
)
