"""Open Dental: patients, appointments, procedures, payments and treatment plans of a dental office.

REST interface v1 (https://www.opendental.com/site/apispecification.html). Limits: 100 rows a page, about one request a
second (the setting `requests_per_second` for an office's own service). Times of work are on the clinic's clock without
offset, change stamps on the server's; year 1 is null. Rows are read by change stamp; payments have none and are read
again for 90 days, which replace themselves; pay splits, referrals and patient fields have no filter and are read whole.
A deleted procedure stays with status D; a deleted appointment is told by the history of appointments.

Data flow: GET /api/v1/appointments, … → staging.open_dental__* → stg_open_dental__patients, …__appointments, …__sales,
…__payments, …__treatment_stages.
By hand: python -m extractors open_dental appointments --from 2026-06-01 --to 2026-06-30
Not taken: clinical notes, insurance, charts and documents: marketing does not need them; the schedule, which comes
from files because the vendor documents no free slots.
"""

from extractors.core.spec import SourceSpec
from extractors.sources.open_dental.client import OpenDentalClient
from extractors.sources.open_dental.streams import (
    APPOINTMENT_TYPES,
    APPOINTMENTS,
    CLINICS,
    DELETED_APPOINTMENTS,
    PATIENT_FIELDS,
    PATIENTS,
    PAY_SPLITS,
    PAYMENTS,
    PROCEDURES,
    PROVIDERS,
    REF_ATTACHES,
    TREAT_PLANS,
)

SOURCE = SourceSpec(
    name="open_dental",
    description="Patients, visits and money of Open Dental",
    streams=(
        CLINICS, PROVIDERS, APPOINTMENT_TYPES, PATIENTS, REF_ATTACHES, PATIENT_FIELDS, APPOINTMENTS,
        DELETED_APPOINTMENTS, PROCEDURES, PAYMENTS, PAY_SPLITS, TREAT_PLANS,
    ),
    client=OpenDentalClient,
    time_zone="Europe/Moscow",
)
