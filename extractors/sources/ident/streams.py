"""What is read of IDENT, and where it lands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from extractors.core.spec import Context, Page, StreamSpec, Window
from extractors.sources.ident import records
from extractors.sources.ident.client import IdentClient

_ORIGIN = (("file", "text"), ("sheet", "text"), ("row_number", "bigint"), ("sha256", "text"))


def whole(kind: str) -> Callable[[IdentClient, Window, Context], Iterator[Page]]:
    """All rows of that kind, whatever the window: files have no days of their own, the database tells of no changes."""

    def pages(client: IdentClient, window: Window, context: Context) -> Iterator[Page]:
        yield from client.rows(kind)

    return pages


def _stream(
    name: str, description: str, record: type[msgspec.Struct], row: Callable[[Any, Context], tuple[Any, ...]],
    *columns: tuple[str, str],
) -> StreamSpec:
    return StreamSpec(
        source="ident",
        name=name,
        description=description,
        columns=(*columns, *_ORIGIN),
        key=(columns[0][0],),
        record=record,
        row=row,
        pages=whole(name),
        replace="all",
        lookback_days=0,
    )


PATIENTS = _stream(
    "patients", "Patient cards.", records.Patient, records.patient_row,
    ("patient_id", "text"), ("clinic_id", "text"), ("full_name", "text"), ("birth_date", "date"), ("phones", "text[]"),
    ("phones_e164", "text[]"), ("emails", "text[]"), ("how_learned", "text"), ("registered_at", "timestamptz"),
)
APPOINTMENTS = _stream(
    "appointments", "Visits, planned and done.", records.Appointment, records.appointment_row,
    ("visit_id", "text"), ("patient_id", "text"), ("clinic_id", "text"), ("direction", "text"), ("doctor_id", "text"),
    ("created_at", "timestamptz"), ("starts_at", "timestamptz"), ("status", "text"),
)
SALES = _stream(
    "sales", "Lines of bills.", records.Sale, records.sale_row,
    ("sale_id", "text"), ("sold_at", "timestamptz"), ("patient_id", "text"), ("clinic_id", "text"),
    ("visit_id", "text"), ("item_type", "text"), ("item", "text"), ("quantity", "numeric"), ("amount", "numeric"),
    ("currency", "text"),
)
PAYMENTS = _stream(
    "payments", "Money received and, below zero, given back.", records.Payment, records.payment_row,
    ("payment_id", "text"), ("paid_at", "timestamptz"), ("patient_id", "text"), ("clinic_id", "text"),
    ("amount", "numeric"), ("currency", "text"),
)
TREATMENT_STAGES = _stream(
    "treatment_stages", "Lines of treatment plans in their order.", records.Stage, records.stage_row,
    ("line_id", "text"), ("plan_id", "text"), ("patient_id", "text"), ("clinic_id", "text"), ("direction", "text"),
    ("opened_at", "timestamptz"), ("stage_number", "bigint"), ("stage", "text"), ("done_at", "timestamptz"),
)
