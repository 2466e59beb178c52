"""FHIR R4: patients, bookings, visits, services, payments and the schedule, from any server of the standard.

The neutral contract of clinic systems (https://hl7.org/fhir/R4/). Resources are searched by `_lastUpdated`, pages
follow opaque links; deletions come from `_history`, or from comparing lists of ids. Times carry their offset, bare days
are the clinic's. What the standard has no field for (how a patient learned of the clinic, whose a prepayment is) is
read from extensions that the connection names.

Data flow: GET <base>/Patient, /Appointment, … → staging.fhir__* → stg_fhir__patients, …__appointments, …__sales,
…__payments, …__schedule_slots.
By hand: python -m extractors fhir appointments --from 2026-06-01 --to 2026-06-30
Not taken: CarePlan and ServiceRequest (no order of stages in them: plans come from files), insurance, clinical
resources, $export.
"""

from extractors.core.spec import SourceSpec
from extractors.sources.fhir.client import FhirClient
from extractors.sources.fhir.streams import (
    APPOINTMENTS,
    CHARGE_ITEMS,
    DELETIONS,
    ENCOUNTERS,
    INVOICES,
    PATIENTS,
    PAYMENTS,
    RESOURCE_IDS,
    SCHEDULES,
    SLOTS,
)

SOURCE = SourceSpec(
    name="fhir",
    description="Patients, visits and money of a FHIR server",
    streams=(
        PATIENTS, APPOINTMENTS, ENCOUNTERS, CHARGE_ITEMS, INVOICES, PAYMENTS, SCHEDULES, SLOTS, DELETIONS,
        RESOURCE_IDS,
    ),
    client=FhirClient,
    time_zone="Europe/Moscow",
)
