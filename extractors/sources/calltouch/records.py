"""Calltouch's records as structs, and how each becomes a landed row."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec

from extractors.core.phones import e164
from extractors.core.spec import Context, RowError
from extractors.core.values import epoch, text, word
from extractors.sources.calltouch.tags import Tag, callback_ordered, said_in

# The diary prints wall-clock times of Moscow in every recorded answer [§1.2]; accounts elsewhere are unconfirmed, so
# the setting `time_zone` may say otherwise.
# Documented fields that are not kept.
CALL_SKIPPED = (
    "callphase", "redirectNumber", "callbackCall", "city", "callUrl", "hostname", "ctCallerId", "sipCallId",
    "userAgent", "ip", "callReferenceId", "mapVisits", "attrs", "comments", "phrases", "additionalTags",
    "callClientUniqueId", "device", "os", "browser", "orders", "order", "yandexDirect", "googleAdWords", "siteName",
    "callbackInfo", "dcm", "phonesInText", "ctGlobalId", "subPoolName", "customFields",
)
REQUEST_SKIPPED = (
    "dateStr", "uniqTargetRequest", "comments", "orders", "mapVisits", "yandexDirect", "googleAdWords", "dcm",
    "widgetInfo", "ctGlobalId", "customFields", "siteName",
)
VISIT_SKIPPED = ("ctClientId",)


class Call(msgspec.Struct):
    """A record of the calls diary. `timestamp` is in seconds."""

    callId: int | str
    timestamp: int
    siteId: int | str | None = None
    date: str | None = None
    callTags: list[Tag] | None = None
    duration: int | None = None
    waitingConnect: int | None = None
    callerNumber: str | None = None
    phoneNumber: str | None = None
    manager: Any = None
    successful: bool | None = None
    uniqueCall: bool | None = None
    targetCall: bool | None = None
    uniqTargetCall: bool | None = None
    attribution: int | None = None
    source: str | None = None
    medium: str | None = None
    keyword: str | None = None
    url: str | None = None
    ref: str | None = None
    utmSource: str | None = None
    utmMedium: str | None = None
    utmCampaign: str | None = None
    utmContent: str | None = None
    utmTerm: str | None = None
    sessionId: int | str | None = None
    sessionDate: str | None = None
    ctClientId: int | str | None = None
    clientId: str | None = None
    yaClientId: str | None = None
    statusDetails: str | None = None


def call_row(record: Call, context: Context) -> tuple[Any, ...]:
    """A static number names itself as its source (medium "offline"); such tags are the tracker's, not the site's, so
    the UTM columns stay null and the number's own allocation decides. A negative duration, seen in recorded answers,
    is no duration."""
    words = said_in(record.callTags)
    occurred_at = epoch(record.timestamp, "timestamp")
    static = record.medium == "offline" and record.source == record.phoneNumber
    utm = (record.utmSource, record.utmMedium, record.utmCampaign, record.utmContent, record.utmTerm)
    call_id, site = str(record.callId), _site(record.siteId, context)
    return (
        call_id,
        str(site),
        context.clinic(site, "siteId"),
        occurred_at,
        _diary_day(record.date) or occurred_at.astimezone(context.zone).date(),
        text(record.callerNumber),
        e164(record.callerNumber, context.region),
        word(record.phoneNumber),
        e164(record.phoneNumber, context.region),
        record.successful,
        record.duration if record.duration is not None and record.duration >= 0 else None,
        record.waitingConnect,
        _manager(record.manager),
        *words,
        *((None,) * 5 if static else map(text, utm)),
        word(record.source),
        word(record.medium),
        word(record.keyword),
        text(record.url),
        text(record.ref),
        text(record.sessionId),
        text(record.sessionDate),
        text(record.yaClientId),
        text(record.clientId),
        text(record.ctClientId),
        record.attribution,
        record.uniqueCall,
        record.targetCall,
        word(record.statusDetails),
        f"{str(context.settings.get('base_url')).rstrip('/')}/calls-service/RestAPI/{site}/calls-diary/calls/"
        f"{call_id}/download" if context.settings.get("recordings") else None,
    )


class PhoneOf(msgspec.Struct):
    phoneNumber: str | None = None


class ContactOf(msgspec.Struct):
    contactType: str | None = None
    contactValue: str | None = None


class ClientOf(msgspec.Struct):
    phones: list[PhoneOf] | None = None
    contacts: list[ContactOf] | None = None
    fio: str | None = None


class SessionOf(msgspec.Struct):
    sessionId: int | str | None = None
    keywords: str | None = None
    source: str | None = None
    medium: str | None = None
    url: str | None = None
    ref: str | None = None
    utmSource: str | None = None
    utmMedium: str | None = None
    utmCampaign: str | None = None
    utmContent: str | None = None
    utmTerm: str | None = None
    guaClientId: str | None = None
    yaClientId: str | None = None
    attribution: int | None = None


class Request(msgspec.Struct):
    """A record of the requests journal. `date` is in milliseconds, where calls have seconds."""

    requestId: int | str
    date: int
    siteId: int | str | None = None
    subject: str | None = None
    status: str | None = None
    requestType: str | None = None
    requestNumber: str | None = None
    requestUrl: str | None = None
    manager: Any = None
    uniqueRequest: bool | None = None
    targetRequest: bool | None = None
    session: SessionOf | None = None
    client: ClientOf | None = None
    RequestTags: list[Tag] | None = None
    ctClientId: int | str | None = None


def request_row(record: Request, context: Context) -> tuple[Any, ...]:
    """A request of the site; one that a callback widget made is a callback order."""
    words = said_in(record.RequestTags)
    occurred_at = epoch(record.date / 1000, "date")
    session, site = record.session or SessionOf(), _site(record.siteId, context)
    client = record.client or ClientOf()
    phone = next((found for item in client.phones or () if (found := text(item.phoneNumber))), None)
    email = next(
        (found for item in client.contacts or () if item.contactType == "EMAIL" and (found := text(item.contactValue))),
        None,
    )
    return (
        str(record.requestId),
        str(site),
        context.clinic(site, "siteId"),
        occurred_at,
        occurred_at.astimezone(context.zone).date(),
        "callback_order" if callback_ordered(record.RequestTags) else "form",
        phone,
        e164(phone, context.region),
        email,
        _manager(record.manager),
        *words,
        word(session.utmSource),
        word(session.utmMedium),
        word(session.utmCampaign),
        word(session.utmContent),
        word(session.utmTerm),
        word(session.source),
        word(session.medium),
        word(session.keywords),
        text(session.url),
        text(session.ref),
        text(session.sessionId),
        text(session.yaClientId),
        text(session.guaClientId),
        text(record.ctClientId),
        session.attribution,
        record.uniqueRequest,
        record.targetRequest,
        text(record.subject),
        word(record.status),
        text(record.requestUrl),
    )


def _site(told: int | str | None, context: Context) -> int | str | None:
    """The site of a record. Older answers do not name it [§1.3]; then it is the one that was asked for."""
    return context.account if told is None else told


def _manager(value: object) -> str | None:
    """The employee's id; the vendor's newer answers wrap it in an object."""
    if isinstance(value, dict):
        value = value.get("id") or value.get("name")
    return text(value)


def _diary_day(value: str | None) -> date | None:
    """The day of a diary time, dd/mm/yyyy."""
    if not value:
        return None
    try:
        return datetime.strptime(value[:10], "%d/%m/%Y").replace(tzinfo=UTC).date()
    except ValueError:
        raise RowError("date", f"{value!r} is no date") from None


class Visit(msgspec.Struct):
    """A visit of `mapVisits`, with what the contact that carries it knows: contact*."""

    sessionId: int | str
    sessionDate: str
    contactAt: float
    contactClientId: str | None = None
    url: str | None = None
    ref: str | None = None
    source: str | None = None
    medium: str | None = None
    keyword: str | None = None
    utmSource: str | None = None
    utmMedium: str | None = None
    utmCampaign: str | None = None
    utmContent: str | None = None
    utmTerm: str | None = None


def visit_row(record: Visit, context: Context) -> tuple[Any, ...]:
    """A visit to the site. `site` is the host of its first page."""
    url = text(record.url)
    site = urlsplit(url).hostname if url else None
    return (
        str(record.sessionId),
        text(record.contactClientId),
        visit_time(record.sessionDate, epoch(record.contactAt, "contactAt"), context),
        site,
        url,
        text(record.ref),
        word(record.utmSource),
        word(record.utmMedium),
        word(record.utmCampaign),
        word(record.utmContent),
        word(record.utmTerm),
        word(record.source),
        word(record.medium),
        word(record.keyword),
    )


def visit_time(value: str, contact_at: datetime, context: Context) -> datetime:
    """A diary time as a moment in UTC.

    Recorded calls print `sessionDate` on a 12-hour clock without AM and PM; whether `mapVisits` do is unconfirmed, so
    the setting `map_visits_clock` says (`24h`, `12h`). On the 12-hour clock the later reading that is not after the
    contact is taken, because the visit that a contact was made in began shortly before it.
    """
    try:
        moment = datetime.strptime(value, "%d/%m/%Y %H:%M:%S").replace(tzinfo=context.zone)
    except ValueError:
        raise RowError("sessionDate", f"{value!r} is no date and time") from None
    if context.settings.get("map_visits_clock") == "12h" and moment.hour <= 12:
        morning = moment.replace(hour=moment.hour % 12)
        evening = morning + timedelta(hours=12)
        moment = evening if evening <= contact_at else morning
    return moment.astimezone(UTC)
