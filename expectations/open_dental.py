"""Rules for what Open Dental said: patients, appointments, procedures, payments."""

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
PATIENTS = "staging.open_dental__patients"
APPOINTMENTS = "staging.open_dental__appointments"
PROCEDURES = "staging.open_dental__procedures"
PAYMENTS = "staging.open_dental__payments"
# All that the API documents; another word is a new version of it.
STATUSES = (
    "Scheduled", "Complete", "UnschedList", "ASAP", "Broken", "Planned", "PtNote", "PtNoteCompleted",
)  # fmt: skip

SUITE: tuple[Rule, ...] = (
    *keyed(PATIENTS, ("patient_num",), ("patient_num", "clinic_id"), ("patient_num",), OWNER),
    clinic_known(PATIENTS, ("patient_num",), OWNER),
    reachable(
        PATIENTS,
        "coalesce(cardinality(t.phones_e164), 0) = 0 and coalesce(cardinality(t.emails), 0) = 0",
        0.5,
        ("patient_num",),
        OWNER,
    ),
    *keyed(
        APPOINTMENTS,
        ("appointment_num",),
        ("appointment_num", "patient_num", "clinic_id", "status"),
        ("appointment_num",),
        OWNER,
    ),
    clinic_known(APPOINTMENTS, ("appointment_num",), OWNER),
    vocabulary(APPOINTMENTS, "status", STATUSES, ("appointment_num",), OWNER),
    *plausible_times(APPOINTMENTS, "created_at", ("appointment_num",), OWNER, FIRST_YEAR_OF_BOOKS),
    *plausible_times(APPOINTMENTS, "starts_at", ("appointment_num",), OWNER, FIRST_YEAR_OF_BOOKS),
    Rule(
        name="patient_is_landed",
        table=APPOINTMENTS,
        expectation=where(
            "not exists (select from staging.open_dental__patients as p where p.patient_num = t.patient_num)"
        ),
        severity="warn",
        reason="An appointment of an unknown card is booked by nobody: its inquiry looks refused.",
        what_to_do="Reload patients from the first day (`make backfill SOURCE=open_dental`).",
        owner=OWNER,
        keys=("appointment_num",),
        needs=(PATIENTS,),
    ),
    volume_holds(APPOINTMENTS, "created_at", OWNER),
    *keyed(PROCEDURES, ("procedure_num",), ("procedure_num", "patient_num", "clinic_id"), ("procedure_num",), OWNER),
    clinic_known(PROCEDURES, ("procedure_num",), OWNER),
    amount_within(PROCEDURES, "fee", -MOST_MONEY, ("procedure_num",), OWNER),
    *keyed(PAYMENTS, ("payment_num",), ("payment_num", "patient_num", "clinic_id", "amount"), ("payment_num",), OWNER),
    clinic_known(PAYMENTS, ("payment_num",), OWNER),
    *plausible_times(PAYMENTS, "paid_at", ("payment_num",), OWNER, FIRST_YEAR_OF_BOOKS),
    amount_within(PAYMENTS, "amount", -MOST_MONEY, ("payment_num",), OWNER),
    currency_is_a_code(PAYMENTS, ("payment_num",), OWNER),
    rate_is_known(PAYMENTS, "t.paid_at::date", ("payment_num",), OWNER),
    volume_holds(PAYMENTS, "paid_at", OWNER),
    *drift_watched(PAYMENTS, "paid_at", OWNER, mixes=("payment_type",), middles=("amount",)),
    *drift_watched(PROCEDURES, "done_at", OWNER, mixes=("status",), middles=("fee",)),
    *drift_watched(APPOINTMENTS, "starts_at", OWNER, mixes=("status", "appointment_type_num")),
)
