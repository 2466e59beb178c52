"""What is asked of UIS, and where it lands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from extractors.core.counted import COUNTED_COLUMNS, Counted, counted_row, over
from extractors.core.said import SAID_COLUMNS
from extractors.core.spec import Context, Page, StreamSpec, Window
from extractors.core.totals import Counts
from extractors.sources.uis.client import UisClient
from extractors.sources.uis.records import (
    Call,
    Chat,
    OfflineMessage,
    Visit,
    call_row,
    chat_row,
    offline_message_row,
    visit_row,
)

# What people say and do; visits are counted by nobody.
COUNTED = {
    "calls": "get.calls_report", "offline_messages": "get.offline_messages_report", "chats": "get.chats_report",
}
_EMPTY = re.compile(rb'(?<!"tags"):\s*\[\]|:\s*\{\}')
Columns = tuple[tuple[str, str], ...]

_HEAD: Columns = (
    ("site_id", "text"),
    ("clinic_id", "text"),
    ("occurred_at", "timestamptz"),
    ("report_date", "date"),
    ("kind", "text"),
)
_EMPLOYEE: Columns = (("employee_id", "text"), ("administrator_id", "text"))
_VISIT: Columns = tuple(
    (name, "text")
    for name in (
        "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "channel", "campaign_name",
        "entrance_page", "referrer", "yclid", "gclid", "ymclid", "ym_client_id", "ua_client_id", "visitor_id",
        "person_id", "visitor_session_id", "communication_id", "communication_number",
    )
)


def _pages(
    method: str, name: str, record: type[msgspec.Struct], switch: str | None
) -> Callable[[UisClient, Window, Context], Iterator[Page]]:
    """Pages of a report. `switch`: the setting without which it is not asked for (null: always asked for)."""
    fields = [field.encode_name for field in msgspec.structs.fields(record)]

    def pages(client: UisClient, window: Window, context: Context) -> Iterator[Page]:
        if switch is not None and context.settings.get(switch) is not True:
            return
        yield from map(_with_nulls, client.report(method, window, fields, where=f"uis {name} {window}"))

    return pages


def _with_nulls(page: msgspec.Raw) -> Page:
    """The page with null for every way to write nothing. Only tags are a list, which may be an empty one."""
    if not _EMPTY.search(bytes(page)):
        return page
    rows = msgspec.json.decode(page, type=list[dict[str, Any]])
    return [{name: None if value in ([], {}) else value for name, value in row.items()} for row in rows]


def _stream(
    name: str, method: str, description: str, key: str, columns: Columns, record: type[msgspec.Struct],
    row: Callable[[Any, Context], tuple[Any, ...]], switch: str | None = None,
) -> StreamSpec:  # fmt: skip
    return StreamSpec(
        source="uis",
        name=name,
        description=description,
        columns=((key, "text"), *columns),
        key=(key,),
        record=record,
        row=row,
        pages=_pages(method, name, record, switch),
        replace="window",
        window_column="report_date",
        window_days=31,  # three months at most [§2.2]; a month keeps the answers few and the transactions short
        lookback_days=30,  # no "changed since" [§2.4]
    )


CALLS = _stream(
    "calls", COUNTED["calls"], "Calls on the account's numbers, with the site visit behind them.", "call_id",
    (
        *_HEAD,
        ("direction", "text"),
        ("phone", "text"),
        ("phone_e164", "text"),
        ("called_number", "text"),
        ("called_number_e164", "text"),
        ("is_answered", "boolean"),
        ("talk_seconds", "bigint"),
        ("waiting_seconds", "bigint"),
        *_EMPLOYEE,
        *SAID_COLUMNS,
        *_VISIT,
        ("source", "text"),
        ("finish_reason", "text"),
        ("scenario_name", "text"),
        ("recording_url", "text"),
    ),
    Call, call_row,
)  # fmt: skip

OFFLINE_MESSAGES = _stream(
    "offline_messages", COUNTED["offline_messages"], "Requests from forms, with the site visit behind them.",
    "message_id",
    (
        *_HEAD,
        ("phone", "text"),
        ("phone_e164", "text"),
        ("email", "text"),
        *_EMPLOYEE,
        *SAID_COLUMNS,
        *_VISIT,
        ("form_type", "text"),
        ("form_name", "text"),
        ("status", "text"),
        ("processed_at", "timestamptz"),
    ),
    OfflineMessage, offline_message_row,
)  # fmt: skip

CHATS = _stream(
    "chats", COUNTED["chats"], "Chats on the site and in messengers, with the site visit behind them.", "chat_id",
    (
        *_HEAD,
        ("direction", "text"),
        ("phone", "text"),
        ("phone_e164", "text"),
        *_EMPLOYEE,
        *SAID_COLUMNS,
        *_VISIT,
        ("status", "text"),
        ("initiator", "text"),
        ("chat_channel_type", "text"),
    ),
    Chat, chat_row,
)  # fmt: skip

SESSIONS = _stream(
    "sessions", "get.visitor_sessions_report", "Visits to the sites, where the connection wants UIS to tell of them.",
    "session_id",
    (
        ("site_id", "text"),
        ("started_at", "timestamptz"),
        ("report_date", "date"),
        *(
            (name, "text")
            for name in (
                "client_id", "site", "landing_page", "referrer", "utm_source", "utm_medium", "utm_campaign",
                "utm_content", "utm_term", "channel", "campaign_name", "yclid", "gclid", "ua_client_id", "visitor_id",
                "person_id",
            )
        ),
    ),
    Visit, visit_row, switch="site_visits",
)  # fmt: skip


def report_count_pages(client: UisClient, window: Window, context: Context) -> Iterator[Page]:
    """One question per report."""
    days = over(window, context)
    if days is None:
        return
    for name, method in COUNTED.items():
        count = client.count(method, days, where=f"uis report_counts {days} {name}")
        if count is not None:
            yield [{"report": name, "first": days.first, "last": days.last, "rows": count}]


REPORT_COUNTS = StreamSpec(
    source="uis",
    name="report_counts",
    description="How many rows UIS itself counts in each report, which the landed ones are compared with.",
    columns=COUNTED_COLUMNS,
    key=("report", "first_date", "last_date"),
    record=Counted,
    row=counted_row,
    pages=report_count_pages,
    replace="key",
    window_days=31,
    lookback_days=30,
    counts=Counts(of=tuple((name, "report_date") for name in COUNTED)),
)
