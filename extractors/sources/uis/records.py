"""Rows of UIS reports as structs, and how each becomes a landed row. The structs' fields are what is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from extractors.core.phones import e164
from extractors.core.said import Said, said
from extractors.core.spec import Context, RowError
from extractors.core.values import day, local_time, needed, text

# A call that a widget of the site made is a callback that the visitor ordered there.
CALLBACK_SOURCES = ("lead", "sitephone")
CALLBACK_FORMS = ("Обратный звонок",)
DIRECTIONS = {"in": "inbound", "out": "outbound"}


class Tag(msgspec.Struct):
    tag_name: str | None = None
    tag_type: str | None = None


class Contact(msgspec.Struct):
    """What every report tells of a contact."""

    id: int | str
    site_id: int | str | None = None
    communication_id: int | str | None = None
    communication_number: int | None = None
    tags: list[Tag] | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_content: str | None = None
    utm_term: str | None = None
    channel: str | None = None
    campaign_name: str | None = None
    entrance_page: str | None = None
    referrer: str | None = None
    yclid: str | None = None
    gclid: str | None = None
    ymclid: str | None = None
    ym_client_id: str | int | None = None
    ua_client_id: str | int | None = None
    visitor_id: int | str | None = None
    person_id: int | str | None = None
    visitor_session_id: int | str | None = None


class Call(Contact, kw_only=True):
    start_time: str
    direction: str
    source: str | None = None
    finish_reason: str | None = None
    is_lost: bool | None = None
    contact_phone_number: str | int | None = None
    virtual_phone_number: str | int | None = None
    wait_duration: int | None = None
    talk_duration: int | None = None
    clean_talk_duration: int | None = None
    first_answered_employee_id: int | str | None = None
    first_talked_employee_id: int | str | None = None
    scenario_name: str | None = None
    full_record_file_link: str | None = None


class OfflineMessage(Contact, kw_only=True):
    date_time: str
    status: str | None = None
    process_time: str | None = None
    form_type: str | None = None
    form_name: str | None = None
    employee_id: int | str | None = None
    visitor_phone_number: str | int | None = None
    visitor_email: str | None = None


class Chat(Contact, kw_only=True):
    date_time: str
    status: str | None = None
    initiator: str | None = None
    chat_channel_type: str | None = None
    employee_id: int | str | None = None
    visitor_phone_number: str | int | None = None


class Visit(msgspec.Struct):
    """A visit to a site, whether it led to a contact or not."""

    id: int | str
    date_time: str
    site_id: int | str | None = None
    site_domain_name: str | None = None
    entrance_page: str | None = None
    referrer: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_content: str | None = None
    utm_term: str | None = None
    channel: str | None = None
    campaign_name: str | None = None
    yclid: str | None = None
    gclid: str | None = None
    ym_client_id: str | int | None = None
    ua_client_id: str | int | None = None
    visitor_id: int | str | None = None
    person_id: int | str | None = None


def call_row(record: Call, context: Context) -> tuple[Any, ...]:
    """A call, answered unless it is lost. Its talk is the time that somebody spoke with the caller, without holding."""
    direction = DIRECTIONS.get(record.direction)
    if direction is None:
        raise RowError("direction", f"{record.direction!r} is neither in nor out")
    sources = _words(context, "callback_sources", CALLBACK_SOURCES)
    talk = record.clean_talk_duration if record.clean_talk_duration is not None else record.talk_duration
    employee = record.first_answered_employee_id or record.first_talked_employee_id
    return (
        *_head(record, record.start_time, "start_time", record.virtual_phone_number, context),
        "callback_order" if record.source in sources else "call",
        direction,
        *_phone(record.contact_phone_number, context),
        *_phone(record.virtual_phone_number, context),
        None if record.is_lost is None else not record.is_lost,
        None if record.is_lost or talk is None or talk < 0 else talk,
        record.wait_duration,
        *_employee(employee, context),
        *_words_of(record),
        *_visit(record),
        text(record.source),
        text(record.finish_reason),
        text(record.scenario_name),
        text(record.full_record_file_link) if context.settings.get("recordings") else None,
    )


def offline_message_row(record: OfflineMessage, context: Context) -> tuple[Any, ...]:
    """A request of a form; one from a callback form is a callback order."""
    forms = _words(context, "callback_forms", CALLBACK_FORMS)
    return (
        *_head(record, record.date_time, "date_time", None, context),
        "callback_order" if record.form_name in forms else "form",
        *_phone(record.visitor_phone_number, context),
        text(record.visitor_email),
        *_employee(record.employee_id, context),
        *_words_of(record),
        *_visit(record),
        text(record.form_type),
        text(record.form_name),
        text(record.status),
        local_time(record.process_time, context.zone, "process_time"),
    )


def chat_row(record: Chat, context: Context) -> tuple[Any, ...]:
    """A chat of the site or of a messenger. One that an employee began is outbound."""
    return (
        *_head(record, record.date_time, "date_time", None, context),
        "email" if record.chat_channel_type == "email" else "message",
        "outbound" if record.initiator == "operator" else "inbound",
        *_phone(record.visitor_phone_number, context),
        *_employee(record.employee_id, context),
        *_words_of(record),
        *_visit(record),
        text(record.status),
        text(record.initiator),
        text(record.chat_channel_type),
    )


def visit_row(record: Visit, context: Context) -> tuple[Any, ...]:
    """A visit. Its site is the tracker's word for it, as it is in the site's address."""
    return (
        str(record.id),
        text(record.site_id),
        *_when(record.date_time, "date_time", context),
        *(
            text(value)
            for value in (
                record.ym_client_id, record.site_domain_name, record.entrance_page, record.referrer, record.utm_source,
                record.utm_medium, record.utm_campaign, record.utm_content, record.utm_term, record.channel,
                record.campaign_name, record.yclid, record.gclid, record.ua_client_id, record.visitor_id,
                record.person_id,
            )
        ),
    )


def _head(
    record: Contact, moment: str, column: str, number: str | int | None, context: Context
) -> tuple[str, str | None, str, datetime, date]:
    """Id, site, clinic, moment, and the account's day, by which the vendor was asked."""
    return str(record.id), text(record.site_id), _clinic(record, number, context), *_when(moment, column, context)


