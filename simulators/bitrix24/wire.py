"""Rows in Bitrix24's JSON: text everywhere in `crm.deal.*`, typed camelCase in `crm.item.*`."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from simulators.world.dealing import CrmContact, Deal, DealItem, DealStage
from simulators.world.model import World
from simulators.world.neutral_crm import pipeline_name, stage_id
from simulators.world.vocabulary import STAGES

Row = dict[str, Any]
# crm.deal.* name → crm.item.* name where it is not plain camelCase of the first.
ITEM_NAMES = {
    "DATE_CREATE": "createdTime",
    "DATE_MODIFY": "updatedTime",
    "CREATED_BY_ID": "createdBy",
    "MODIFY_BY_ID": "updatedBy",
    "MOVED_BY_ID": "movedBy",
    "UF_CRM_TAGS": "ufCrmTags",
    "UF_CRM_LOST_REASON": "ufCrmLostReason",
}
NUMBERS = {
    "id",
    "categoryId",
    "contactId",
    "companyId",
    "leadId",
    "quoteId",
    "assignedById",
    "createdBy",
    "updatedBy",
    "movedBy",
    "probability",
}
SOURCES = (
    ("CALL", "Звонок"),
    ("EMAIL", "Электронная почта"),
    ("WEBFORM", "CRM-форма"),
    ("CALLBACK", "Обратный звонок"),
    ("PARTNER", "Партнёр"),
    ("OTHER", "Другое"),
)


def moment(instant: datetime, offset: int) -> str:
    return instant.astimezone(timezone(timedelta(hours=offset))).isoformat(timespec="seconds")


def day_moment(day: date, offset: int) -> str:
    """A date field: midnight UTC printed in the portal's offset; only its first ten characters mean anything."""
    return moment(datetime(day.year, day.month, day.day, tzinfo=UTC), offset)


def tables(world: World, offset: int, *, history_as_text: bool) -> dict[str, list[Row]]:
    return {
        "deals": [deal(one, offset) for one in world.deals],
        "leads": [],
        "contacts": [contact(one, offset) for one in world.crm_contacts],
        "history": [history(one, offset, as_text=history_as_text) for one in world.deal_stages],
        "users": users(world, offset),
        "statuses": statuses(world),
        "categories": [
            {
                "id": c.category_id,
                "name": pipeline_name(c.category_id, c.name),
                "sort": 100 * (c.category_id + 1),
                "entityTypeId": 2,
                "isDefault": "Y" if c.category_id == 0 else "N",
            }
            | ({} if c.category_id == 0 else {"originId": "", "originatorId": ""})
            for c in world.clinics
        ],
    }


