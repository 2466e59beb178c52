"""Rules for what IDENT said: patients, visits, bills, payments, plans."""

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
from expectations.rule import FIRST_YEAR_OF_BOOKS, Rule, where
from extractors.kinds import APPOINTMENT_STATUSES

OWNER = "the warehouse's owner, with whoever exports the reports"
PATIENTS = "staging.ident__patients"
APPOINTMENTS = "staging.ident__appointments"
SALES = "staging.ident__sales"
PAYMENTS = "staging.ident__payments"
STAGES = "staging.ident__treatment_stages"


def known_card(table: str, key: str) -> Rule:
    """Reports are exported one by one: the one of the cards is easily forgotten."""
    return Rule(
        name="patient_is_landed",
        table=table,
        expectation=where(
            "t.patient_id is not null and not exists (select from staging.ident__patients as p"
            " where p.patient_id = t.patient_id)"
        ),
        severity="warn",
        reason="A row of a card that is not here belongs to nobody with a phone: no source, no inquiry.",
        what_to_do="Export the report of patients again, for all time, and load.",
        owner=OWNER,
        keys=(key,),
        needs=(PATIENTS,),
    )


SUITE: tuple[Rule, ...] = (
    *keyed(PATIENTS, ("patient_id",), ("patient_id", "clinic_id"), ("patient_id",), OWNER),
    clinic_known(PATIENTS, ("patient_id",), OWNER),
    reachable(
        PATIENTS,
        "coalesce(cardinality(t.phones_e164), 0) = 0 and coalesce(cardinality(t.emails), 0) = 0",
        0.5,
        ("patient_id",),
        OWNER,
    ),
    *keyed(APPOINTMENTS, ("visit_id",), ("visit_id", "patient_id", "clinic_id", "status"), ("visit_id",), OWNER),
    clinic_known(APPOINTMENTS, ("visit_id",), OWNER),
    vocabulary(APPOINTMENTS, "status", APPOINTMENT_STATUSES, ("visit_id",), OWNER),
    *plausible_times(APPOINTMENTS, "created_at", ("visit_id",), OWNER, FIRST_YEAR_OF_BOOKS),
    *plausible_times(APPOINTMENTS, "starts_at", ("visit_id",), OWNER, FIRST_YEAR_OF_BOOKS),
    known_card(APPOINTMENTS, "visit_id"),
    volume_holds(APPOINTMENTS, "starts_at", OWNER),
    *keyed(SALES, ("sale_id",), ("sale_id", "clinic_id", "amount"), ("sale_id",), OWNER),
    clinic_known(SALES, ("sale_id",), OWNER),
    *plausible_times(SALES, "sold_at", ("sale_id",), OWNER, FIRST_YEAR_OF_BOOKS),
    amount_within(SALES, "amount", -MOST_MONEY, ("sale_id",), OWNER),
    currency_is_a_code(SALES, ("sale_id",), OWNER),
    known_card(SALES, "sale_id"),
    *keyed(PAYMENTS, ("payment_id",), ("payment_id", "patient_id", "clinic_id", "amount"), ("payment_id",), OWNER),
    clinic_known(PAYMENTS, ("payment_id",), OWNER),
    *plausible_times(PAYMENTS, "paid_at", ("payment_id",), OWNER, FIRST_YEAR_OF_BOOKS),
    amount_within(PAYMENTS, "amount", -MOST_MONEY, ("payment_id",), OWNER),
    currency_is_a_code(PAYMENTS, ("payment_id",), OWNER),
    rate_is_known(PAYMENTS, "t.paid_at::date", ("payment_id",), OWNER),
    known_card(PAYMENTS, "payment_id"),
    volume_holds(PAYMENTS, "paid_at", OWNER),
    *drift_watched(PAYMENTS, "paid_at", OWNER, middles=("amount",)),
    *drift_watched(SALES, "sold_at", OWNER, mixes=("item_type",), middles=("amount",)),
    *drift_watched(APPOINTMENTS, "starts_at", OWNER, mixes=("status", "direction")),
    *keyed(STAGES, ("line_id",), ("line_id", "plan_id", "clinic_id", "stage_number"), ("line_id",), OWNER),
    clinic_known(STAGES, ("line_id",), OWNER),
)
