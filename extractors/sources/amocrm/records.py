"""amoCRM's records as structs, and how each becomes a landed row. Times are Unix seconds; `price` is whole."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from extractors.core.phones import e164
from extractors.core.settings import required
from extractors.core.spec import Context, RowError
from extractors.core.values import epoch, money, needed, text

Id = int | str


class FieldValue(msgspec.Struct):
    value: Any = None


class CustomField(msgspec.Struct):
    field_id: int | None = None
    field_code: str | None = None
    values: list[FieldValue] | None = None


CustomFields = list[CustomField] | None


def custom(fields: CustomFields, name: str) -> list[str]:
    """Values of the custom field with that code or number; none is an empty list."""
    return [
        found
        for field in fields or ()
        if name in (field.field_code, str(field.field_id))
        for value in field.values or ()
        if (found := text(value.value))
    ]


def first(values: list[str]) -> str | None:
    return next(iter(values), None)


def moment(value: int | None, column: str) -> datetime | None:
    return epoch(value, column) if value else None


class Tag(msgspec.Struct):
    name: str | None = None


class LinkedContact(msgspec.Struct):
    id: Id
    is_main: bool | None = None


class LeadEmbedded(msgspec.Struct):
    tags: list[Tag] | None = None
    contacts: list[LinkedContact] | None = None


class Lead(msgspec.Struct):
    """A deal; amoCRM calls it a lead. Without a responsible user or a status it would still be one."""

    id: Id
    pipeline_id: Id
    status_id: Id
    created_at: int
    updated_at: int
    name: str | None = None
    price: int | float | str | None = None
    responsible_user_id: Id | None = None
    loss_reason_id: Id | None = None
    source_id: Id | None = None
    closed_at: int | None = None
    is_deleted: bool | None = None
    custom_fields_values: CustomFields = None
    embedded: LeadEmbedded | None = msgspec.field(name="_embedded", default=None)


def lead_row(record: Lead, context: Context) -> tuple[Any, ...]:
    pipeline = str(record.pipeline_id)
    embedded = record.embedded or LeadEmbedded()
    contacts = sorted(embedded.contacts or (), key=lambda contact: not contact.is_main)
    fields = record.custom_fields_values
    asked = str(context.settings.get("first_request_field") or "")
    return (
        str(record.id),
        text(record.name),
        pipeline,
        str(record.status_id),
        money(record.price, "price"),
        required(context.settings, "amocrm", "currency"),
        str(contacts[0].id) if contacts else None,
        _reference(record.responsible_user_id),
        _reference(record.loss_reason_id),
        _reference(record.source_id),
        _contact_kind(record.source_id, context),
        needed(moment(record.created_at, "created_at"), "created_at"),
        needed(moment(record.updated_at, "updated_at"), "updated_at"),
        moment(record.closed_at, "closed_at"),
        bool(record.is_deleted),
        *(first(custom(fields, f"UTM_{part}")) for part in ("SOURCE", "MEDIUM", "CAMPAIGN", "CONTENT", "TERM")),
        first(custom(fields, asked)) if asked else None,
        [name for tag in embedded.tags or () if (name := text(tag.name))] or None,
        context.clinics.get(pipeline) or context.clinics.get("*"),
    )


def _reference(value: object) -> str | None:
    """An id of something else; null and 0 mean none."""
    return None if value in (None, 0, "0", "") else str(value)


def _contact_kind(source_id: object, context: Context) -> str | None:
    """How the client came, by the setting `contact_kinds` (the account's source id → our word)."""
    kinds = context.settings.get("contact_kinds") or {}
    return kinds.get(str(source_id)) if source_id else None


class LeadId(msgspec.Struct):
    id: Id


def lead_id_row(record: LeadId, context: Context) -> tuple[Any, ...]:
    return (int(record.id),)


class Contact(msgspec.Struct):
    id: Id
    updated_at: int
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    created_at: int | None = None
    custom_fields_values: CustomFields = None


def contact_row(record: Contact, context: Context) -> tuple[Any, ...]:
    phones = custom(record.custom_fields_values, "PHONE")
    parts = [part for given in (record.first_name, record.last_name) if (part := text(given))]
    return (
        str(record.id),
        text(record.name) or " ".join(parts) or None,
        phones,
        [normal for phone in phones if (normal := e164(phone, context.region))],
        custom(record.custom_fields_values, "EMAIL"),
        moment(record.created_at, "created_at"),
        needed(moment(record.updated_at, "updated_at"), "updated_at"),
    )


class Status(msgspec.Struct):
    id: Id
    name: str | None = None
    sort: int | None = None


class PipelineEmbedded(msgspec.Struct):
    statuses: list[Status] = []


class Pipeline(msgspec.Struct):
    """A funnel with its stages."""

    id: Id
    name: str | None = None
    embedded: PipelineEmbedded = msgspec.field(name="_embedded", default_factory=PipelineEmbedded)


class PipelineStatus(msgspec.Struct):
    """One stage of one funnel. Stages 142 (won) and 143 (lost) are in every funnel: the key is both numbers."""

    pipeline_id: Id
    status_id: Id
    pipeline: str | None = None
    name: str | None = None
    sort: int | None = None


def status_row(record: PipelineStatus, context: Context) -> tuple[Any, ...]:
    return (str(record.pipeline_id), str(record.status_id), text(record.pipeline), text(record.name), record.sort)


class User(msgspec.Struct):
    id: Id
    name: str | None = None


def user_row(record: User, context: Context) -> tuple[Any, ...]:
    return (str(record.id), text(record.name))


class LossReason(msgspec.Struct):
    id: Id
    name: str | None = None


def loss_reason_row(record: LossReason, context: Context) -> tuple[Any, ...]:
    return (str(record.id), text(record.name))


class LeadStatus(msgspec.Struct):
    id: Id
    pipeline_id: Id


class EventValue(msgspec.Struct):
    lead_status: LeadStatus | None = None


class Event(msgspec.Struct):
    """Something that happened to a lead: a move between stages, a deletion, a return from the recycle bin."""

    id: Id
    type: str
    entity_id: Id
    created_at: int
    entity_type: str | None = None
    value_before: list[EventValue] | None = None
    value_after: list[EventValue] | None = None


def event_row(record: Event, context: Context) -> tuple[Any, ...]:
    before, after = _status(record.value_before), _status(record.value_after)
    if record.type == "lead_status_changed" and after is None:
        raise RowError("value_after", "a move between stages says no stage")
    return (
        str(record.id),
        record.type,
        str(record.entity_id),
        needed(moment(record.created_at, "created_at"), "created_at"),
        str(before.pipeline_id) if before else None,
        str(before.id) if before else None,
        str(after.pipeline_id) if after else None,
        str(after.id) if after else None,
    )


def _status(values: list[EventValue] | None) -> LeadStatus | None:
    return next((value.lead_status for value in values or () if value.lead_status), None)
