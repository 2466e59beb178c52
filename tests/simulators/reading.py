"""The plainest possible reader of the four vendors, written from docs/sources/simulators.md and nothing else.

It exists to prove that the wire carries the truth: what it reads must equal `World.neutral_rows()`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import requests

Row = dict[str, Any]
ABSENT = {None, "", "<не указано>", "<не заполнено>", "(not set)", "(not provided)"}
CALLTOUCH_ZONE = timezone(timedelta(hours=3))
STATED = {
    "group": "people_group",
    "topic": "topic",
    "outcome": "outcome",
    "refusal": "refusal_reason",
    "learned": "how_learned",
}


def real(value: str | None) -> str | None:
    return None if value in ABSENT else value


def plus(digits: str | None) -> str | None:
    return f"+{digits}" if digits else None


# Calltouch ------------------------------------------------------------------------------------------------------------
def calltouch(endpoint: Row, first: date, last: date) -> tuple[list[Row], list[Row]]:
    """(contacts, sessions)."""
    contacts: list[Row] = []
    sessions: dict[str, Row] = {}
    for site, clinic_id in endpoint["settings"]["sites"].items():
        for call in _calls(endpoint, site, first, last):
            contacts.append(_call(call, clinic_id))
            _collect(sessions, call["mapVisits"], call["yaClientId"])
        query = {
            "clientApiId": endpoint["token"],
            "siteId": site,
            "dateFrom": f"{first:%m/%d/%Y}",
            "dateTo": f"{last:%m/%d/%Y}",
            "withRequestTags": "true",
            "withMapVisits": "true",
        }
        address = f"{endpoint['base_url']}/calls-service/RestAPI/requests"
        for made in requests.get(address, query, timeout=10).json():
            contacts.append(_request(made, clinic_id))
            _collect(sessions, made["mapVisits"], made["session"]["yaClientId"])
    return contacts, list(sessions.values())


def _calls(endpoint: Row, site: str, first: date, last: date) -> Iterator[Row]:
    page, total = 1, 1
    while page <= total:
        query = {
            "clientApiId": endpoint["token"],
            "dateFrom": f"{first:%d/%m/%Y}",
            "dateTo": f"{last:%d/%m/%Y}",
            "page": str(page),
            "limit": "100",
            "withCallTags": "true",
            "withMapVisits": "true",
        }
        address = f"{endpoint['base_url']}/calls-service/RestAPI/{site}/calls-diary/calls"
        answer = requests.get(address, query, timeout=10).json()
        yield from answer["records"]
        page, total = page + 1, answer["pageTotal"]


def _tagged(blocks: list[Row]) -> Row:
    row: Row = {"tags": []}
    for name in (name for block in blocks for name in block["names"]):
        word, colon, value = name.partition(":")
        if colon and word in STATED:
            row[STATED[word]] = value
        elif colon and word == "patient":
            row["patient_ids"] = [*row.get("patient_ids", []), value]
        else:
            row["tags"].append(name)
    row["tags"] = row["tags"] or None
    return row


def _utm(record: Row) -> Row:
    return {
        f"utm_{part.lower()}": real(record[f"utm{part}"])
        for part in ("Source", "Medium", "Campaign", "Content", "Term")
    }


def _call(call: Row, clinic_id: str) -> Row:
    static = call["medium"] == "offline" and call["source"] == call["phoneNumber"]
    return (
        {
            "contact_id": f"calltouch:call:{call['callId']}",
            "clinic_id": clinic_id,
            "occurred_at": datetime.fromtimestamp(call["timestamp"], UTC),
            "kind": "call",
            "direction": "inbound",
            "phone": call["callerNumber"],
            "phone_e164": plus(call["callerNumber"]),
            "client_id": call["yaClientId"],
            "administrator_id": call["manager"],
            "is_answered": call["successful"],
            "talk_seconds": call["duration"] if call["duration"] >= 0 else None,
            "called_address": call["phoneNumber"],
            "called_address_e164": plus(call["phoneNumber"]),
            "landing_page": real(call["url"]),
            "referrer": real(call["ref"]),
        }
        | ({} if static else _utm(call))
        | _tagged(call["callTags"])
    )


def _request(made: Row, clinic_id: str) -> Row:
    session, client = made["session"], made["client"]
    kinds = [name for block in made["RequestTags"] if block["type"] == "AUTO-CT" for name in block["names"]]
    phone = client["phones"][0]["phoneNumber"] if client["phones"] else None
    emails = [contact["contactValue"] for contact in client["contacts"] if contact["contactType"] == "EMAIL"]
    return (
        {
            "contact_id": f"calltouch:request:{made['requestId']}",
            "clinic_id": clinic_id,
            "occurred_at": datetime.fromtimestamp(made["date"] / 1000, UTC),
            "kind": "callback_order" if "Обратный звонок с формы" in kinds else "form",
            "direction": "inbound",
            "phone": phone,
            "phone_e164": plus(phone),
            "email": emails[0] if emails else None,
            "client_id": session["yaClientId"],
            "administrator_id": made["manager"],
            "landing_page": session["url"],
            "referrer": real(session["ref"]),
        }
        | _utm(session)
        | _tagged(made["RequestTags"])
    )


def _collect(sessions: dict[str, Row], visits: list[Row] | None, client_id: str | None) -> None:
    for visit in visits or []:
        started = datetime.strptime(visit["sessionDate"], "%d/%m/%Y %H:%M:%S").replace(tzinfo=CALLTOUCH_ZONE)
        session_id = f"calltouch:session:{visit['sessionId']}"
        sessions[session_id] = {
            "session_id": session_id,
            "client_id": client_id,
            "started_at": started,
            "site": urlsplit(visit["url"]).hostname,
            "landing_page": visit["url"],
            "referrer": real(visit["ref"]),
        } | _utm(visit)


# Yandex.Direct --------------------------------------------------------------------------------------------------------
def direct_report(endpoint: Row, login: str, first: date, last: date, *, name: str, **change: Any) -> requests.Response:  # noqa: ANN401
    """One request for a campaign report; `change` overrides parts of its definition; `headers` adds headers."""
    headers = {
        "Authorization": f"Bearer {endpoint['token']}",
        "Client-Login": login,
        "skipReportHeader": "true",
        "skipReportSummary": "true",
    } | change.pop("headers", {})
    params = {
        "SelectionCriteria": {"DateFrom": first.isoformat(), "DateTo": last.isoformat()},
        "FieldNames": ["Date", "CampaignId", "CampaignName", "Impressions", "Clicks", "Cost"],
        "ReportName": name,
        "ReportType": "CAMPAIGN_PERFORMANCE_REPORT",
        "DateRangeType": "CUSTOM_DATE",
        "Format": "TSV",
        "IncludeVAT": "YES",
    } | change
    return requests.post(
        f"{endpoint['base_url']}/json/v5/reports", json={"params": params}, headers=headers, timeout=10
    )


def direct_spend(endpoint: Row, first: date, last: date) -> list[Row]:
    rows = []
    for login, clinic_id in endpoint["settings"]["logins"].items():
        answer = direct_report(endpoint, login, first, last, name=f"spend-{login}")
        while answer.status_code in (201, 202):
            answer = direct_report(endpoint, login, first, last, name=f"spend-{login}")
        for line in answer.text.splitlines()[1:]:
            day, _, campaign, impressions, clicks, cost = line.split("\t")
            rows.append(
                {
                    "date_from": date.fromisoformat(day),
                    "date_to": date.fromisoformat(day),
                    "channel": "paid_search",
                    "source": "yandex",
                    "medium": "cpc",
                    "campaign": campaign,
                    "clinic_id": clinic_id,
                    "amount": Decimal(cost) / 1_000_000,
                    "currency": "RUB",
                    "includes_vat": True,
                    "impressions": int(impressions),
                    "clicks": int(clicks),
                }
            )
    return rows


# Bitrix24 -------------------------------------------------------------------------------------------------------------
def bitrix_call(endpoint: Row, method: str, **params: Any) -> requests.Response:  # noqa: ANN401 - a method's parameters
    return requests.post(f"{endpoint['base_url']}/{method}", json=params, timeout=10)


def bitrix_walk(endpoint: Row, method: str, **params: Any) -> list[Row]:  # noqa: ANN401 - a method's parameters
    """Every row by `>ID` with `start=-1`."""
    rows: list[Row] = []
    while True:
        last = rows[-1]["ID"] if rows else 0
        answer = bitrix_call(endpoint, method, order={"ID": "ASC"}, filter={">ID": last}, start=-1, **params).json()
        page = answer["result"]["items"] if isinstance(answer["result"], dict) else answer["result"]
        rows += page
        if len(page) < 50:
            return rows


def bitrix(endpoint: Row) -> dict[str, list[Row]]:
    settings = endpoint["settings"]
    statuses = bitrix_call(endpoint, "crm.status.list").json()["result"]
    stages = {row["STATUS_ID"]: row["NAME"] for row in statuses if row["ENTITY_ID"].startswith("DEAL_STAGE")}
    categories = bitrix_call(endpoint, "crm.category.list", entityTypeId=2).json()["result"]["categories"]
    pipelines = {str(row["id"]): row["name"] for row in categories}
    people = {row["ID"]: row for row in bitrix_walk(endpoint, "crm.contact.list", select=["*", "PHONE", "EMAIL"])}
    kinds = {"CALL": "call", "WEBFORM": "form", "CALLBACK": "callback_order", "EMAIL": "email", "PARTNER": "aggregator"}
    deals, items = [], []
    for deal in bitrix_walk(endpoint, "crm.deal.list", select=["*", "UF_*"]):
        if deal["IS_RECURRING"] == "Y":
            continue
        client = people[deal["CONTACT_ID"]]
        phone = client["PHONE"][0]["VALUE"]
        key = f"bitrix24:{deal['ID']}"
        deals.append(
            {
                "deal_id": key,
                "name": deal["TITLE"],
                "created_at": datetime.fromisoformat(deal["DATE_CREATE"]),
                "closed_at": None if deal["STAGE_SEMANTIC_ID"] == "P" else datetime.fromisoformat(deal["MOVED_TIME"]),
                "created_via": "crm_integration",
                "pipeline": pipelines[deal["CATEGORY_ID"]],
                "stage": stages.get(deal["STAGE_ID"], deal["STAGE_ID"]),
                "stage_kind": {"P": "open", "S": "won", "F": "lost"}[deal["STAGE_SEMANTIC_ID"]],
                "amount": Decimal(deal["OPPORTUNITY"]),
                "currency": deal["CURRENCY_ID"],
                "manager_id": f"bitrix24:{deal['ASSIGNED_BY_ID']}",
                "clinic_id": settings["clinics"][deal["CATEGORY_ID"]],
                "client_name": f"{client['NAME']} {client['LAST_NAME']}",
                "phone": phone,
                "phone_e164": phone,
                "email": client["EMAIL"][0]["VALUE"] if "EMAIL" in client else None,
                "contact_kind": kinds.get(deal["SOURCE_ID"]),
                "utm_source": deal["UTM_SOURCE"],
                "utm_medium": deal["UTM_MEDIUM"],
                "utm_campaign": deal["UTM_CAMPAIGN"],
                "first_request": deal["SOURCE_DESCRIPTION"],
                "tags": deal[settings["tags_field"]] or None,
                "lost_reason": deal[settings["lost_reason_field"]] or None,
            }
        )
        for product in bitrix_call(endpoint, "crm.deal.productrows.get", id=deal["ID"]).json()["result"]:
            price, quantity = Decimal(str(product["PRICE"])), Decimal(product["QUANTITY"])
            items.append(
                {"deal_id": key, "item": product["PRODUCT_NAME"], "quantity": quantity, "amount": price * quantity}
            )
    history = [
        {
            "deal_id": f"bitrix24:{row['OWNER_ID']}",
            "stage": stages.get(row["STAGE_ID"], row["STAGE_ID"]),
            "entered_at": datetime.fromisoformat(row["CREATED_TIME"]),
        }
        for row in bitrix_walk(endpoint, "crm.stagehistory.list", entityTypeId=2)
    ]
    return {"deals": deals, "deal_stages": history, "deal_items": items}
