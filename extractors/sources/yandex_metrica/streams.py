"""What is asked of Metrica, and how a visit lands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from extractors.core.errors import ConfigError, PayloadError
from extractors.core.spec import Context, Page, StreamSpec, Window
from extractors.core.values import day, local_time, needed, text
from extractors.sources.yandex_metrica.client import MetricaClient

# What is asked for, under the names of the landed columns.
NAMES = {
    "visit_id": "ym:s:visitID",
    "counter_id": "ym:s:counterID",
    "client_id": "ym:s:clientID",
    "visit_date": "ym:s:date",
    "begun": "ym:s:dateTime",
    "begun_utc3": "ym:s:dateTimeUTC",
    "is_new_user": "ym:s:isNewUser",
    "start_url": "ym:s:startURL",
    "referrer": "ym:s:referer",
    "page_views": "ym:s:pageViews",
    "duration_seconds": "ym:s:visitDuration",
    "is_bounce": "ym:s:bounce",
    "utm_source": "ym:s:UTMSource",
    "utm_medium": "ym:s:UTMMedium",
    "utm_campaign": "ym:s:UTMCampaign",
    "utm_content": "ym:s:UTMContent",
    "utm_term": "ym:s:UTMTerm",
    "traffic_source": "ym:s:lastTrafficSource",
    "adv_engine": "ym:s:lastAdvEngine",
    "referral_source": "ym:s:lastReferalSource",
    "search_engine": "ym:s:lastSearchEngineRoot",
    "social_network": "ym:s:lastSocialNetwork",
    "direct_campaign_id": "ym:s:lastDirectClickOrder",
}
NEEDED = frozenset({"visit_id", "counter_id", "client_id", "visit_date", "begun"})
UTC3 = timedelta(hours=3)
ZONE = "counterTimeZone"  # not in the log: the page adds it


class Visit(msgspec.Struct, rename=NAMES | {"time_zone": ZONE}):
    """A line of the log, with the counter's zone. Numbers beyond 2^53 are text."""

    visit_id: str
    counter_id: str
    client_id: str
    visit_date: str
    begun: str
    time_zone: str
    begun_utc3: str | None = None
    is_new_user: bool | None = None
    start_url: str | None = None
    referrer: str | None = None
    page_views: int | None = None
    duration_seconds: int | None = None
    is_bounce: bool | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_content: str | None = None
    utm_term: str | None = None
    traffic_source: str | None = None
    adv_engine: str | None = None
    referral_source: str | None = None
    search_engine: str | None = None
    social_network: str | None = None
    direct_campaign_id: str | None = None


def visit_row(record: Visit, context: Context) -> tuple[Any, ...]:
    """A visit. `site` is the host of its first page; client 0 is nobody."""
    url = text(record.start_url)
    client = text(record.client_id)
    return (
        needed(text(record.visit_id), "ym:s:visitID"),
        needed(text(record.counter_id), "ym:s:counterID"),
        None if client == "0" else client,
        needed(day(record.visit_date, "ym:s:date"), "ym:s:date"),
        moment(record.begun, record.begun_utc3, ZoneInfo(record.time_zone)),
        record.time_zone,
        _host(url),
        url,
        text(record.referrer),
        *(text(getattr(record, f"utm_{part}")) for part in ("source", "medium", "campaign", "content", "term")),
        text(record.traffic_source),
        text(record.adv_engine),
        text(record.referral_source),
        text(record.search_engine),
        text(record.social_network),
        text(record.direct_campaign_id),
        record.is_new_user,
        record.is_bounce,
        record.page_views,
        record.duration_seconds,
    )


def moment(written: str, written_utc3: str | None, zone: ZoneInfo) -> datetime:
    """The counter's wall clock as a moment in UTC.

    In the hour that a clock change doubles, `dateTimeUTC` tells which is meant: the vendor documents it as UTC+3, its
    name says UTC [ADS_APIS.md §5.3], and only one of the two can be the right moment by either reading.
    """
    earlier = needed(local_time(written, zone, "ym:s:dateTime"), "ym:s:dateTime")
    later = datetime.fromisoformat(written).replace(tzinfo=zone, fold=1).astimezone(UTC)
    if later <= earlier or not written_utc3:
        return earlier
    said = needed(local_time(written_utc3, ZoneInfo("UTC"), "ym:s:dateTimeUTC"), "ym:s:dateTimeUTC")
    return later if later in (said, said - UTC3) and earlier not in (said, said - UTC3) else earlier


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url).hostname if url else None
    except ValueError:  # a visitor's address may be anything
        return None


def visit_pages(client: MetricaClient, window: Window, context: Context) -> Iterator[Page]:
    """Every counter in turn. Today is not told yet, so a window ends yesterday by the counter's clock at the latest."""
    left_out = frozenset(context.settings.get("without_fields") or ())
    fields = [name for column, name in NAMES.items() if column in NEEDED or name not in left_out]
    for counter in _counters(context):
        where = f"yandex_metrica visits {window} counter {counter}"
        zone_name = client.time_zone(counter, where=where)
        zone = _zone(zone_name, where)
        last = min(window.last, yesterday(context.now, zone))
        if last < window.first:
            continue
        for rows in client.visits(counter, Window(window.first, last), fields, where=where):
            yield [{**row, ZONE: zone_name} for row in rows]


def _counters(context: Context) -> tuple[str, ...]:
    """The counters that are read now."""
    counters = context.settings.get("counters")
    if not counters or not isinstance(counters, Mapping):
        raise ConfigError("yandex_metrica: the connection has no `counters`. See docs/sources/yandex_metrica.md.")
    return tuple(filter(context.reads, map(str, counters)))


def yesterday(now: datetime, zone: ZoneInfo) -> date:
    return now.astimezone(zone).date() - timedelta(days=1)


def _zone(name: str, where: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise PayloadError(
            f"{where}: the counter's time zone {name!r} is not known here. Nothing was written."
        ) from None


VISITS = StreamSpec(
    source="yandex_metrica",
    name="visits",
    description="Visits to the sites of the counters, all of them, whether they led to a contact or not.",
    columns=(
        ("visit_id", "text"),
        ("counter_id", "text"),
        ("client_id", "text"),
        ("visit_date", "date"),
        ("started_at", "timestamptz"),
        ("time_zone", "text"),
        ("site", "text"),
        ("landing_page", "text"),
        ("referrer", "text"),
        *((f"utm_{part}", "text") for part in ("source", "medium", "campaign", "content", "term")),
        ("traffic_source", "text"),
        ("adv_engine", "text"),
        ("referral_source", "text"),
        ("search_engine", "text"),
        ("social_network", "text"),
        ("direct_campaign_id", "text"),
        ("is_new_user", "boolean"),
        ("is_bounce", "boolean"),
        ("page_views", "bigint"),
        ("duration_seconds", "bigint"),
    ),
    # A visit's number is unique within one year only [§5.3].
    key=("counter_id", "visit_id", "visit_date"),
    record=Visit,
    row=visit_row,
    pages=visit_pages,
    replace="window",
    window_column="visit_date",
    window_days=31,  # a year at most [§5.2]; a month keeps the parts small
    lookback_days=7,  # 99 % of visits are complete within 3 days [§5.2]
    account="counter_id",
    steady=("time_zone",),
    accounts=_counters,
)
