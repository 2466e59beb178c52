"""What is asked of Calltouch, and where it lands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from extractors.core.counted import COUNTED_COLUMNS, Counted, counted_row, over
from extractors.core.said import SAID_COLUMNS
from extractors.core.spec import Context, Page, StreamSpec, Window
from extractors.core.totals import Counts
from extractors.sources.calltouch.client import CalltouchClient
from extractors.sources.calltouch.records import (
    CALL_SKIPPED,
    REQUEST_SKIPPED,
    VISIT_SKIPPED,
    Call,
    Request,
    Visit,
    call_row,
    request_row,
    visit_row,
)

UTM_COLUMNS = tuple((f"utm_{part}", "text") for part in ("source", "medium", "campaign", "content", "term"))


def _sites(context: Context) -> Sequence[str]:
    """The sites that are read now."""
    return tuple(filter(context.reads, context.clinics))


def call_pages(client: CalltouchClient, window: Window, context: Context) -> Iterator[Page]:
    for site in _sites(context):
        yield from client.calls(site, window, visits=False, where=f"calltouch calls {window} site {site}")


def request_pages(client: CalltouchClient, window: Window, context: Context) -> Iterator[Page]:
    for site in _sites(context):
        yield from client.requests(site, window, visits=False, where=f"calltouch requests {window} site {site}")


def call_count_pages(client: CalltouchClient, window: Window, context: Context) -> Iterator[Page]:
    """One question per site. Requests have no count."""
    days = over(window, context)
    if days is None:
        return
    for site in _sites(context):
        count = client.count(site, days, where=f"calltouch call_counts {days} site {site}")
        if count is not None:
            yield [{"account": site, "report": "calls", "first": days.first, "last": days.last, "rows": count}]


class _CallVisits(msgspec.Struct):
    timestamp: float = 0
    yaClientId: str | None = None
    mapVisits: list[dict[str, Any]] | None = None


class _SessionClient(msgspec.Struct):
    yaClientId: str | None = None


class _RequestVisits(msgspec.Struct):
    date: float = 0
    session: _SessionClient | None = None
    mapVisits: list[dict[str, Any]] | None = None


_CALL_VISITS = msgspec.json.Decoder(list[_CallVisits], strict=False)
_REQUEST_VISITS = msgspec.json.Decoder(list[_RequestVisits], strict=False)


def session_pages(client: CalltouchClient, window: Window, context: Context) -> Iterator[Page]:
    """Visits that led to the contacts of the window; the same visit under several contacts is one row in the end."""
    for site in _sites(context):
        where = f"calltouch sessions {window} site {site}"
        for page in client.calls(site, window, visits=True, where=where):
            yield [
                {**visit, "contactAt": call.timestamp, "contactClientId": call.yaClientId}
                for call in _CALL_VISITS.decode(page)
                for visit in call.mapVisits or ()
            ]
        for body in client.requests(site, window, visits=True, where=where):
            yield [
                {
                    **visit,
                    "contactAt": request.date / 1000,
                    "contactClientId": request.session.yaClientId if request.session else None,
                }
                for request in _REQUEST_VISITS.decode(body)
                for visit in request.mapVisits or ()
            ]


_SESSION_COLUMNS = (("source", "text"), ("medium", "text"), ("keyword", "text"))

CALLS = StreamSpec(
    source="calltouch",
    name="calls",
    description="Calls that Calltouch saw on its numbers, with the site visit behind them.",
    columns=(
        ("call_id", "text"),
        ("site_id", "text"),
        ("clinic_id", "text"),
        ("occurred_at", "timestamptz"),
        ("diary_date", "date"),
        ("phone", "text"),
        ("phone_e164", "text"),
        ("called_number", "text"),
        ("called_number_e164", "text"),
        ("is_answered", "boolean"),
        ("talk_seconds", "bigint"),
        ("waiting_seconds", "bigint"),
        ("manager", "text"),
        *SAID_COLUMNS,
        *UTM_COLUMNS,
        *_SESSION_COLUMNS,
        ("url", "text"),
        ("referrer", "text"),
        ("session_id", "text"),
        ("session_date_as_written", "text"),
        ("ya_client_id", "text"),
        ("ga_client_id", "text"),
        ("ct_client_id", "text"),
        ("attribution", "bigint"),
        ("is_unique", "boolean"),
        ("is_target", "boolean"),
        ("status_details", "text"),
        ("recording_url", "text"),
    ),
    key=("call_id",),
    record=Call,
    row=call_row,
    skipped=CALL_SKIPPED,
    pages=call_pages,
    replace="window",
    window_column="diary_date",
    window_days=31,  # three months at most [§1.2]; a month keeps the pages few
    # No "changed since": tags, comments and attribution change for weeks [§1.6].
    lookback_days=30,
    account="site_id",
    accounts=_sites,
)

REQUESTS = StreamSpec(
    source="calltouch",
    name="requests",
    description="Requests from forms and widgets, with the site visit behind them.",
    columns=(
        ("request_id", "text"),
        ("site_id", "text"),
        ("clinic_id", "text"),
        ("occurred_at", "timestamptz"),
        ("diary_date", "date"),
        ("kind", "text"),
        ("phone", "text"),
        ("phone_e164", "text"),
        ("email", "text"),
        ("manager", "text"),
        *SAID_COLUMNS,
        *UTM_COLUMNS,
        *_SESSION_COLUMNS,
        ("url", "text"),
        ("referrer", "text"),
        ("session_id", "text"),
        ("ya_client_id", "text"),
        ("ga_client_id", "text"),
        ("ct_client_id", "text"),
        ("attribution", "bigint"),
        ("is_unique", "boolean"),
        ("is_target", "boolean"),
        ("subject", "text"),
        ("status", "text"),
        ("request_url", "text"),
    ),
    key=("request_id",),
    record=Request,
    row=request_row,
    skipped=REQUEST_SKIPPED,
    pages=request_pages,
    replace="window",
    window_column="diary_date",
    window_days=31,
    lookback_days=30,
    account="site_id",
    accounts=_sites,
)

SESSIONS = StreamSpec(
    source="calltouch",
    name="sessions",
    description="Site visits that led to a call or request, as far as Calltouch tells of them.",
    columns=(
        ("session_id", "text"),
        ("client_id", "text"),
        ("started_at", "timestamptz"),
        ("site", "text"),
        ("url", "text"),
        ("referrer", "text"),
        *UTM_COLUMNS,
        *_SESSION_COLUMNS,
    ),
    key=("session_id",),
    record=Visit,
    row=visit_row,
    skipped=VISIT_SKIPPED,
    pages=session_pages,
    # A visit is older than the contact that tells of it, so a window of contacts is no window of visits.
    replace="key",
    window_days=31,
    lookback_days=30,
    accounts=_sites,
)

CALL_COUNTS = StreamSpec(
    source="calltouch",
    name="call_counts",
    description="How many calls Calltouch itself counts in a window, which the landed ones are compared with.",
    columns=(("site_id", "text"), *COUNTED_COLUMNS),
    key=("site_id", "report", "first_date", "last_date"),
    record=Counted,
    row=counted_row,
    pages=call_count_pages,
    replace="key",
    window_days=31,
    lookback_days=30,
    account="site_id",
    accounts=_sites,
    counts=Counts(of=(("calls", "diary_date"),), account="site_id"),
)
