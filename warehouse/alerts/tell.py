"""Tells people what is wrong: one message per cause, again after a while if it lasts, and one when it is over.

What was told is in `ops.alerts`, written in one transaction with the sending of it: a message may come twice where a
process dies between a channel's answer and the commit, and is never lost.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from extractors.core.errors import TransientError
from extractors.core.redact import redact
from warehouse.alerts.causes import Cause, find_causes, local

log = logging.getLogger(__name__)
News = Literal["new", "still", "over"]
# Subject and text of one message; raises TransientError without any secret where it was not accepted.
Channel = Callable[[str, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How people are told. `repeat_after`: what lasts is said again after so long; `docs`: address before a runbook."""

    time_zone: str = "Europe/Moscow"
    marts_by: time | None = time(9)
    repeat_after: timedelta = timedelta(hours=24)
    docs: str = ""
    name: str = "chairside"


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent. `cause` and `news` say why."""

    cause: str
    news: News
    subject: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A row of `ops.alerts`, as far as a message needs it."""

    alert_id: int
    cause: str
    what: str
    details: list[str]
    runbook: str
    since: datetime
    told_at: datetime | None
    recovered_at: datetime | None


def tell(
    url: str, channels: Mapping[str, Channel], rules: Rules, *, now: datetime, ended_run: str | None = None
) -> list[Message]:
    """Find what is wrong at `now`, and send what is news. Returns the messages that were due.

    Raises TransientError where a message was due and no channel took it; the next check sends it again. Without
    channels the messages are only logged.
    """
    unsent: list[str] = []
    due: list[Message] = []
    with psycopg.connect(url) as connection:
        # Channels are asked while this is open; two checks at once would say everything twice.
        connection.execute("set local idle_in_transaction_session_timeout = 0")
        connection.execute("lock table ops.alerts in exclusive mode")
        with psycopg.connect(url) as reading:
            causes = find_causes(
                reading, now=now, time_zone=rules.time_zone, marts_by=rules.marts_by, ended_run=ended_run
            )
        _write(connection, causes, now)
        for alert in _open_or_untold(connection):
            message = _message(alert, rules, now)
            if message is None:
                continue
            due.append(message)
            failed = _send(channels, message)
            if failed:
                unsent += failed
            if len(failed) == len(channels) and channels:
                continue
            connection.execute(
                "update ops.alerts set recovery_told_at = %s where alert_id = %s"
                if message.news == "over"
                else "update ops.alerts set told_at = %s, times_told = times_told + 1 where alert_id = %s",
                (now, alert.alert_id),
            )
    if unsent:
        raise TransientError(f"{len(due)} messages were due; not delivered: {'; '.join(dict.fromkeys(unsent))}")
    return due


def _write(connection: psycopg.Connection[Any], causes: Sequence[Cause], now: datetime) -> None:
    """Bring `ops.alerts` to what is wrong now: new causes, those that last, those that are over."""
    for cause in causes:
        connection.execute(
            "insert into ops.alerts as known (cause, kind, what, details, runbook, since, opened_at, last_seen_at)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (cause) where recovered_at is null do update"
            " set what = excluded.what, details = excluded.details, runbook = excluded.runbook,"
            " since = least(known.since, excluded.since), last_seen_at = excluded.last_seen_at",
            (
                cause.key, cause.kind, cause.what, Jsonb(cause.details), cause.runbook, cause.since, now, now,
            ),
        )
    connection.execute(
        "update ops.alerts set recovered_at = %s where recovered_at is null and cause <> all(%s)",
        (now, [cause.key for cause in causes]),
    )


def _open_or_untold(connection: psycopg.Connection[Any]) -> list[Alert]:
    with connection.cursor(row_factory=class_row(Alert)) as cursor:
        return cursor.execute(
            "select alert_id, cause, what, details, runbook, since, told_at, recovered_at from ops.alerts"
            " where recovered_at is null or (recovery_told_at is null and times_told > 0) order by alert_id"
        ).fetchall()


def _message(alert: Alert, rules: Rules, now: datetime) -> Message | None:
    zone = ZoneInfo(rules.time_zone)
    if alert.recovered_at is not None:
        subject = f"[{rules.name}] over: {alert.what}"
        lasted = f"It lasted from {local(alert.since, zone)} to {local(alert.recovered_at, zone)}."
        return Message(alert.cause, "over", subject, f"{subject}\n{lasted}")
    news: News
    if alert.told_at is None:
        news = "new"
    elif alert.told_at <= now - rules.repeat_after:
        news = "still"
    else:
        return None
    subject = f"[{rules.name}] {'still: ' if news == 'still' else ''}{alert.what}"
    lines = [subject, *alert.details, f"Since: {local(alert.since, zone)} ({rules.time_zone})"]
    lines.append(f"What to do: {rules.docs.rstrip('/') + '/' if rules.docs else ''}{alert.runbook}")
    return Message(alert.cause, news, subject, "\n".join(lines))


def _send(channels: Mapping[str, Channel], message: Message) -> list[str]:
    """Send by every channel; what did not take it, in words."""
    failed = []
    log.warning("%s", message.text)
    for name, send in channels.items():
        try:
            send(message.subject, message.text)
        except TransientError as error:
            failed.append(f"{name}: {redact(str(error))}")
    return failed
