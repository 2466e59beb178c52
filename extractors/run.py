"""Runs one stream over a span of days: fetch, read, write, journal. One window of one account is one transaction.

    run_stream(url, "calltouch", "calls", date(2026, 6, 1), date(2026, 6, 30), settings=…, run_id=…, now=…)

A window that fails leaves its table, its bookmark and the windows before it as they were; the failure is journalled in
`ops.loads` and raised. Where a connection names several accounts, the others go on first.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import psycopg

from extractors.checks import checked, refuse_emptied
from extractors.core.corrections import corrected, read_corrections
from extractors.core.errors import ChairsideError, ConfigError, PayloadError, RejectedError, TransientError
from extractors.core.forgotten import cleaned, not_of_forgotten
from extractors.core.redact import redact
from extractors.core.rows import Reading, read_pages
from extractors.core.settings import Asked
from extractors.core.spec import Client, Context, SourceSpec, StreamSpec, Window
from extractors.journal import move_bookmark, note_beginning, read_to, write_load
from extractors.loading.windows import Written, write_rejected, write_window
from extractors.registry import source
from extractors.settle import settle
from extractors.turns import turn

log = logging.getLogger(__name__)

# Settings that are secrets whatever the source.
SECRET_SETTINGS = (
    "token", "password", "developer_key", "developer_token", "customer_key", "refresh_token", "client_secret",
    "private_key", "database_url",
)


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a run did. `rows_written` counts rows inserted or changed; rows that said the same are not written."""

    source: str
    stream: str
    window_from: date
    window_to: date
    rows_read: int
    rows_written: int
    rows_deleted: int
    rows_rejected: int
    unknown_fields: tuple[str, ...] = ()


def utc_now() -> datetime:
    """The clock of the machine, in UTC."""
    return datetime.now(UTC)


def run_stream(
    url: str,
    source_name: str,
    stream_name: str,
    window_from: date,
    window_to: date,
    *,
    settings: Mapping[str, Any],
    run_id: str,
    now: datetime,
    clock: Callable[[], datetime] = utc_now,
) -> LoadResult:
    """Load the days `window_from`..`window_to` (local, both included) of one stream into `staging`.

    `now`, the load's moment, stamps the rows and names reports; `clock` times the journal. Raises the errors of
    `extractors.core.errors`, with the windows already loaded kept.
    """
    if window_to < window_from:
        raise ConfigError(f"{source_name} {stream_name}: the window {window_from}..{window_to} ends before it begins.")
    spec = source(source_name)
    stream = spec.stream(stream_name)
    asked = Asked(settings)
    context = make_context(spec, asked, run_id=run_id, now=now)
    client = spec.client(context)
    total = LoadResult(source_name, stream_name, window_from, window_to, 0, 0, 0, 0)
    refused: dict[str | None, ChairsideError] = {}
    try:
        accounts = _accounts(stream, context)
        with turn(url, source_name) as require_turn, psycopg.connect(url, autocommit=True) as connection:
            for window in split(stream, Window(window_from, window_to)):
                for account in accounts:
                    if account in refused:
                        continue
                    require_turn()
                    one = replace(context, account=account)
                    last = account == accounts[-1] and not refused
                    try:
                        total = _add(total, _run_window(connection, client, stream, window, one, clock, last=last))
                        settle(
                            connection, spec, stream, window, one,
                            lambda again, days, one=one: _run_window(  # type: ignore[misc]
                                connection, client, again, days, one, clock, last=False
                            ),
                        )
                    except TransientError:
                        raise
                    except ChairsideError as error:
                        if len(accounts) == 1:
                            raise
                        refused[account] = error
                        told = redact(str(error), context.secrets)
                        log.error("account %s: %s", account, told, extra=_fields(stream, context, window))
                log.info(
                    "%s %s %s: %d read, %d written, %d gone, %d rejected so far",
                    source_name, stream_name, window, total.rows_read, total.rows_written, total.rows_deleted,
                    total.rows_rejected, extra=_fields(stream, context, window),
                )
            if not refused:
                note_beginning(connection, stream, Window(window_from, window_to))
    finally:
        client.close()
        for given, meant in asked.misspelt().items():
            log.warning("%s: nobody reads the setting `%s` of the connection; `%s`?", source_name, given, meant)
    if total.unknown_fields:
        log.warning(
            "%s %s: fields nobody declared are kept in _extra: %s", source_name, stream_name,
            ", ".join(total.unknown_fields), extra=_fields(stream, context, Window(window_from, window_to)),
        )
    if refused:
        raise _some_refused(stream, refused, len(accounts))
    return total


def _fields(stream: StreamSpec, context: Context, window: Window) -> dict[str, str]:
    """What a log line is about, for logs that machines read (extractors/core/logs.py)."""
    return {"run_id": context.run_id, "source": stream.source, "stream": stream.name, "window": str(window)}


def _accounts(stream: StreamSpec, context: Context) -> tuple[str | None, ...]:
    """The accounts to read one after another; one null for a stream that knows none."""
    if stream.accounts is None:
        return (None,)
    accounts = tuple(stream.accounts(context))
    if not accounts:
        raise ConfigError(
            f"{stream.source} {stream.name}: the connection names nothing to read. See docs/sources/{stream.source}.md."
        )
    return accounts


def _some_refused(stream: StreamSpec, refused: Mapping[str | None, ChairsideError], asked: int) -> ChairsideError:
    """One error for all of them, of their own kind if it is one."""
    told = " ".join(f"Account {account}: {error}" for account, error in refused.items())
    kinds = {type(error) for error in refused.values()}
    kind = kinds.pop() if len(kinds) == 1 else RejectedError
    return kind(
        f"{stream.source} {stream.name}: {len(refused)} of {asked} accounts could not be loaded; their rows stay as"
        f" they were, the others are loaded. {told} Put it right, or take the account out of the connection; until then"
        " its days are read again every time."
    )


