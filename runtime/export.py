"""`make export`: a report as a file, read as the role that asks, so with exactly its rights."""

from __future__ import annotations

import csv
import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from extractors.core.errors import ConfigError
from runtime.home import Home
from runtime.progress import Progress
from runtime.warehouse import filled, role_url

# What a relation is cut to a period by: the day of its contacts, of creation of its deals (RULES 12.25), of its sums.
DAYS = ("local_date", "created_date", "day")
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
    parameters: str = "",
) -> int:
    """Write a report to a file, or CSV to the standard output. `parameters` as `level=campaign clinic=C1`.

    Raises ConfigError, also where the role has no right.
    """
    if date_from is not None and date_to is not None and date_to < date_from:
        raise ConfigError(f"TO={date_to} is before FROM={date_from}")
    # CONTRACT section 4 names reports with their schema
    report = report.removeprefix("reports.")
    given = parameters_of(parameters) | {
        name: value for name, value in (("date_from", date_from), ("date_to", date_to)) if value is not None
    }
    if out is None and file_format == "xlsx":
        out = Path(f"{report}.xlsx")
    with filled(home, os.environ, progress) as warehouse:
        target = warehouse if role is None else role_url(warehouse, role)
        with psycopg.connect(warehouse) as connection:
            zone = connection.execute("select ops.network_zone()").fetchone()
        try:
            with psycopg.connect(target) as connection, connection.cursor() as cursor:
                # people read the file: hours of their clock, not of the server's
                cursor.execute("select set_config('TimeZone', %s, false)", zone)
                cursor.execute(query_of(connection, report, given))
                columns = [column.name for column in cursor.description or ()]
                rows = cursor.fetchall()
        except psycopg.errors.InsufficientPrivilege:
            raise ConfigError(f"{role or 'the owner'} has no right to the report {report!r}") from None
        except psycopg.Error as error:
            said = (error.diag.message_primary or type(error).__name__, error.diag.message_hint)
            raise ConfigError(f"The report {report!r}: {'. '.join(filter(None, said))}") from None
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


def parameters_of(text: str) -> dict[str, object]:
    """`level=campaign clinic=C1` as names and values; a value with spaces stands in quotes. Raises ConfigError."""
    try:
        pairs = [pair.partition("=") for pair in shlex.split(text)]
    except ValueError:
        pairs = [("", "", "")]
    if any(not name or not equals for name, equals, _ in pairs):
        raise ConfigError("WITH is like WITH='level=campaign clinic=C1': names and values of the report's parameters")
    return {name: value for name, _, value in pairs}


def query_of(connection: psycopg.Connection[Any], report: str, given: Mapping[str, object]) -> sql.Composed:
    """The report as a function with what is given, or as a view; one that has a day of DAYS is cut to the period too.

    Raises ConfigError: there is no such report, or it has other parameters.
    """
    name = sql.SQL("reports.{}").format(sql.Identifier(report))
    function = connection.execute(
        "select p.proargnames[1:p.pronargs], p.pronargs - p.pronargdefaults from pg_proc as p"
        " where p.pronamespace = 'reports'::regnamespace and p.proname = %s and p.proretset",
        (report,),
    ).fetchone()
    if function is not None:
        takes, needed = list(function[0] or ()), function[1]
        if missing := [name for name in takes[:needed] if name not in given]:
            raise ConfigError(f"The report {report!r} wants {' '.join(f'{_asked_by(name)}=…' for name in missing)}")
        if unknown := sorted(given.keys() - set(takes)):
            raise ConfigError(f"The report {report!r} has no {', '.join(unknown)}. It has: {', '.join(takes)}")
        arguments = [
            sql.SQL("{} => {}").format(sql.Identifier(key), sql.Literal(value)) for key, value in given.items()
        ]
        return sql.SQL("select * from {}({})").format(name, sql.SQL(", ").join(arguments))
    columns = connection.execute(
        "select array_agg(a.attname::text) from pg_attribute as a join pg_class as c on a.attrelid = c.oid"
        " where c.relnamespace = 'reports'::regnamespace and c.relname = %s and a.attnum > 0",
        (report,),
    ).fetchone()
    if columns is None or columns[0] is None:
        told = ", ".join(known(connection)) or "none yet: nothing was published, or nothing is open to this login"
        raise ConfigError(f"There is no report {report!r}. Known: {told}")
    day = next((name for name in DAYS if name in columns[0]), None)
    bounds = {"date_from": ">=", "date_to": "<="} if day else {}
    if unknown := [key for key in given if key not in bounds]:
        told = "no period; leave FROM and TO out" if not bounds and "date_from" in given else "no parameters; leave out"
        raise ConfigError(f"The report {report!r} has {told}: {', '.join(map(_asked_by, unknown))}")
    conditions = [
        sql.SQL("{} {} {}").format(sql.Identifier(day or ""), sql.SQL(bounds[key]), sql.Literal(given[key]))
        for key in given
    ]
    where = sql.SQL(" where ") + sql.SQL(" and ").join(conditions) if conditions else sql.SQL("")
    # the same rows are the same file
    order = sql.SQL(" order by {}, 1").format(sql.Identifier(day)) if day else sql.SQL("")
    return sql.SQL("select * from {}{}{}").format(name, where, order)


def _asked_by(parameter: str) -> str:
    """How a person gives a parameter."""
    return {"date_from": "FROM", "date_to": "TO"}.get(parameter, f"WITH={parameter}")


def known(connection: psycopg.Connection[Any]) -> list[str]:
    """What this login may export: reports, not what stands behind and beside them."""
    return [
        name
        for (name,) in connection.execute(
            "select p.proname::text from pg_proc as p where p.pronamespace = 'reports'::regnamespace and p.proretset"
            " and has_function_privilege(p.oid, 'execute') and pg_get_function_result(p.oid) like 'TABLE%'"
            " and obj_description(p.oid, 'pg_proc') ~ '[а-я]'"  # helpers have no name in Russian
            " union select c.relname::text from pg_class as c where c.relnamespace = 'reports'::regnamespace"
            " and c.relkind = 'v' and has_table_privilege(c.oid, 'select') order by 1"
        )
        if not name.endswith("_as_of") and "trace" not in name.split("_")
    ]


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
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    def held(text: object) -> object:
        """Without what XML cannot hold."""
        return ILLEGAL_CHARACTERS_RE.sub("\ufffd", text) if isinstance(text, str) else text

    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    sheet.append(list(columns))
    for row in rows:
        sheet.append([
            value.isoformat() if isinstance(value, datetime) and value.tzinfo
            else value if isinstance(value, (int, float, Decimal, date, bool)) or value is None
            else held(safe(value if isinstance(value, list) else str(value)))
            for value in row
        ])  # fmt: skip
    book.save(path)
