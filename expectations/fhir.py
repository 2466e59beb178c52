"""Rules for what a FHIR server said: patients, bookings, services, payments, slots."""

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

OWNER = "the warehouse's owner, with whoever runs the clinic system"
PATIENTS = "staging.fhir__patients"
APPOINTMENTS = "staging.fhir__appointments"
CHARGES = "staging.fhir__charge_items"
INVOICES = "staging.fhir__invoices"
PAYMENTS = "staging.fhir__payments"
SLOTS = "staging.fhir__slots"
# All that the standard has (R4); another word is another version of it.
STATUSES = (
    "proposed", "pending", "booked", "arrived", "fulfilled", "cancelled", "noshow", "entered-in-error", "checked-in",
    "waitlist",
)  # fmt: skip
CHARGED = ("planned", "billable", "not-billable", "aborted", "billed", "entered-in-error", "unknown")

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
    *keyed(
        APPOINTMENTS,
        ("appointment_id",),
        ("appointment_id", "clinic_id", "status"),
        ("appointment_id",),
        OWNER,
    ),
    clinic_known(APPOINTMENTS, ("appointment_id",), OWNER),
    vocabulary(APPOINTMENTS, "status", STATUSES, ("appointment_id",), OWNER),
    *plausible_times(APPOINTMENTS, "created_at", ("appointment_id",), OWNER, FIRST_YEAR_OF_BOOKS),
    *plausible_times(APPOINTMENTS, "starts_at", ("appointment_id",), OWNER, FIRST_YEAR_OF_BOOKS),
    Rule(
        name="patient_is_landed",
        table=APPOINTMENTS,
        expectation=where(
            "t.patient_id is not null and not exists (select from staging.fhir__patients as p"
            " where p.patient_id = t.patient_id)"
        ),
        severity="warn",
        reason="A booking of an unknown card is nobody's: its inquiry looks refused.",
        what_to_do="Reload patients from the first day (`make backfill SOURCE=fhir`).",
        owner=OWNER,
        keys=("appointment_id",),
        needs=(PATIENTS,),
    ),
    volume_holds(APPOINTMENTS, "created_at", OWNER),
    *keyed(CHARGES, ("charge_item_id",), ("charge_item_id", "clinic_id", "status"), ("charge_item_id",), OWNER),
    clinic_known(CHARGES, ("charge_item_id",), OWNER),
    vocabulary(CHARGES, "status", CHARGED, ("charge_item_id",), OWNER),
    amount_within(CHARGES, "amount", -MOST_MONEY, ("charge_item_id",), OWNER),
    currency_is_a_code(CHARGES, ("charge_item_id",), OWNER),
    Rule(
        name="service_has_a_price",
        table=CHARGES,
        expectation=where(
            "t.status in ('billable', 'billed') and t.amount is null and not exists (select from"
            " staging.fhir__invoices as i cross join lateral jsonb_array_elements(i.lines) as line (entry)"
            " where line.entry ->> 'charge_item' = t.charge_item_id and line.entry ->> 'amount' is not null)"
        ),
        severity="warn",
        reason="A service without a price, neither its own nor on a bill, is left out of the sales.",
        what_to_do="Ask whoever runs the server where prices are kept; bills may not have landed yet.",
        owner=OWNER,
        keys=("charge_item_id",),
        needs=(INVOICES,),
    ),
    *keyed(PAYMENTS, ("payment_id",), ("payment_id", "clinic_id", "amount"), ("payment_id",), OWNER),
    clinic_known(PAYMENTS, ("payment_id",), OWNER),
    *plausible_times(PAYMENTS, "paid_at", ("payment_id",), OWNER, FIRST_YEAR_OF_BOOKS),
    amount_within(PAYMENTS, "amount", -MOST_MONEY, ("payment_id",), OWNER),
    currency_is_a_code(PAYMENTS, ("payment_id",), OWNER),
    rate_is_known(PAYMENTS, "t.paid_at::date", ("payment_id",), OWNER),
    Rule(
        name="payment_leads_to_a_patient",
        table=PAYMENTS,
        expectation=where(
            "t.status = 'active' and t.patient_id is null and not exists (select from staging.fhir__invoices as i"
            " where i.invoice_id = any (t.invoices) and i.patient_id is not null)"
        ),
        severity="warn",
        reason="Money that is nobody's cannot be revenue of a channel: it is left out.",
        what_to_do="Name the extension in which the server keeps the payer (`extensions`, docs/sources/fhir.md), or "
        "load payments from files.",
        owner=OWNER,
        keys=("payment_id",),
        needs=(INVOICES,),
    ),
    volume_holds(PAYMENTS, "paid_at", OWNER),
    *drift_watched(PAYMENTS, "paid_at", OWNER, mixes=("status",), middles=("amount",)),
    *drift_watched(CHARGES, "happened_at", OWNER, mixes=("status",), middles=("amount",)),
    *drift_watched(APPOINTMENTS, "starts_at", OWNER, mixes=("status", "direction")),
    *keyed(SLOTS, ("slot_id",), ("slot_id", "starts_at"), ("slot_id",), OWNER),
    *plausible_times(SLOTS, "starts_at", ("slot_id",), OWNER),
)
