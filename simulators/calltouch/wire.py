"""Records in Calltouch's JSON: names, types and markers of absence as recorded from real answers."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from simulators.calltouch.state import ZONE, CalltouchState
from simulators.world.model import Contact, Session
from simulators.world.neutral import plain_tags, stated_tags

ABSENT = "<не указано>"
NOT_FILLED = "<не заполнено>"


def stamp(instant: datetime) -> str:
    """`date` of a call: UTC+3 without an offset."""
    return instant.astimezone(ZONE).strftime("%d/%m/%Y %H:%M:%S")


def stamp_12h(instant: datetime) -> str:
    """`sessionDate` of a call: a 12-hour clock without AM/PM. Nobody can tell morning from evening."""
    return instant.astimezone(ZONE).strftime("%d/%m/%Y %I:%M:%S")


def _tags(state: CalltouchState, contact: Contact) -> list[dict[str, Any]]:
    own = [name for name in plain_tags(contact) if name not in contact.tags]
    blocks: list[dict[str, Any]] = []
    if own:
        kind = "AUTO-CT" if contact.kind == "callback_order" else "AUTO-PN"
        blocks.append({"category": "", "type": kind, "names": own})
    by_hand = [*contact.tags, *stated_tags(state.world, contact), *state.added_tags.get(contact.vendor_num, [])]
    if by_hand:
        blocks.append({"category": "", "type": "MANUAL", "names": by_hand})
    return blocks


def _visit(state: CalltouchState, session: Session) -> dict[str, Any]:
    printed = stamp_12h if state.options.map_visits_clock == "12h" else stamp
    return {
        "sessionId": session.session_id,
        "sessionDate": printed(session.started_at),
        "source": session.source,
        "medium": session.medium,
        "keyword": session.utm_term or "(not set)",
        "url": session.landing_page,
        "ref": session.referrer or "",
        "utmSource": session.utm_source or ABSENT,
        "utmMedium": session.utm_medium or ABSENT,
        "utmCampaign": session.utm_campaign or ABSENT,
        "utmContent": session.utm_content or ABSENT,
        "utmTerm": session.utm_term or ABSENT,
        "ctClientId": session.ct_client_id,
    }


def _direct(session: Session | None) -> dict[str, Any] | None:
    if session is None or session.campaign_id is None or session.ad_id is None:
        return None
    return {
        "campaignId": session.campaign_id,
        "adGroupId": session.campaign_id * 10,
        "adId": session.ad_id,
        "criteriaId": 1,
    }


def call(state: CalltouchState, contact: Contact, asked: frozenset[str]) -> dict[str, Any]:
    """One element of the calls diary. Blocks that were not asked for are null, not absent."""
    visits = state.visits(contact)
    session = visits[-1] if visits else None
    caller = (contact.phone or "").removeprefix("+")
    number = (contact.called_address or "").removeprefix("+")
    answered = bool(contact.is_answered)
    duration = contact.talk_seconds if contact.talk_seconds is not None else -30
    static = contact.static_number
    site = state.site_of[contact.clinic_id]
    mark = hashlib.md5(caller.encode(), usedforsecurity=False).hexdigest()

    def utm(name: str) -> str:
        if static:
            return (
                number
                if name in ("utm_source", "utm_campaign")
                else (NOT_FILLED if name in ("utm_content", "utm_term") else ABSENT)
            )
        return getattr(session, name) or ABSENT if session else ABSENT

    return {
        "callId": contact.vendor_num,
        "callphase": "calldisconnected",
        "attribution": state.options.attribution,
        "callTags": _tags(state, contact) if "withCallTags" in asked else None,
        "date": stamp(contact.occurred_at),
        "duration": duration,
        "callerNumber": caller,
        "redirectNumber": f"sip:{number}@192.0.2.1",
        "phoneNumber": number,
        "manager": contact.administrator_id,
        "successful": answered,
        "uniqueCall": True,
        "targetCall": answered and duration >= 30,
        "uniqTargetCall": answered and duration >= 30,
        "callbackCall": False,
        "city": "moscow",
        "source": number if static else (session.source if session else ABSENT),
        "medium": "offline" if static else (session.medium if session else ABSENT),
        "keyword": (session.utm_term or "(not provided)") if session else "(not set)",
        "url": session.landing_page if session else None,
        "callUrl": session.landing_page if session else None,
        "ref": (session.referrer or "") if session else None,
        "hostname": urlsplit(session.landing_page).hostname if session else None,
        "utmSource": utm("utm_source"),
        "utmMedium": utm("utm_medium"),
        "utmCampaign": utm("utm_campaign"),
        "utmContent": utm("utm_content"),
        "utmTerm": utm("utm_term"),
        "sessionId": session.session_id if session else None,
        "ctCallerId": mark,
        "clientId": f"{session.ct_client_id % 10**9}.1699600000" if session else None,
        "yaClientId": contact.client_id,
        "sipCallId": f"00000000-153b-123d-ccb8-{contact.vendor_num:012d}",
        "userAgent": "Mozilla/5.0" if session else None,
        "ip": "192.0.2.2" if session else None,
        "waitingConnect": 7 if static else None,
        "callReferenceId": f"00000000-9a98-11ee-bfca-{contact.vendor_num:012d}",
        "mapVisits": [_visit(state, visit) for visit in visits] if "withMapVisits" in asked and visits else None,
        "attrs": None,
        "comments": [] if "withComments" in asked else None,
        "phrases": None,
        "additionalTags": [],
        "callClientUniqueId": None,
        "device": "smartphone" if session else None,
        "os": "Android" if session else None,
        "browser": "Chrome" if session else None,
        "timestamp": int(contact.occurred_at.timestamp()),
        "sessionDate": stamp_12h(session.started_at) if session else None,
        "orders": [],
        "order": None,
        "yandexDirect": _direct(session) if "withYandexDirect" in asked else None,
        "googleAdWords": None,
        "siteId": site,
        "siteName": f"{contact.clinic_id.lower()}.clinic.example",
        "callbackInfo": None,
        "ctClientId": session.ct_client_id if session else None,
        "dcm": None,
        "phonesInText": None,
        "ctGlobalId": None,
        "subPoolName": None if static else "Остальные",
        "statusDetails": "Connected. The disconnect came from the callers side" if answered else "No answer",
        "customFields": None,
    }


def request(state: CalltouchState, contact: Contact, asked: frozenset[str]) -> dict[str, Any]:
    """One element of the requests journal: milliseconds, `RequestTags` with a capital, `keywords` in the plural."""
    visits = state.visits(contact)
    session = visits[-1] if visits else None
    phone = (contact.phone or "").removeprefix("+")
    emails = [{"contactType": "EMAIL", "contactValue": contact.email}] if contact.email else []
    return {
        "requestId": contact.vendor_num,
        "requestNumber": f"web-{contact.vendor_num}",
        "date": int(contact.occurred_at.timestamp()) * 1000,
        "dateStr": stamp(contact.occurred_at),
        "subject": "Обратный звонок" if contact.kind == "callback_order" else "Запись на приём",
        "manager": contact.administrator_id,
        "uniqueRequest": True,
        "targetRequest": True,
        "uniqTargetRequest": True,
        "comments": [],
        "orders": [],
        "session": None
        if session is None
        else {
            "sessionId": session.session_id,
            "keywords": session.utm_term or "",
            "city": "Moscow",
            "ip": "192.0.2.3",
            "source": session.source,
            "medium": session.medium,
            "ref": session.referrer or "",
            "url": session.landing_page,
            "utmSource": session.utm_source or "",
            "utmMedium": session.utm_medium or "",
            "utmTerm": session.utm_term or "",
            "utmContent": session.utm_content or "",
            "utmCampaign": session.utm_campaign or "",
            "guaClientId": "",
            "yaClientId": session.client_id,
            "attribution": state.options.attribution,
            "attrs": None,
            "ctGlobalId": None,
            "browser": "Chrome",
        },
        "client": {
            "clientId": contact.vendor_num - 9_000_000,
            "fio": contact.client_name,
            "phones": [{"phoneNumber": phone, "phoneType": "MOBILE"}] if phone else [],
            "contacts": emails,
        },
        "mapVisits": [_visit(state, visit) for visit in visits] if "withMapVisits" in asked and visits else None,
        "RequestTags": _tags(state, contact) if "withRequestTags" in asked else None,
        "yandexDirect": _direct(session) if "withYandexDirect" in asked else None,
        "googleAdWords": None,
        "dcm": None,
        "widgetInfo": None,
        "ctClientId": session.ct_client_id if session else None,
        "ctGlobalId": None,
        "siteId": state.site_of[contact.clinic_id],
        "status": "NEW",
        "requestType": "CALLBACK" if contact.kind == "callback_order" else "FORM",
        "requestUrl": session.landing_page if session else None,
    }