def make_context(spec: SourceSpec, settings: Mapping[str, Any], *, run_id: str, now: datetime) -> Context:
    """Settings as the rows need them. Raises ConfigError."""
    zone_name = str(settings.get("time_zone") or spec.time_zone)
    zone = None
    with suppress(ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo(zone_name)
    if zone is None:
        raise ConfigError(f"{spec.name}: the setting `time_zone` ({zone_name!r}) is no time zone.")
    clinics = settings.get(spec.clinics_setting) or {}
    if not isinstance(clinics, Mapping):
        raise ConfigError(f"{spec.name}: the setting `{spec.clinics_setting}` must map the vendor's ids to clinic ids.")
    return Context(
        settings=settings,
        clinics={
            str(key): str(value["clinic_id"] if isinstance(value, Mapping) else value)
            for key, value in clinics.items()
            if value is not None
        },
        zone=zone,
        region=str(settings.get("region") or "RU"),
        run_id=run_id,
        now=now,
        secrets=tuple(str(settings[name]) for name in SECRET_SETTINGS if settings.get(name)),
    )


def split(stream: StreamSpec, window: Window) -> Iterator[Window]:
    """The window in pieces that the vendor answers and one transaction holds, oldest first."""
    if stream.window_days is None:
        yield window
        return
    first = window.first
    while first <= window.last:
        last = min(window.last, first + timedelta(days=stream.window_days - 1))
        yield Window(first, last)
        first = last + timedelta(days=1)


def _run_window(
    connection: psycopg.Connection[Any],
    client: Client,
    stream: StreamSpec,
    window: Window,
    context: Context,
    clock: Callable[[], datetime],
    *,
    last: bool,
) -> tuple[Reading, Written]:
    """One window, of the context's account. `last`: with it the window is whole, so the bookmark moves."""
    started_at = clock()
    reading = Reading()
    failure: ChairsideError
    try:
        pages = stream.pages(client, window, context)
        corrections = read_corrections(connection, stream.source, stream.name)
        read = corrected(corrections, stream, context, read_pages(stream, pages, context, reading), reading)
        batches = checked(stream, window, context, read, reading)
        # The first rows before the transaction: a report may take an hour to be ready, a refusal needs no transaction.
        beginning = list(islice(batches, 1))
        with connection.transaction():
            written = write_window(
                connection,
                stream,
                window,
                cleaned(connection, stream.table, (*stream.column_names, "_extra"), chain(beginning, batches)),
                run_id=context.run_id,
                now=context.now,
                allow_shrink=bool(context.settings.get("allow_shrink")),
                allow_account_change=bool(context.settings.get("allow_account_change")),
                accounts=None if context.account is None else (context.account,),
                read_to=read_to(connection, stream),
            )
            refuse_emptied(stream, window, context, written)
            unknown = [row for row in reading.rejected if not corrections.knows(row.row)]
            rejected = not_of_forgotten(connection, stream.source, unknown)
            write_rejected(connection, stream, rejected, run_id=context.run_id, now=context.now)
            corrections.settle(connection, context.now)
            if last:
                move_bookmark(connection, stream, window, context)
            write_load(
                connection, stream, window, context, (started_at, clock()), reading,
                (written.written + written.deleted, written.restated), None,
            )
        return reading, written
    except ChairsideError as error:
        failure = error
    except psycopg.Error as error:
        failure = _refused_by_warehouse(error, stream, window, context)
    except (LookupError, ValueError, TypeError, AttributeError, msgspec.MsgspecError) as error:
        failure = _unforeseen(error, stream, window)
    # Outside the transaction that was rolled back, so that the failure itself is remembered.
    message = redact(str(failure), context.secrets)
    if not connection.closed:
        told = (type(failure).__name__, message)
        write_load(connection, stream, window, context, (started_at, clock()), reading, (0, 0), told)
    raise failure


def _refused_by_warehouse(
    error: psycopg.Error, stream: StreamSpec, window: Window, context: Context
) -> ChairsideError:
    """The database's error without its detail: that quotes the row, and with it people."""
    where = f"{stream.source} {stream.name} {window}"
    if isinstance(error, psycopg.OperationalError):
        return TransientError(f"{where}: the warehouse failed ({type(error).__name__}). Run it again.")
    said = redact(error.diag.message_primary or type(error).__name__, context.secrets)
    return PayloadError(f"{where}: the warehouse refused the rows ({error.sqlstate}: {said}). Nothing was written.")


def _unforeseen(error: Exception, stream: StreamSpec, window: Window) -> PayloadError:
    """What a client stumbled over, by its kind and place: its text may quote the row."""
    place = "an unknown place"
    for frame, line in traceback.walk_tb(error.__traceback__):
        place = f"{Path(frame.f_code.co_filename).name}:{line}"
    return PayloadError(
        f"{stream.source} {stream.name} {window}: an answer has a shape that nobody foresaw ({type(error).__name__} at"
        f" {place}). Nothing was written. Compare docs/sources/{stream.source}.md with the vendor's documentation."
    )


def _add(total: LoadResult, window: tuple[Reading, Written]) -> LoadResult:
    reading, written = window
    return LoadResult(
        source=total.source,
        stream=total.stream,
        window_from=total.window_from,
        window_to=total.window_to,
        rows_read=total.rows_read + reading.rows_read,
        rows_written=total.rows_written + written.written,
        rows_deleted=total.rows_deleted + written.deleted,
        rows_rejected=total.rows_rejected + len(reading.rejected),
        unknown_fields=tuple(sorted({*total.unknown_fields, *reading.unknown_fields})),
    )
