"""`make export`: a report as a file, read as the role that asks, so with exactly its rights."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from extractors.core.errors import ConfigError
from runtime.home import Home
from runtime.progress import Progress
from runtime.warehouse import databases, role_url

# A cell that begins so would run as a formula in a spreadsheet (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export(
    home: Home,
    progress: Progress,
    *,
    report: str,
    date_from: date | None,
    date_to: date | None,
    file_format: str,
    role: str | None,
    out: Path | None,
) -> int:
    """Write a report to a file, or CSV to the standard output. Raises ConfigError, also where the role has no right."""
    if out is None and file_format == "xlsx":
        out = Path(f"{report}.xlsx")
    with databases(home, os.environ, progress) as urls:
        target = urls.warehouse if role is None else role_url(urls.warehouse, role)
        try:
            with psycopg.connect(target) as connection, connection.cursor() as cursor:
                cursor.execute(query_of(connection, report, date_from, date_to))
                columns = [column.name for column in cursor.description or ()]
                rows = cursor.fetchall()
        except psycopg.errors.InsufficientPrivilege:
            raise ConfigError(f"{role or 'the owner'} has no right to the report {report!r}") from None
        except psycopg.Error as error:
            told = error.diag.message_primary or type(error).__name__
            raise ConfigError(f"The report {report!r}: {told}. Most reports want a period: FROM=… TO=…") from None
    if file_format == "xlsx" and out is not None:
        write_xlsx(out, report, columns, rows)
    elif out is not None:
        with out.open("w", newline="", encoding="utf-8-sig") as file:
            write_csv(file, columns, rows)
    else:
        write_csv(sys.stdout, columns, rows)
    if out is not None:
        progress.say(f"{len(rows)} rows in {out}")
    return 0


def query_of(
    connection: psycopg.Connection[Any], report: str, date_from: date | None, date_to: date | None
) -> sql.Composed:
    """The report as a function with its period, or as a view; a view with a `local_date` is cut to the period too."""
    name = sql.SQL("reports.{}").format(sql.Identifier(report))
    kinds = connection.execute(
        "select exists (select from pg_proc p where p.pronamespace = n.oid and p.proname = %(name)s),"
        " exists (select from pg_class c where c.relnamespace = n.oid and c.relname = %(name)s),"
        " exists (select from pg_class c join pg_attribute a on a.attrelid = c.oid where c.relnamespace = n.oid"
        "  and c.relname = %(name)s and a.attname = 'local_date')"
        " from pg_namespace n where n.nspname = 'reports'",
        {"name": report},
    ).fetchone()
    is_function, is_relation, has_date = kinds or (False, False, False)
    period = {"date_from": date_from, "date_to": date_to}
    given = {key: value for key, value in period.items() if value is not None}
    if is_function:
        arguments = [
            sql.SQL("{} => {}").format(sql.Identifier(key), sql.Literal(value)) for key, value in given.items()
        ]
        return sql.SQL("select * from {}({})").format(name, sql.SQL(", ").join(arguments))
    if not is_relation:
        raise ConfigError(f"There is no report {report!r}")
    if given and not has_date:
        raise ConfigError(f"The report {report!r} has no period; leave FROM and TO out")
    conditions = [
        sql.SQL("local_date {} {}").format(sql.SQL(">=" if key == "date_from" else "<="), sql.Literal(value))
        for key, value in given.items()
    ]
    where = sql.SQL(" where ") + sql.SQL(" and ").join(conditions) if conditions else sql.SQL("")
    return sql.SQL("select * from {}{}").format(name, where)


def safe(value: object) -> object:
    """Text that a spreadsheet would run gets an apostrophe before it; a phone number stays a phone number."""
    if isinstance(value, list):
        value = "; ".join(str(each) for each in value)
    is_phone = isinstance(value, str) and value[:1] == "+" and value[1:].isdigit()
    if isinstance(value, str) and value.startswith(FORMULA) and not is_phone:
        return "'" + value
    return value


def write_csv(file: Any, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:  # noqa: ANN401 - a text stream
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows([safe(value) for value in row] for row in rows)


def write_xlsx(path: Path, title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """One sheet. Excel knows no time zones: instants are written as text with their offset."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    sheet.append(list(columns))
    for row in rows:
        sheet.append([
            value.isoformat() if isinstance(value, datetime) and value.tzinfo
            else value if isinstance(value, (int, float, Decimal, date, bool)) or value is None
            else safe(value if isinstance(value, list) else str(value))
            for value in row
        ])  # fmt: skip
    book.save(path)
