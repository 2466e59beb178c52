"""What is wrong now, by what `ops` holds: a list of causes, each with its streams, windows and runbook.

A cause is what one person would put right at once: calls, requests and sessions of one vendor that fail alike are one.
Asked of the warehouse and not of Airflow, so that a run that never began is missed too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import groupby
from textwrap import shorten
from typing import Any, Literal
from zoneinfo import ZoneInfo

import psycopg

from extractors.core.redact import without_rows
from warehouse.cut_off import AGAIN

Kind = Literal["source_failed", "source_stale", "gate_refused", "step_failed", "marts_late"]
Connection = psycopg.Connection[Any]

VENDOR_DOWN = "docs/runbooks/vendor_down.md"
GATE_REFUSED = "docs/runbooks/gate_refused.md"
MARTS_ARE_LATE = "docs/runbooks/marts_are_late.md"
FILES = "docs/how_to/add_a_clinics_files.md"

# A passing failure is tried again by Airflow; before that is over nobody is told.
RETRIES_TAKE = timedelta(minutes=20)
LONGEST_TEXT = 300
MEANING = {
    "TransientError": "the vendor or the network does not answer",
    "RejectedError": "the vendor refuses the request",
    "ConfigError": "a setting is missing or wrong",
    "PayloadError": "the answer has a shape that nobody knows",
    "GuardError": "the rows are implausible as a whole; nothing was written",
}

FAILING = """
with newest as (
    select distinct on (loads.source, loads.stream) loads.source, loads.stream, loads.run_id
    from ops.loads as loads
    where loads.status <> 'running'
    order by loads.source, loads.stream, loads.started_at desc
),
last_attempts as (
    select distinct on (loads.source, loads.stream, loads.account) loads.*
    from ops.loads as loads
    inner join newest using (source, stream, run_id)
    where loads.status <> 'running'
    order by loads.source, loads.stream, loads.account, loads.started_at desc
)
select
    attempts.source,
    coalesce(attempts.error, 'PayloadError') as error,
    attempts.stream,
    attempts.run_id,
    attempts.window_from,
    attempts.window_to,
    attempts.finished_at,
    attempts.message,
    (
        select min(earlier.started_at)
        from ops.loads as earlier
        where earlier.source = attempts.source and earlier.stream = attempts.stream and earlier.status = 'failed'
            and earlier.started_at > coalesce(
                (
                    select max(good.started_at)
                    from ops.loads as good
                    where good.source = attempts.source and good.stream = attempts.stream and good.status = 'succeeded'
                        and good.run_id <> attempts.run_id
                ),
                '-infinity'
            )
    ) as since
from last_attempts as attempts
where attempts.status = 'failed'
order by attempts.source, error, attempts.stream, attempts.account
"""
REFUSED_LANDED = """
with verdicts as (
    select distinct on (checks.table_name, checks.rule) checks.*
    from ops.checks as checks
    where checks.gate = 'landed' and checks.severity = 'stop' and checks.checked_at > %(now)s - interval '35 days'
    order by checks.table_name, checks.rule, checks.checked_at desc, checks.check_id desc
)
select
    split_part(split_part(verdicts.table_name, '.', 2), '__', 1) as source,
    verdicts.rule,
    verdicts.table_name,
    verdicts.rows_failed,
    verdicts.checked_at
from verdicts
where verdicts.is_passed is false
order by source, verdicts.table_name, verdicts.rule
"""
REFUSED_MARTS = """
select
    builds.run_id,
    refused.refused_id,
    coalesce(refused.refused_at, builds.finished_at) as since,
    (
        select coalesce(array_agg(distinct checks.rule || ' of ' || checks.table_name), '{}')
        from ops.checks as checks
        where checks.run_id = builds.run_id and checks.gate = 'marts' and checks.severity = 'stop'
            and not checks.is_passed
    ) as rules
from (select * from ops.builds where gate is not null order by build_id desc limit 1) as builds
left join ops.refused_publications as refused using (build_id)
where builds.gate = 'refused'
"""
FAILED_STEPS = """
select newest.step, newest.started_at, newest.message
from (
    select distinct on (steps.step) steps.*
    from ops.steps as steps
    where steps.status <> 'running' and steps.step = any(%(steps)s)
    order by steps.step, steps.started_at desc
) as newest
where newest.status = 'failed'
    and not (
        newest.message like '%%' || %(again)s
        and newest.finished_at > %(tried_since)s
        and newest.run_id is distinct from %(ended_run)s
    )
