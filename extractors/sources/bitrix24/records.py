"""Bitrix24's records as structs, and how each becomes a landed row. Most values are strings, whatever they mean."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from extractors.core.phones import e164
from extractors.core.spec import Context
from extractors.core.values import money, needed, offset_time, text

Id = int | str
Value = int | float | str | None
_BETWEEN_TAGS = re.compile(r"\s*[;,]\s*")


class Deal(msgspec.Struct):
    """A deal. The two user fields are renamed while fetching, because each portal names them its own way."""

    ID: Id
    DATE_MODIFY: str
    TITLE: str | None = None
    CATEGORY_ID: Value = None
    STAGE_ID: str | None = None
    STAGE_SEMANTIC_ID: str | None = None
    OPPORTUNITY: Value = None
    CURRENCY_ID: str | None = None
    CONTACT_ID: Value = None
    LEAD_ID: Value = None
    ASSIGNED_BY_ID: Value = None
    DATE_CREATE: str | None = None
    MOVED_TIME: str | None = None
    CLOSED: str | None = None
    SOURCE_ID: str | None = None
    SOURCE_DESCRIPTION: str | None = None
    IS_RECURRING: str | None = None
    UTM_SOURCE: str | None = None
    UTM_MEDIUM: str | None = None
    UTM_CAMPAIGN: str | None = None
    UTM_CONTENT: str | None = None
    UTM_TERM: str | None = None
    tags: Any = None
    lost_reason: Any = None


def deal_row(record: Deal, context: Context) -> tuple[Any, ...]:
    category = str(record.CATEGORY_ID or 0)
    return (
        str(record.ID),
        text(record.TITLE),
        category,
        text(record.STAGE_ID),
        text(record.STAGE_SEMANTIC_ID),
        money(record.OPPORTUNITY, "OPPORTUNITY"),
        text(record.CURRENCY_ID),
        reference(record.CONTACT_ID),
        reference(record.LEAD_ID),
        reference(record.ASSIGNED_BY_ID),
        offset_time(record.DATE_CREATE, "DATE_CREATE"),
        needed(offset_time(record.DATE_MODIFY, "DATE_MODIFY"), "DATE_MODIFY"),
        offset_time(record.MOVED_TIME, "MOVED_TIME"),
        text(record.SOURCE_ID),
        text(record.SOURCE_DESCRIPTION),
        record.IS_RECURRING == "Y",
        text(record.UTM_SOURCE),
        text(record.UTM_MEDIUM),
        text(record.UTM_CAMPAIGN),
        text(record.UTM_CONTENT),
        text(record.UTM_TERM),
        words(record.tags),
        text(record.lost_reason),
        context.clinics.get(category) or context.clinics.get("*"),
    )


class MultiField(msgspec.Struct):
    VALUE: str | None = None


class Contact(msgspec.Struct):
    ID: Id
    DATE_MODIFY: str
    NAME: str | None = None
    SECOND_NAME: str | None = None
    LAST_NAME: str | None = None
    DATE_CREATE: str | None = None
    PHONE: list[MultiField] | None = None
    EMAIL: list[MultiField] | None = None


def contact_row(record: Contact, context: Context) -> tuple[Any, ...]:
    phones = values(record.PHONE)
    return (
        str(record.ID),
        text(record.NAME),
        text(record.SECOND_NAME),
        text(record.LAST_NAME),
        phones,
        [normal for phone in phones if (normal := e164(phone, context.region))],
        values(record.EMAIL),
        offset_time(record.DATE_CREATE, "DATE_CREATE"),
        needed(offset_time(record.DATE_MODIFY, "DATE_MODIFY"), "DATE_MODIFY"),
    )


class Lead(msgspec.Struct):
    ID: Id
    DATE_MODIFY: str
    DATE_CREATE: str | None = None
    CONTACT_ID: Value = None
    STATUS_ID: str | None = None
    PHONE: list[MultiField] | None = None
    EMAIL: list[MultiField] | None = None
    UTM_SOURCE: str | None = None
    UTM_MEDIUM: str | None = None
    UTM_CAMPAIGN: str | None = None
    tags: Any = None


def lead_row(record: Lead, context: Context) -> tuple[Any, ...]:
    phone = next(iter(values(record.PHONE)), None)
    return (
        str(record.ID),
        offset_time(record.DATE_CREATE, "DATE_CREATE"),
        needed(offset_time(record.DATE_MODIFY, "DATE_MODIFY"), "DATE_MODIFY"),
        reference(record.CONTACT_ID),
        text(record.STATUS_ID),
        phone,
        e164(phone, context.region),
        next(iter(values(record.EMAIL)), None),
        text(record.UTM_SOURCE),
        text(record.UTM_MEDIUM),
        text(record.UTM_CAMPAIGN),
        words(record.tags),
    )


class StageChange(msgspec.Struct):
    """A move of a deal. The documentation shows numbers here, recorded answers strings."""

    ID: Id
    OWNER_ID: Id
    CREATED_TIME: str
    STAGE_ID: str
    TYPE_ID: Value = None
    CATEGORY_ID: Value = None
    STAGE_SEMANTIC_ID: str | None = None


def stage_change_row(record: StageChange, context: Context) -> tuple[Any, ...]:
    return (
        str(record.ID),
        str(record.OWNER_ID),
        str(record.CATEGORY_ID or 0),
        record.STAGE_ID,
        text(record.STAGE_SEMANTIC_ID),
        text(record.TYPE_ID),
        needed(offset_time(record.CREATED_TIME, "CREATED_TIME"), "CREATED_TIME"),
    )


class Item(msgspec.Struct):
    """The product rows of one deal, whole: an edit replaces them all, ids included."""

    deal: Id
    rows: list[dict[str, Any]]


def item_row(record: Item, context: Context) -> tuple[Any, ...]:
    kept = [
        {
            "item": text(row.get("PRODUCT_NAME")),
            "quantity": str(needed(money(row.get("QUANTITY"), "QUANTITY"), "QUANTITY")),
            "price": str(needed(money(row.get("PRICE"), "PRICE"), "PRICE")),
        }
        for row in record.rows
    ]
    return (str(record.deal), kept)


class User(msgspec.Struct):
    ID: Id
    ACTIVE: bool | None = None
    NAME: str | None = None
    LAST_NAME: str | None = None


def user_row(record: User, context: Context) -> tuple[Any, ...]:
    return (str(record.ID), record.ACTIVE, text(record.NAME), text(record.LAST_NAME))


class Category(msgspec.Struct):
    id: Id
    name: str | None = None
    sort: int | None = None


def category_row(record: Category, context: Context) -> tuple[Any, ...]:
    return (str(record.id), text(record.name), record.sort)


class Stage(msgspec.Struct):
    ENTITY_ID: str
    STATUS_ID: str
    NAME: str | None = None
    SORT: Value = None
    SEMANTICS: str | None = None


def stage_row(record: Stage, context: Context) -> tuple[Any, ...]:
    _, _, number = record.ENTITY_ID.partition("DEAL_STAGE_")
    return (
        number or "0",
        record.STATUS_ID,
        text(record.NAME),
        None if record.SORT is None else int(record.SORT),
        text(record.SEMANTICS),
    )


def reference(value: object) -> str | None:
    """An id of something else; null, "" and 0 all mean none."""
    found = text(value)
    return None if found in (None, "0") else found


def values(fields: list[MultiField] | None) -> list[str]:
    return [found for field in fields or () if (found := text(field.VALUE))]


def words(value: object) -> list[str] | None:
    """Tags of a user field: a list, or a text with commas or semicolons. None is null."""
    parts = value if isinstance(value, list) else _BETWEEN_TAGS.split(text(value) or "")
    found = [word for part in parts if (word := text(part))]
    return found or None
