"""What a command shows at its end: rows loaded, reports, and where to look further."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from datetime import date
from typing import Any

import psycopg
from psycopg import sql

from runtime.airflow import login_hint
from runtime.home import REPOSITORY, Home
from runtime.progress import text_table

CHANNELS = (
    "channel", "spend", "inquiries", "cpl", "booked", "arrived", "clients", "cpo", "revenue", "roi_percent",
)  # fmt: skip
ADMINISTRATORS = (
    "administrator", "inquiries", "booked", "booked_percent", "waiting_list", "arrived", "arrived_of_booked_percent",
    "completed",
)  # fmt: skip


def report_table(
    connection: psycopg.Connection[Any], report: str, columns: Sequence[str], date_from: date, date_to: date, order: str
) -> str:
    """A report's columns over a period as a text table."""
    query = sql.SQL("select {} from reports.{}(date_from => %s, date_to => %s) order by {}").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(report), sql.SQL(order)
    )
    return text_table(columns, connection.execute(query, (date_from, date_to)).fetchall())


def reports(url: str, date_from: date, date_to: date) -> str:
    """The two reports that people read first."""
    with psycopg.connect(url) as connection:
        channels = report_table(
            connection, "channels_and_sources", CHANNELS, date_from, date_to, "inquiries desc nulls last, channel"
        )
        people = report_table(
            connection, "administrator_conversion", ADMINISTRATORS, date_from, date_to, "administrator nulls last"
        )
    period = f"{date_from} to {date_to}"
    return (
        f"Ad channels and sources, {period} (reports.channels_and_sources)\n\n{channels}\n\n"
        f"Administrators' conversion, {period} (reports.administrator_conversion; the last row is all)\n\n{people}"
    )


def rows_loaded(url: str, run_ids: Sequence[str]) -> str:
    """What the runs loaded, per source and stream; the same when it is loaded again. ops.loads says what changed."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select source, stream, sum(rows_read)::bigint, sum(rows_rejected)::bigint"
            " from ops.loads where run_id = any(%s) group by source, stream order by source, stream",
            (list(run_ids),),
        ).fetchall()
        tables = connection.execute(
            "select source, stream, format('staging.%%I', source || '__' || stream) from ops.loads"
            " where run_id = any(%s) group by source, stream",
            (list(run_ids),),
        ).fetchall()
        landed = {}
        for source, stream, table in tables:
            if connection.execute("select to_regclass(%s)", (table,)).fetchone() != (None,):
                count = connection.execute(f"select count(*) from {table}").fetchone()  # noqa: S608 - quoted by format()
                landed[source, stream] = count[0] if count else None
    shown = [(source, stream, read, rejected, landed.get((source, stream))) for source, stream, read, rejected in rows]
    return text_table(["source", "stream", "rows loaded", "rejected", "in staging"], shown)


def where_to_look(home: Home, warehouse: str, airflow_url: str) -> str:
    """Addresses and logins of this instance. Passwords are this machine's own, generated."""
    prefix = settings_before(home)
    ask = _question(warehouse) or "no inquiries are published yet: make load INBOX=<folder>, or the daily load"
    lines = ["Where to look"]
    if airflow_url:
        lines.append(f"  Airflow    {airflow_url}   {login_hint(home)}")
    lines += [
        f"  SQL        {prefix}make psql",
        f"             {ask}",
        *bi_lines(home, warehouse, prefix),
        f"  other BI   any tool that speaks PostgreSQL; its address: {prefix}make url ROLE=<employee's role>",
        f"  Files      put CSV or XLSX into {home.root / 'inbox'}, or {prefix}make load INBOX=<folder>",
    ]
    return "\n".join(lines)


def settings_before(home: Home) -> str:
    """What has to stand before `make …` so that it is about this home, and about this warehouse."""
    place = "" if home.root == REPOSITORY / ".chairside" else f"CHAIRSIDE_HOME={shlex.quote(str(home.root))} "
    # It holds a password.
    return place + ("WAREHOUSE_URL=… " if os.environ.get("WAREHOUSE_URL") else "")


def first_question(home: Home, warehouse: str) -> str:
    """What to ask after a load: a report over the days that have inquiries, or the next step where none has."""
    question = _question(warehouse)
    if question is None:
        return "no inquiries yet: reports of people need `contacts`, those of money `payments` (docs/sources/files.md)"
    return f"ask in `{settings_before(home)}make psql`: {question} More in docs/reports/README.md"


def _question(warehouse: str) -> str | None:
    """A report over the days that have inquiries; null where none has."""
    with psycopg.connect(warehouse) as connection:
        if connection.execute("select to_regclass('marts.fct_inquiries')").fetchone() == (None,):
            return None
        days = connection.execute("select min(local_date), max(local_date) from marts.fct_inquiries").fetchone()
    first, last = days or (None, None)
    if first is None:
        return None
    return f"select * from reports.channels_and_sources('{first}', '{last}');"  # noqa: S608 - told, not asked


def bi_lines(home: Home, warehouse: str, prefix: str) -> list[str]:
    """Superset's address and with what the demo's employees sign in; without them, how anybody does."""
    address = f"http://127.0.0.1:{home.state()['superset_port']}" if home.state().get("superset_port") else ""
    if not address:
        return []
    with psycopg.connect(warehouse) as connection:
        found = connection.execute(
            "select database_role, access.sign_in_password(database_role) from access.employees"
            " where employee_group like 'demo %' and database_role like 'demo\\_%' order by database_role"
        ).fetchall()
    lines = [f"  Superset   {address}   user: an employee's role, password: {prefix}make sign-in ROLE=<role>"]
    return lines + [f"             {role:<20} {password}" for role, password in found]
