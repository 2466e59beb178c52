"""What is read of the feed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from extractors.core.errors import ConfigError
from extractors.core.phones import e164
from extractors.core.spec import Context, Page, RowError, StreamSpec, Window
from extractors.core.values import local_time, needed, text
from extractors.kinds import OUTCOMES
from extractors.sources.aggregators.client import FeedClient

_WORD = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")


class AggregatorRequest(msgspec.Struct):
    """A request of the feed. `at` carries its offset, or is the feed's local time."""

    id: int | str
    aggregator: str
    at: str
    clinic: int | str | None = None
    phone: int | str | None = None
    email: str | None = None
    topic: str | None = None
    administrator: int | str | None = None
    outcome: str | None = None
    refusal_reason: str | None = None
    page: str | None = None
    tags: list[str] | str | None = None
    note: str | None = None


def request_row(record: AggregatorRequest, context: Context) -> tuple[Any, ...]:
    """An outcome outside the list stays as a tag: a typing error must not cost a request."""
    occurred_at = needed(local_time(record.at, context.zone, "at"), "at")
    phone = text(record.phone)
    outcome = text(record.outcome)
    tags = _tags(record.tags)
    if outcome is not None and outcome not in OUTCOMES:
        tags, outcome = [*(tags or ()), f"outcome:{outcome}"], None
    return (
        needed(text(record.id), "id"),
        _aggregator(record.aggregator),
        context.clinic(record.clinic, "clinic"),
        occurred_at,
        occurred_at.astimezone(context.zone).date(),
        phone,
        e164(phone, context.region),
        text(record.email),
        text(record.topic),
        text(record.administrator),
        outcome,
        text(record.refusal_reason),
        text(record.page),
        tags,
        text(record.note),
    )


def _aggregator(value: str) -> str:
    """The site's host in small letters, which is the source in every report."""
    host = value.strip().lower().removeprefix("www.")
    if not _WORD.fullmatch(host):
        raise RowError("aggregator", f"{value!r} is no host such as napopravku.ru")
    return host


def _tags(value: list[str] | str | None) -> list[str] | None:
    """A list; inside one cell divided by semicolons."""
    given = value.split(";") if isinstance(value, str) else value or ()
    return [tag for item in given if (tag := text(item))] or None


def request_pages(client: FeedClient, window: Window, context: Context) -> Iterator[Page]:
    """Every feed of the connection, in the format that it names."""
    form = str(context.settings.get("format") or "json")
    if form not in ("json", "csv"):
        raise ConfigError("aggregators: the setting `format` is `json` or `csv`.")
    paths = context.settings.get("paths") or ["/requests" if form == "json" else "/requests.csv"]
    if not isinstance(paths, list) or any(not str(path).startswith("/") for path in paths):
        raise ConfigError("aggregators: the setting `paths` is a list of paths that begin with a slash.")
    for path in map(str, paths):
        where = f"aggregators requests {window} {path}"
        if form == "csv":
            yield client.csv_page(path, window, where=where)
        else:
            yield from client.json_pages(path, window, where=where)


REQUESTS = StreamSpec(
    source="aggregators",
    name="requests",
    description="Requests for an appointment that aggregators passed on.",
    columns=(
        ("request_id", "text"),
        ("aggregator", "text"),
        ("clinic_id", "text"),
        ("occurred_at", "timestamptz"),
        ("request_date", "date"),
        ("phone", "text"),
        ("phone_e164", "text"),
        ("email", "text"),
        ("topic", "text"),
        ("administrator_id", "text"),
        ("outcome", "text"),
        ("refusal_reason", "text"),
        ("page", "text"),
        ("tags", "text[]"),
        ("note", "text"),
    ),
    key=("request_id",),
    record=AggregatorRequest,
    row=request_row,
    pages=request_pages,
    replace="window",
    window_column="request_date",
    window_days=31,
    # What became of a request is written for weeks.
    lookback_days=30,
    skipped=("name", "doctor"),
)