def _when(moment: str, column: str, context: Context) -> tuple[datetime, date]:
    """The moment, and the day of the account's clock, by which the vendor was asked."""
    at = needed(local_time(moment, context.zone, column), column)
    has_offset = datetime.fromisoformat(moment).tzinfo is not None
    return at, at.astimezone(context.zone).date() if has_offset else needed(day(moment, column), column)


def _clinic(record: Contact, number: str | int | None, context: Context) -> str:
    """By the site; a call on a number without a site (a telephone exchange has none) by the setting `numbers`."""
    numbers = context.settings.get("numbers")
    if isinstance(numbers, Mapping) and number is not None and text(number) in numbers:
        return str(numbers[text(number)])
    return context.clinic(record.site_id, "site_id")


def _phone(value: str | int | None, context: Context) -> tuple[str | None, str | None]:
    written = text(value)
    return written, e164(written, context.region)


def _employee(value: int | str | None, context: Context) -> tuple[str | None, str | None]:
    """The vendor's id, and ours by the setting `employees`; an unmapped one keeps the vendor's with its prefix."""
    employee = text(value)
    known = context.settings.get("employees")
    ours = known.get(employee) if isinstance(known, Mapping) else None
    return employee, str(ours) if ours is not None else (f"uis:{employee}" if employee else None)


def _words_of(record: Contact) -> Said:
    return said((tag.tag_name, tag.tag_type == "manual") for tag in record.tags or () if tag.tag_name)


def _visit(record: Contact) -> tuple[str | None, ...]:
    """The visit behind the contact, as the tracker found it."""
    return tuple(
        text(value)
        for value in (
            record.utm_source, record.utm_medium, record.utm_campaign, record.utm_content, record.utm_term,
            record.channel, record.campaign_name, record.entrance_page, record.referrer, record.yclid, record.gclid,
            record.ymclid, record.ym_client_id, record.ua_client_id, record.visitor_id, record.person_id,
            record.visitor_session_id, record.communication_id, record.communication_number,
        )
    )


def _words(context: Context, setting: str, default: Sequence[str]) -> Sequence[str]:
    found = context.settings.get(setting)
    return [str(word) for word in found] if isinstance(found, list | tuple) else default
