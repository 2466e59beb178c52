"""The stream that the load benchmark loads: calls of a tracker, 28 columns, as a real source would declare them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from extractors.core.phones import e164
from extractors.core.spec import Client, Context, Page, SourceSpec, StreamSpec, Window
from extractors.core.values import needed, text, word

FIRST, DAYS, PAGE_ROWS = date(2026, 6, 1), 30, 1000
WINDOW = Window(FIRST, FIRST + timedelta(days=DAYS))


class Call(msgspec.Struct):
    """A record as it comes in a page."""

    id: int
    siteId: int
    startedAt: datetime
    callerNumber: str | None = None
    calledNumber: str | None = None
    successful: bool | None = None
    duration: int | None = None
    waiting: int | None = None
    manager: str | None = None
    utmSource: str | None = None
    utmMedium: str | None = None
    utmCampaign: str | None = None
    utmContent: str | None = None
    utmTerm: str | None = None
    source: str | None = None
    medium: str | None = None
    keyword: str | None = None
    url: str | None = None
    referrer: str | None = None
    sessionId: int | None = None
    clientId: str | None = None
    attribution: int | None = None
    unique: bool | None = None
    target: bool | None = None
    note: str | None = None


COLUMNS = (
    ("call_id", "bigint"), ("site_id", "bigint"), ("clinic_id", "text"), ("occurred_at", "timestamptz"),
    ("local_date", "date"), ("phone", "text"), ("phone_e164", "text"), ("called_number", "text"),
    ("is_answered", "boolean"), ("talk_seconds", "bigint"), ("waiting_seconds", "bigint"), ("manager", "text"),
    ("utm_source", "text"), ("utm_medium", "text"), ("utm_campaign", "text"), ("utm_content", "text"),
    ("utm_term", "text"), ("source", "text"), ("medium", "text"), ("keyword", "text"), ("url", "text"),
    ("referrer", "text"), ("session_id", "bigint"), ("client_id", "text"), ("attribution", "bigint"),
    ("is_unique", "boolean"), ("is_target", "boolean"), ("note", "text"),
)  # fmt: skip


def call_row(record: Call, context: Context) -> tuple[Any, ...]:
    occurred_at = needed(record.startedAt, "startedAt")
    return (
        record.id,
        record.siteId,
        context.clinic(record.siteId, "siteId"),
        occurred_at,
        occurred_at.astimezone(context.zone).date(),
        text(record.callerNumber),
        e164(record.callerNumber, context.region),
        word(record.calledNumber),
        record.successful,
        record.duration,
        record.waiting,
        word(record.manager),
        word(record.utmSource),
        word(record.utmMedium),
        word(record.utmCampaign),
        word(record.utmContent),
        word(record.utmTerm),
        word(record.source),
        word(record.medium),
        word(record.keyword),
        text(record.url),
        word(record.referrer),
        record.sessionId,
        text(record.clientId),
        record.attribution,
        record.unique,
        record.target,
        text(record.note),
    )


class PagesOfFile:
    """Stands for the vendor: one page a line of the file that the setting `pages` names."""

    def __init__(self, context: Context) -> None:
        self._path = Path(context.settings["pages"])

    def close(self) -> None: ...

    def pages(self) -> Iterator[bytes]:
        with self._path.open("rb", buffering=1 << 20) as lines:  # a page is one read, as from a socket
            yield from lines


def _pages(client: PagesOfFile, window: Window, context: Context) -> Iterator[Page]:
    return client.pages()


def _client(context: Context) -> Client:
    return PagesOfFile(context)


WHOLE = StreamSpec(
    source="bench", name="calls", description="Calls; a window replaces itself.", columns=COLUMNS, key=("call_id",),
    record=Call, row=call_row, pages=_pages, replace="window", window_column="local_date", lookback_days=30,
)  # fmt: skip
CHANGED = StreamSpec(
    source="bench", name="changed_calls", description="Calls; only those that changed are told.", columns=COLUMNS,
    key=("call_id",), record=Call, row=call_row, pages=_pages, replace="key", lookback_days=30,
)  # fmt: skip
SOURCE = SourceSpec(
    name="bench", description="Calls for measuring.", streams=(WHOLE, CHANGED), client=_client,
    time_zone="Europe/Moscow",
)  # fmt: skip
SETTINGS = {"clinics": {str(site): f"clinic-{site}" for site in range(1, 6)}}


def records(rows: int, *, changed: int = 0) -> Iterator[dict[str, Any]]:
    """Invented calls; every `changed`-th (0: none) has talked a second longer and got another note."""
    chance = random.Random(7)  # noqa: S311 - invented rows, the same each time
    start = datetime(2026, 5, 31, 21, tzinfo=UTC)
    words = ("Запись на чистку", 'Сказал "перезвоню"', "имплантация;\nцена", "дети, брекеты", "повторный\tзвонок")
    for number in range(rows):
        paid = chance.random() < 0.6
        is_changed = changed and number % changed == 0
        session = chance.randrange(10**9, 10**10)
        yield {
            "id": 40_000_000 + number,
            "siteId": 1 + number % 5,
            "startedAt": (start + timedelta(seconds=number * DAYS * 86_000 // rows)).isoformat(),
            "callerNumber": f"7900{chance.randrange(10**7):07d}",
            "calledNumber": f"7495000{number % 40:04d}",
            "successful": chance.random() < 0.8,
            "duration": chance.randrange(400) + (1 if is_changed else 0),
            "waiting": chance.randrange(40),
            "manager": f"{number % 17}" if number % 3 else "",
            "utmSource": "yandex" if paid else None,
            "utmMedium": "cpc" if paid else None,
            "utmCampaign": f"стоматология_{number % 60}" if paid else "",
            "utmContent": f"banner-{number % 9}" if paid else "",
            "utmTerm": "имплант цена" if paid else "",
            "source": "yandex" if paid else "(direct)",
            "medium": "cpc" if paid else "(none)",
            "keyword": "лечение зубов рядом" if paid else "<не указано>",
            "url": f"https://clinic.example.org/uslugi/{number % 70}?utm_source=yandex&click={session}",
            "referrer": "https://yandex.ru/" if paid else "",
            "sessionId": session,
            "clientId": f"16{session}",
            "attribution": 1,
            "unique": number % 4 == 0,
            "target": number % 5 == 0,
            "note": f"{words[number % 5]} {number}{' исправлено' if is_changed else ''}",
        }


def write_pages(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    """One JSON array of PAGE_ROWS records a line."""
    encode = msgspec.json.encode
    with path.open("wb") as pages:
        page: list[dict[str, Any]] = []
        for row in rows:
            page.append(row)
            if len(page) == PAGE_ROWS:
                pages.write(encode(page) + b"\n")
                page = []
        if page:
            pages.write(encode(page) + b"\n")
