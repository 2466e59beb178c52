"""Rows of the reports in UIS's JSON: names and types as the vendor's pages have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from simulators.uis.state import UisState
from simulators.world.model import Contact, Session
from simulators.world.neutral import plain_tags, stated_tags

# Columns by which the vendor's tables allow sorting; `id` is in none.
SORTABLE = {
    "get.calls_report": {"start_time", "finish_reason", "direction", "source", "is_lost", "site_id", "visitor_id"},
    "get.offline_messages_report": {"status", "form_type", "form_name", "site_id", "visitor_id", "employee_id"},
    "get.chats_report": {"date_time", "status", "initiator", "site_id", "visitor_id", "employee_id"},
    "get.visitor_sessions_report": {"campaign_id", "site_id", "visitor_id"},
}
# A part of the columns that come when none are asked for.
DEFAULT = {
    "get.calls_report": ("id", "start_time", "finish_time", "finish_reason", "direction", "source", "is_lost",
                         "contact_phone_number", "communication_id", "communication_type", "wait_duration",
                         "talk_duration", "clean_talk_duration", "total_duration", "virtual_phone_number"),
    "get.offline_messages_report": ("id", "text", "communication_id", "status", "form_type", "employee_id", "site_id",
                                    "visitor_phone_number", "visitor_email", "visitor_name", "visitor_id"),
    "get.chats_report": ("id", "status", "initiator", "date_time", "communication_id", "employee_id", "site_id",
                         "visitor_phone_number", "visitor_id"),
    "get.visitor_sessions_report": ("campaign_id", "site_id", "person_id", "visitor_id"),
}  # fmt: skip


def row(state: UisState, method: str, contact: Contact) -> dict[str, Any]:
    """All columns of a report for one contact."""
    write = {"get.calls_report": _call, "get.offline_messages_report": _message, "get.chats_report": _chat}[method]
    return _common(state, contact) | write(state, contact) | state.edits.get(contact.contact_id, {})


def visit(state: UisState, session: Session) -> dict[str, Any]:
    """All columns of a visit."""
    return {
        "id": session.session_id,
        "date_time": stamp(state, session.started_at),
        "duration": 95,
        "site_domain_name": urlsplit(session.landing_page).hostname,
        "communications": [],
        **_behind(session),
        "ym_client_id": session.client_id,
        "site_id": state.site_of[session.clinic_id],
    }


def stamp(state: UisState, instant: datetime) -> str:
    if state.options.times == "iso":
        return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return f"{state.local(instant):%Y-%m-%d %H:%M:%S}"


def _tags(state: UisState, contact: Contact) -> list[dict[str, Any]] | dict[str, Any] | None:
    own = [(name, "auto") for name in plain_tags(contact) if name not in contact.tags]
    by_hand = [*contact.tags, *stated_tags(state.world, contact), *state.added_tags.get(contact.contact_id, [])]
    tags = [*own, *((name, "manual") for name in by_hand)]
    if not tags:
        return {"null": None, "list": [], "map": {}}[state.options.no_tags]
    return [
        {
            "tag_id": 100 + index,
            "tag_name": name,
            "tag_type": kind,
            "tag_change_time": stamp(state, contact.occurred_at),
            "tag_user_id": None,
            "tag_user_login": None,
            "tag_employee_id": None,
            "tag_employee_full_name": None,
        }
        for index, (name, kind) in enumerate(tags)
    ]


def _common(state: UisState, contact: Contact) -> dict[str, Any]:
    session = state.session(contact)
    return {
        **_behind(session),
        "id": contact.vendor_num,
        "communication_id": contact.vendor_num + 700_000_000,
        "communication_number": len(contact.session_ids) or None,
        "communication_page_url": session.landing_page if session else None,
        "ym_client_id": contact.client_id,
        "sale_date": None,
        "sale_cost": None,
        "tags": _tags(state, contact),
        "site_id": state.site_of[contact.clinic_id],
        "site_domain_name": f"{contact.clinic_id.lower()}.clinic.example",
        "visitor_session_id": session.session_id if session else None,
        "visits_count": len(contact.session_ids) or None,
        "attributes": [],
        "segments": [],
        "visitor_custom_properties": [],
    }


def _behind(session: Session | None) -> dict[str, Any]:
    """What a report tells of a visit; all null where there is none."""
    query = parse_qs(urlsplit(session.landing_page).query) if session else {}
    return {
        "ua_client_id": None,
        "search_query": None,
        "search_engine": None,
        "referrer_domain": urlsplit(session.referrer).hostname if session and session.referrer else None,
        "referrer": session.referrer if session else None,
        "entrance_page": session.landing_page if session else None,
        "gclid": query.get("gclid", [None])[0],
        "yclid": query.get("yclid", [None])[0],
        "ymclid": None,
        "ef_id": None,
        "channel": _channel(session),
        "campaign_id": session.campaign_id if session else None,
        "campaign_name": (session.utm_campaign or "Посетители без рекламной кампании") if session else None,
        "visitor_id": session.ct_client_id % 10**9 if session else None,
        "person_id": session.ct_client_id % 10**9 if session else None,
        "utm_source": session.utm_source if session else None,
        "utm_medium": session.utm_medium if session else None,
        "utm_campaign": session.utm_campaign if session else None,
        "utm_content": session.utm_content if session else None,
        "utm_term": session.utm_term if session else None,
    }


def _channel(session: Session | None) -> str | None:
    if session is None:
        return None
    return {"cpc": "paid", "organic": "organic", "referral": "referral", "social": "social"}.get(
        session.medium, "direct"
    )


def _employee(state: UisState, contact: Contact) -> int | None:
    return state.employees[contact.administrator_id] if contact.administrator_id else None


def _call(state: UisState, contact: Contact) -> dict[str, Any]:
    answered = bool(contact.is_answered)
    talk = contact.talk_seconds if answered else 0
    employee = _employee(state, contact) if answered else None
    return {
        "start_time": stamp(state, contact.occurred_at),
        "finish_time": stamp(state, contact.occurred_at + timedelta(seconds=10 + (talk or 0))),
        "finish_reason": "subscriber_disconnects" if answered else "operator_not_responsible",
        "direction": "in" if contact.direction == "inbound" else "out",
        "source": "call_tracking" if contact.static_number else "dynamic_call_tracking",
        "is_lost": not answered,
        "is_transfer": False,
        "communication_type": "call",
        "contact_phone_number": (contact.phone or "").removeprefix("+") or None,
        "virtual_phone_number": (contact.called_address or "").removeprefix("+") or None,
        "wait_duration": 7,
        "total_wait_duration": 7,
        # From the first word to the last, held lines included: longer than what was spoken.
        "talk_duration": None if talk is None else talk + (5 if answered else 0),
        "clean_talk_duration": talk,
        "total_duration": 10 + (talk or 0),
        "postprocess_duration": 0,
        "call_records": [f"{contact.vendor_num:032x}"] if answered else [],
        "full_record_file_link": f"https://media.example.org/{contact.vendor_num}" if answered else None,
        "employees": [] if employee is None else [{"employee_id": employee, "is_answered": True, "is_talked": True}],
        "first_answered_employee_id": employee,
        "last_answered_employee_id": employee,
        "first_talked_employee_id": employee,
        "last_talked_employee_id": employee,
        "scenario_name": "День",
        "contact_full_name": None,
    }


def _message(state: UisState, contact: Contact) -> dict[str, Any]:
    phone = (contact.phone or "").removeprefix("+")
    return {
        "date_time": stamp(state, contact.occurred_at),
        "text": "",
        "communication_type": "offline_message",
        "status": "not_processed",
        "process_time": None,
        "form_type": "Пользовательская",
        "form_name": "Обратный звонок" if contact.kind == "callback_order" else "Запись на приём",
        "employee_id": _employee(state, contact),
        "visitor_phone_number": int(phone) if phone else None,  # a number, where calls have a text
        "visitor_email": contact.email,
        "visitor_name": contact.client_name,
    }


def _chat(state: UisState, contact: Contact) -> dict[str, Any]:
    phone = (contact.phone or "").removeprefix("+")
    return {
        "date_time": stamp(state, contact.occurred_at),
        "communication_type": "chat",
        "status": "succeed",
        "initiator": "visitor" if contact.direction == "inbound" else "operator",
        "chat_channel_type": "whatsapp" if phone else "comagic",
        "employee_id": _employee(state, contact),
        "visitor_phone_number": int(phone) if phone else None,
    }
