"""What is asked of a FHIR server, and where it lands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import msgspec

from extractors.core.errors import PayloadError
from extractors.core.spec import Context, Page, StreamSpec, Window
from extractors.sources.fhir import records
from extractors.sources.fhir.client import FhirClient, Params

KINDS = ("Patient", "Appointment", "Encounter", "ChargeItem", "Invoice", "PaymentReconciliation", "Slot", "Schedule")
_UPDATED = ("updated_at", "timestamptz")
_RESOURCE = (
    "resourceType", "implicitRules", "language", "text", "contained", "extension", "modifierExtension", "identifier",
)
_LISTED = ("resourceType", "id", "meta")


def instants(window: Window, context: Context) -> tuple[datetime, datetime]:
    """The window's first instant, and the first one behind it, on the clinic's clock."""
    days = (window.first, window.last + timedelta(days=1))
    first, after = (datetime.combine(day, time(), context.zone) for day in days)
    return first, after


def absent(context: Context) -> frozenset[str]:
    """Resources that the server does not have, by the setting `absent`."""
    given = context.settings.get("absent") or ()
    return frozenset(given.replace(",", " ").split() if isinstance(given, str) else map(str, given))


def changed(kind: str) -> Callable[[FhirClient, Window, Context], Iterator[Page]]:
    """Resources of that kind that changed within the window."""

    def pages(client: FhirClient, window: Window, context: Context) -> Iterator[Page]:
        if kind in absent(context):
            return
        first, after = instants(window, context)
        bounds = [f"ge{first.isoformat()}", f"lt{after.isoformat()}"]
        params: Params = {"_lastUpdated": bounds, "_sort": "_lastUpdated", "_total": "accurate"}
        yield from client.search(kind, params, where=f"fhir {kind} {window}", within=(first, after))

    return pages


def _by_ids(context: Context) -> bool:
    """Whether deletions are found by comparing lists: for servers that keep no history."""
    return str(context.settings.get("deletions") or "history") == "ids"


def deletion_pages(client: FhirClient, window: Window, context: Context) -> Iterator[Page]:
    if _by_ids(context):
        return
    for kind in (kind for kind in KINDS if kind not in absent(context)):
        since = instants(window, context)[0].isoformat()
        where = f"fhir deletions of {kind}"
        for entries in client.history(kind, since, where=where):
            if entries and not any(entry.request for entry in entries):
                raise PayloadError(
                    f"{where}: the history does not say what was done to anything (`request`), so deletions cannot be"
                    " told. Set `deletions` to `ids` if the server is so (docs/sources/fhir.md)."
                )
            yield [
                {
                    "resource": kind,
                    "resource_id": (entry.request.url or "").split("?")[0].rstrip("/").rpartition("/")[2],
                    # The moment of the deletion is optional; now is late enough.
                    "deleted_at": (entry.response and entry.response.lastModified)
                    or context.now.astimezone(UTC).isoformat(),
                }
                for entry in entries
                if entry.request and entry.request.method == "DELETE" and entry.request.url
            ]


def listed_pages(client: FhirClient, window: Window, context: Context) -> Iterator[Page]:
    if not _by_ids(context):
        return
    for kind in (kind for kind in KINDS if kind not in absent(context)):
        params: Params = {"_elements": "id,meta", "_sort": "_lastUpdated", "_total": "accurate"}
        for page in client.search(kind, params, where=f"fhir ids of {kind}"):
            yield [{name: row.get(name) for name in _LISTED} for row in msgspec.json.decode(page)]


def _stream(
    name: str,
    kind: str,
    description: str,
    record: type[msgspec.Struct],
    row: Callable[[Any, Context], tuple[Any, ...]],
    columns: tuple[tuple[str, str], ...],
    skipped: tuple[str, ...],
) -> StreamSpec:
    fields = {field.encode_name for field in msgspec.structs.fields(record)}
    return StreamSpec(
        source="fhir",
        name=name,
        description=description,
        columns=(*columns, _UPDATED),
        key=(columns[0][0],),
        record=record,
        row=row,
        skipped=tuple(field for field in (*_RESOURCE, *skipped) if field not in fields),
        pages=changed(kind),
        replace="key",
        window_days=366,
        lookback_days=1,  # servers write lastUpdated a little before others can see it; a day covers clocks too
    )


PATIENTS = _stream(
    "patients", "Patient", "Patient cards, merged ones included.", records.Patient, records.patient_row,
    (
        ("patient_id", "text"), ("clinic_id", "text"), ("full_name", "text"), ("birth_date", "date"),
        ("phones", "text[]"), ("phones_e164", "text[]"), ("emails", "text[]"), ("how_learned", "text"),
        ("registered_at", "timestamptz"), ("replaced_by", "text"), ("is_active", "boolean"),
    ),
    (
        "gender", "deceasedBoolean", "deceasedDateTime", "address", "maritalStatus", "multipleBirthBoolean",
        "multipleBirthInteger", "photo", "contact", "communication", "generalPractitioner", "_birthDate",
    ),
)

APPOINTMENTS = _stream(
    "appointments", "Appointment", "Bookings, waiting list included.", records.Appointment, records.appointment_row,
    (
        ("appointment_id", "text"), ("patient_id", "text"), ("clinic_id", "text"), ("status", "text"),
        ("direction", "text"), ("doctor_id", "text"), ("created_at", "timestamptz"), ("starts_at", "timestamptz"),
        ("cancel_reason", "text"),
    ),
    (
        "serviceCategory", "specialty", "appointmentType", "reasonCode", "reasonReference", "priority", "description",
        "supportingInformation", "end", "minutesDuration", "slot", "comment", "patientInstruction", "basedOn",
        "requestedPeriod",
    ),
)

ENCOUNTERS = _stream(
    "encounters", "Encounter", "Visits as they happened.", records.Encounter, records.encounter_row,
    (("encounter_id", "text"), ("status", "text"), ("appointment_id", "text")),
    (
        "statusHistory", "class", "classHistory", "type", "serviceType", "priority", "subject", "episodeOfCare",
        "basedOn", "participant", "period", "length", "reasonCode", "reasonReference", "diagnosis", "account",
        "hospitalization", "location", "serviceProvider", "partOf",
    ),
)

CHARGE_ITEMS = _stream(
    "charge_items", "ChargeItem", "Services done, planned or withdrawn.", records.ChargeItem, records.charge_item_row,
    (
        ("charge_item_id", "text"), ("patient_id", "text"), ("clinic_id", "text"), ("encounter_id", "text"),
        ("status", "text"), ("item", "text"), ("happened_at", "timestamptz"), ("quantity", "numeric"),
        ("amount", "numeric"), ("currency", "text"),
    ),
    (
        "definitionUri", "definitionCanonical", "partOf", "occurrenceTiming", "performer", "costCenter", "bodysite",
        "factorOverride", "overrideReason", "enterer", "reason", "service", "productReference",
        "productCodeableConcept", "account", "note", "supportingInformation",
    ),
)

INVOICES = _stream(
    "invoices", "Invoice", "Bills with the price of each line.", records.Invoice, records.invoice_row,
    (
        ("invoice_id", "text"), ("patient_id", "text"), ("clinic_id", "text"), ("status", "text"),
        ("issued_at", "timestamptz"), ("lines", "jsonb"),
    ),
    (
        "cancelledReason", "type", "recipient", "participant", "account", "totalPriceComponent", "totalNet",
        "totalGross", "paymentTerms", "note",
    ),
)

PAYMENTS = _stream(
    "payments", "PaymentReconciliation", "Money received and, below zero, given back.", records.Payment,
    records.payment_row,
    (
        ("payment_id", "text"), ("status", "text"), ("paid_at", "timestamptz"), ("amount", "numeric"),
        ("currency", "text"), ("patient_id", "text"), ("clinic_id", "text"), ("invoices", "text[]"),
    ),
    (
        "period", "created", "paymentIssuer", "request", "outcome", "disposition", "paymentIdentifier", "formCode",
        "processNote",
    ),
)

SCHEDULES = _stream(
    "schedules", "Schedule", "Whose time the slots are.", records.Schedule, records.schedule_row,
    (("schedule_id", "text"), ("clinic_id", "text"), ("doctor_id", "text"), ("direction", "text")),
    ("active", "serviceCategory", "specialty", "planningHorizon", "comment"),
)

SLOTS = _stream(
    "slots", "Slot", "Time in the schedule, free and taken.", records.Slot, records.slot_row,
    (
        ("slot_id", "text"), ("schedule_id", "text"), ("status", "text"), ("direction", "text"),
        ("starts_at", "timestamptz"), ("ends_at", "timestamptz"),
    ),
    ("serviceCategory", "specialty", "appointmentType", "overbooked", "comment"),
)

DELETIONS = StreamSpec(
    source="fhir",
    name="deletions",
    description="Resources that were deleted, as the server's history tells.",
    columns=(("resource", "text"), ("resource_id", "text"), ("deleted_at", "timestamptz")),
    key=("resource", "resource_id"),
    record=records.Deletion,
    row=records.deletion_row,
    pages=deletion_pages,
    replace="key",
    lookback_days=1,
)

RESOURCE_IDS = StreamSpec(
    source="fhir",
    name="resource_ids",
    description="Ids of all resources that the server has, where it keeps no history: one not here was deleted.",
    columns=(("resource", "text"), ("resource_id", "text"), _UPDATED),
    key=("resource", "resource_id"),
    record=records.Listed,
    row=records.listed_row,
    pages=listed_pages,
    replace="all",
    lookback_days=0,
)