def deal(d: Deal, offset: int) -> Row:
    manager = str(d.manager_num)
    return {
        "ID": str(d.deal_num),
        "TITLE": d.title,
        "TYPE_ID": "SALE",
        "STAGE_ID": stage_id(d.stage, d.category_id),
        "PROBABILITY": None,
        "CURRENCY_ID": "RUB",
        "OPPORTUNITY": f"{d.amount:.2f}",
        "IS_MANUAL_OPPORTUNITY": "Y",
        "TAX_VALUE": "0.00",
        "LEAD_ID": None,
        "COMPANY_ID": "0",
        "CONTACT_ID": str(d.contact_num),
        "QUOTE_ID": None,
        "BEGINDATE": day_moment(d.created_at.date(), offset),
        "CLOSEDATE": day_moment(d.planned_close, offset),
        "ASSIGNED_BY_ID": manager,
        "CREATED_BY_ID": "1",
        "MODIFY_BY_ID": manager,
        "DATE_CREATE": moment(d.created_at, offset),
        "DATE_MODIFY": moment(d.changed_at, offset),
        "OPENED": "Y",
        "CLOSED": "N" if d.semantic == "P" else "Y",
        "COMMENTS": "",
        "ADDITIONAL_INFO": None,
        "LOCATION_ID": None,
        "CATEGORY_ID": str(d.category_id),
        "STAGE_SEMANTIC_ID": d.semantic,
        "IS_NEW": "Y" if d.stage == "NEW" else "N",
        "IS_RECURRING": "Y" if d.is_template else "N",
        "IS_RETURN_CUSTOMER": "N",
        "IS_REPEATED_APPROACH": "N",
        "SOURCE_ID": d.source_id,
        "SOURCE_DESCRIPTION": d.first_request,
        "ORIGINATOR_ID": None,
        "ORIGIN_ID": None,
        "MOVED_BY_ID": manager,
        "MOVED_TIME": moment(d.moved_at, offset),
        "LAST_ACTIVITY_TIME": moment(d.changed_at, offset),
        "LAST_ACTIVITY_BY": manager,
        "UTM_SOURCE": d.utm_source,
        "UTM_MEDIUM": d.utm_medium,
        "UTM_CAMPAIGN": d.utm_campaign,
        "UTM_CONTENT": None,
        "UTM_TERM": None,
        # PHP: a multiple field without values is `false` in deals, a list otherwise.
        "UF_CRM_TAGS": list(d.tags) or False,
        "UF_CRM_LOST_REASON": d.lost_reason or "",
    }


def item(row: Row) -> Row:
    """The same deal in `crm.item.list`: camelCase, numbers as numbers, Y/N stay letters."""
    typed: Row = {}
    for name, value in row.items():
        head, *tail = name.lower().split("_")
        camel = ITEM_NAMES.get(name, head + "".join(part.capitalize() for part in tail))
        if camel in NUMBERS:
            value = int(value or 0)
        elif camel in ("opportunity", "taxValue"):
            number = float(value)
            value = int(number) if number.is_integer() else number
        elif camel == "ufCrmTags":
            value = value or []
        typed[camel] = value
    return typed | {"contactIds": [typed["contactId"]], "entityTypeId": 2}


def contact(c: CrmContact, offset: int) -> Row:
    phones = [
        {
            "ID": str(c.contact_num * 10 + index),
            "VALUE_TYPE": "MOBILE" if phone.startswith("+79") else "HOME",
            "VALUE": phone,
            "TYPE_ID": "PHONE",
        }
        for index, phone in enumerate(c.phones)
    ]
    row: Row = {
        "ID": str(c.contact_num),
        "NAME": c.first_name,
        "SECOND_NAME": None,
        "LAST_NAME": c.last_name,
        "TYPE_ID": "CLIENT",
        "SOURCE_ID": "CALL",
        "LEAD_ID": None,
        "COMPANY_ID": None,
        "BIRTHDATE": "",
        "ASSIGNED_BY_ID": "1",
        "DATE_CREATE": moment(c.created_at, offset),
        "DATE_MODIFY": moment(c.created_at, offset),
        "UTM_SOURCE": None,
        "UTM_MEDIUM": None,
        "UTM_CAMPAIGN": None,
        "HAS_PHONE": "Y" if phones else "N",
        "HAS_EMAIL": "Y" if c.email else "N",
    }
    if phones:
        row["PHONE"] = phones
    if c.email:
        row["EMAIL"] = [{"ID": str(c.contact_num * 10 + 9), "VALUE_TYPE": "WORK", "VALUE": c.email, "TYPE_ID": "EMAIL"}]
    return row


def history(s: DealStage, offset: int, *, as_text: bool) -> Row:
    numbers: Row = {"ID": s.history_num, "TYPE_ID": s.type_id, "OWNER_ID": s.deal_num}
    if as_text:
        numbers = {name: str(value) for name, value in numbers.items()}
    category: int | str = str(s.category_id) if as_text else s.category_id
    return numbers | {
        "CREATED_TIME": moment(s.entered_at, offset),
        "CATEGORY_ID": category,
        "STAGE_SEMANTIC_ID": s.semantic,
        "STAGE_ID": stage_id(s.stage, s.category_id),
    }