order by newest.started_at, newest.step
"""
WAREHOUSE_STEPS = ["build", "forecast", "publish", "lints", "expire_history"]
STALE = """
select streams.source, streams.stream, streams.loaded_at, streams.stale_from
from ops.freshness_streams as streams
where streams.stale_from <= %s
order by streams.source, streams.stream
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One thing that is wrong. `key` groups messages; `what` is one line, `details` the lines below it."""

    key: str
    kind: Kind
    what: str
    details: tuple[str, ...]
    since: datetime
    runbook: str


def find_causes(
    connection: Connection, *, now: datetime, time_zone: str, marts_by: time | None, ended_run: str | None = None
) -> list[Cause]:
    """Everything that is wrong at `now`.

    `marts_by`: the hour, in `time_zone`, by which marts of the day are published; null: no such promise. `ended_run`:
    a run that will not be tried again, so that its passing failures count at once.
    """
    zone = ZoneInfo(time_zone)
    failing = connection.execute(FAILING).fetchall()
    found = [*_failing(connection, failing, now, zone, ended_run), *_refused_landed(connection, now)]
    found += [*_refused_marts(connection), *_failed_steps(connection, now, ended_run)]
    found += _stale(connection, now, zone, {row[0] for row in failing})
    if marts_by is not None:
        found += _late(connection, now, zone, marts_by, [cause.what for cause in found if cause.kind != "source_stale"])
    return found


def _failing(
    connection: Connection, rows: list[Any], now: datetime, zone: ZoneInfo, ended_run: str | None
) -> Iterable[Cause]:
    loaded = dict(
        connection.execute("select source, min(loaded_at) from ops.freshness_streams group by source").fetchall()
    )
    for (source, error), group in groupby(rows, key=lambda row: (row[0], row[1])):
        lines = list(group)
        passing = error == "TransientError" and all(
            row[3] != ended_run and row[6] > now - RETRIES_TAKE for row in lines
        )
        if passing:
            continue
        streams = list(dict.fromkeys(row[2] for row in lines))
        texts = dict.fromkeys(safe(row[7]) for row in lines)
        windows = [row[4:6] for row in lines if row[4] is not None]
        details = [f"Streams: {', '.join(streams)}"]
        if windows:
            details.append(f"Window: {min(first for first, _ in windows)}..{max(last for _, last in windows)}")
        details += [f"Said: {text}" for text in list(texts)[:3]]
        if loaded.get(source):
            details.append(f"Reports show {source} as of {local(loaded[source], zone)}; other sources go on.")
        yield Cause(
            key=f"source:{source}:{error}",
            kind="source_failed",
            what=f"{source}: {MEANING.get(error, 'loading failed')}",
            details=tuple(details),
            since=min(row[8] or row[6] for row in lines),
            runbook=FILES if source == "files" else GATE_REFUSED if error == "GuardError" else VENDOR_DOWN,
        )


def _refused_landed(connection: Connection, now: datetime) -> Iterable[Cause]:
    rows = connection.execute(REFUSED_LANDED, {"now": now}).fetchall()
    for source, group in groupby(rows, key=lambda row: row[0]):
        breaches = list(group)
        yield Cause(
            key=f"gate:landed:{source}",
            kind="gate_refused",
            what=f"{source}: the gate refuses landed rows; marts keep the last publication",
            details=tuple(f"Rule: {rule} of {table}, {failed} rows" for _, rule, table, failed, _ in breaches[:8]),
            since=min(row[4] for row in breaches),
            runbook=GATE_REFUSED,
        )


def _refused_marts(connection: Connection) -> Iterable[Cause]:
    for _, refused_id, since, rules in connection.execute(REFUSED_MARTS).fetchall():
        yield Cause(
            key="gate:marts",
            kind="gate_refused",
            what="the gate refuses to publish the build; marts keep the last publication",
            details=(*(f"Rule: {rule}" for rule in rules[:8]), f"Look: make refused ID={refused_id}"),
            since=since,
            runbook=GATE_REFUSED,
        )


def _failed_steps(connection: Connection, now: datetime, ended_run: str | None) -> Iterable[Cause]:
    asked = {
        "steps": WAREHOUSE_STEPS, "again": AGAIN, "tried_since": now - RETRIES_TAKE, "ended_run": ended_run,
    }  # fmt: skip
    for step, since, message in connection.execute(FAILED_STEPS, asked).fetchall():
        yield Cause(
            key=f"step:{step}",
            kind="step_failed",
            what=f"the step {step} of the warehouse failed; marts keep the last publication",
            details=(f"Said: {safe(message)}",),
            since=since,
            runbook=MARTS_ARE_LATE,
        )


def _stale(connection: Connection, now: datetime, zone: ZoneInfo, failing: set[str]) -> Iterable[Cause]:
    rows = connection.execute(STALE, (now,)).fetchall()
    for source, group in groupby(rows, key=lambda row: row[0]):
        streams = list(group)
        if source in failing:
            continue  # that it fails is the cause, and is said where it is not tried again
        oldest = min((row[2] for row in streams if row[2] is not None), default=None)
        yield Cause(
            key=f"stale:{source}",
            kind="source_stale",
            what=f"{source}: nothing was loaded lately, and nothing failed",
            details=(
                f"Streams: {', '.join(row[1] for row in streams)}",
                f"Loaded last: {local(oldest, zone) if oldest else 'never'}",
            ),
            since=min(row[3] for row in streams),
            runbook=VENDOR_DOWN,
        )


def _late(connection: Connection, now: datetime, zone: ZoneInfo, by: time, known: list[str]) -> Iterable[Cause]:
    here = now.astimezone(zone)
    deadline = datetime.combine(here.date(), by, zone)
    if here < deadline:
        # Yesterday's lateness ends with the next publication, not with midnight.
        deadline -= timedelta(days=1)
    since_midnight = datetime.combine(deadline.date(), time(), zone)
    last, began = connection.execute(
        "select (select max(published_at) from ops.publications),"
        " exists (select from ops.loads where started_at < %s)", (deadline,)
    ).fetchall()[0]
    if not began or (last is not None and last >= since_midnight):
        return
    yield Cause(
        key="marts:late",
        kind="marts_late",
        what=f"marts were not published by {by:%H:%M}",
        details=(
            f"Published last: {local(last, zone) if last else 'never'}",
            *(f"Because, it seems: {what}" for what in known[:5]),
        ),
        since=deadline,
        runbook=MARTS_ARE_LATE,
    )


def local(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def safe(message: str | None) -> str:
    """A message in one line, short, without what a database or a library quotes of rows: that may be a person."""
    return shorten(without_rows(message or "no message was kept"), LONGEST_TEXT, placeholder=" …")