def users(world: World, offset: int) -> list[Row]:
    stamp = moment(world.now - timedelta(days=500), offset)
    rows: list[Row] = [
        {
            "ID": "1",
            "ACTIVE": True,
            "NAME": "Портал",
            "LAST_NAME": "Администратор",
            "EMAIL": "portal@example.org",
            "UF_DEPARTMENT": [1],
            "TIMESTAMP_X": {},
            "DATE_REGISTER": stamp,
        }
    ]
    for person in (person for person in world.employees if person.group == "managers"):
        last, _, first = person.full_name.partition(" ")
        rows.append(
            {
                "ID": str(person.vendor_num),
                "ACTIVE": True,
                "NAME": first,
                "LAST_NAME": last,
                "EMAIL": f"manager{person.vendor_num}@example.org",
                "UF_DEPARTMENT": [1],
                "TIMESTAMP_X": stamp,
                "DATE_REGISTER": stamp,
            }
        )
    return rows


def statuses(world: World) -> list[Row]:
    rows: list[Row] = []
    for clinic in world.clinics:
        category = clinic.category_id
        entity = "DEAL_STAGE" if category == 0 else f"DEAL_STAGE_{category}"
        for sort, (code, name, semantic) in enumerate(STAGES, start=1):
            meaning = {"P": "process", "S": "success", "F": "apology" if code == "APOLOGY" else "failure"}[semantic]
            rows.append(
                {
                    "ID": str(len(rows) + 1),
                    "ENTITY_ID": entity,
                    "STATUS_ID": stage_id(code, category),
                    "NAME": name,
                    "NAME_INIT": name,
                    "SORT": str(sort * 10),
                    "SYSTEM": "Y",
                    "CATEGORY_ID": str(category),
                    "COLOR": "#39A8EF",
                    "SEMANTICS": None if semantic == "P" else semantic,
                    "EXTRA": {"SEMANTICS": meaning, "COLOR": "#39A8EF"},
                }
            )
    for sort, (code, name) in enumerate(SOURCES, start=1):
        rows.append(
            {
                "ID": str(len(rows) + 1),
                "ENTITY_ID": "SOURCE",
                "STATUS_ID": code,
                "NAME": name,
                "NAME_INIT": name,
                "SORT": str(sort * 10),
                "SYSTEM": "Y",
                "CATEGORY_ID": None,
                "COLOR": None,
                "SEMANTICS": None,
            }
        )
    return rows


def product_rows(world: World) -> dict[int, list[Row]]:
    made: dict[int, list[Row]] = defaultdict(list)
    for one in world.deal_items:
        made[one.deal_num].append(_product(one))
    return made


def _product(i: DealItem) -> Row:
    price = float(i.price)
    return {
        "ID": str(i.row_num),
        "OWNER_ID": str(i.deal_num),
        "OWNER_TYPE": "D",
        "PRODUCT_ID": i.product_num,
        "PRODUCT_NAME": i.name,
        "PRICE": price,
        "PRICE_EXCLUSIVE": price,
        "PRICE_NETTO": price,
        "PRICE_BRUTTO": price,
        "PRICE_ACCOUNT": f"{i.price:.2f}",
        "QUANTITY": i.quantity,
        "DISCOUNT_TYPE_ID": 2,
        "DISCOUNT_RATE": 0,
        "DISCOUNT_SUM": 0,
        "TAX_RATE": 0,
        "TAX_INCLUDED": "N",
        "MEASURE_CODE": 796,
        "MEASURE_NAME": "шт",
        "SORT": i.row_num * 10,
        "XML_ID": "",
        "TYPE": 7,
        "STORE_ID": None,
        "RESERVE_ID": None,
        "DATE_RESERVE_END": None,
        "RESERVE_QUANTITY": None,
    }
