"""Real reports under rights: what an employee may not see changes no answer; what he was not given is closed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.types.json import Jsonb

from tests.e2e.past import answers
from tests.warehouse.attacks.catalog import Item, plain_call
from tests.warehouse.attacks.judging import REFUSALS
from warehouse.define import read_definitions
from warehouse.publish_manifest import read_manifest
from warehouse.publish_reports import REPORTS_FOLDER, read_report_files

MADE = re.compile(r"create or replace (?:function|view) reports\.(\w+)")
PUBLISHED = ("marts", "reports", "history", "as_of")
# Open to whoever has any right: moments, and formulas without data.
FOR_ANYBODY = {("history", "publications"), ("history", "loads"), ("as_of", "publication"), ("as_of", "publication_on")}
# Tables with a clinic, with what is hidden in them. Views and functions rest on these.
TABLES = """
    select schema_name, relation_name, clinic_column, owner_columns, is_personal, array(
        select attname::text from pg_attribute
        where attrelid = format('%I.%I', schema_name, relation_name)::regclass
            and attnum > 0 and not attisdropped and atttypid = 'text'::regtype
    ), array(
        select attname::text from pg_attribute
        join pg_constraint on conrelid = attrelid and contype = 'p' and attnum = any (conkey)
        where attrelid = format('%I.%I', case when schema_name = 'history' then (
            select live.schema_name from access.relations as live
            where live.relation_name = relations.relation_name and live.schema_name in ('marts', 'reports')
                and live.object_kind = 'table'
        ) else schema_name end, relation_name)::regclass
    )
    from access.relations
    where object_kind = 'table' and clinic_column is not null
"""

INDEXES_THAT_TELL = """
    select distinct pg_index.indexrelid::regclass::text as index_name, pg_attribute.attname as column_name
    from pg_index
    join pg_class on pg_class.oid = pg_index.indrelid
    cross join unnest(pg_index.indkey::int2[], pg_index.indclass::oid[]) as part (attnum, operators)
    join pg_attribute on pg_attribute.attrelid = pg_class.oid and pg_attribute.attnum = part.attnum
    join pg_opclass on pg_opclass.oid = part.operators
    join pg_amop on amopfamily = opcfamily and amoplefttype = opcintype and amoprighttype = opcintype
    join pg_operator on pg_operator.oid = amopopr
    join pg_proc on pg_proc.oid = oprcode
    where relnamespace in ('marts'::regnamespace, 'reports'::regnamespace, 'history'::regnamespace) and not proleakproof
"""


@dataclass(frozen=True, slots=True)
class Reader:
    """An employee with one right on every report."""

    role: str
    clinics: str | None = None
    is_own: bool = False
    is_personal: bool = False


@contextmanager
def readers(owner: psycopg.Connection[Any], *hired: Reader) -> Iterator[None]:
    """Employees of administrator and manager ids that June has, gone afterwards."""
    try:
        for reader in hired:
            owner.execute("select access.add_employee(%s, 'Invented', null, 'anna')", (reader.role,))
            owner.execute(
                "select access.allow(%s, report, %s, %s, %s) from access.known_reports where report <> 'deal_entry'",
                (reader.role, reader.clinics, reader.is_own, reader.is_personal),
            )
        yield
    finally:
        for reader in hired:
            owner.execute("select access.remove_employee(%s)", (reader.role,))


def told(url: str, reader: Reader, asked: dict[str, tuple[str, str]], as_of: date) -> dict[str, list[str]]:
    """Everything that the reader can read: reports now and of a day, and all rows of tables and views."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("set session authorization {}").format(sql.Identifier(reader.role)))
        names = connection.execute(
            "select oid::regclass::text from pg_class where relkind in ('r', 'v') and relnamespace::regnamespace::text"
            " = any (%s) and has_schema_privilege(relnamespace, 'usage') and has_table_privilege(oid, 'select')",
            (list(PUBLISHED),),
        ).fetchall()
        return {
            **{f"{name}()": rows for name, rows in answers(connection, asked).items()},
            **{f"{name}_as_of()": rows for name, rows in answers(connection, asked, as_of).items()},
            **{name: sorted(row[0] for row in connection.execute(f"select x::text from {name} as x".encode()))
               for (name,) in names},
        }  # fmt: skip


def add_foreign_rows(owner: psycopg.Connection[Any]) -> None:
    """Every row once more for a clinic C9: as it is under another key, and with every text marked."""
    owner.execute("set session_replication_role = replica")
    for schema, name, clinic, owners, _, texts, key in owner.execute(TABLES).fetchall():
        for marked in ([column for column in key if column in texts], texts):
            _copy(owner, sql.Identifier(schema, name), clinic, {*marked, *owners})
    owner.execute("reset session_replication_role")


def _copy(owner: psycopg.Connection[Any], table: sql.Identifier, clinic: str, marked: set[str]) -> None:
    owner.execute(
        sql.SQL(
            "insert into {0} select changed.* from {0} as old cross join lateral jsonb_populate_record(old, ("
            "select jsonb_object_agg(name, 'cnry' || (to_jsonb(old) ->> name)) from unnest(%s::text[]) as name"
            " where to_jsonb(old) ->> name is not null) || %s) as changed where old.{1} <> 'C9' on conflict do nothing"
        ).format(table, sql.Identifier(clinic)),
        (sorted(marked), Jsonb({clinic: "C9"})),
    )


def change_personal_rows(owner: psycopg.Connection[Any]) -> None:
    """Names, phones, e-mails and texts of everybody become others."""
    owner.execute("set session_replication_role = replica")
    for schema, name, clinic, owners, is_personal, texts, key in owner.execute(TABLES).fetchall():
        changed = [column for column in texts if column not in {clinic, *owners, *key}]
        if is_personal and changed:
            owner.execute(
                sql.SQL("update {} set {}").format(
                    sql.Identifier(schema, name),
                    sql.SQL(", ").join(
                        sql.SQL("{0} = 'cnry' || {0}").format(sql.Identifier(column)) for column in changed
                    ),
                )
            )
    owner.execute("reset session_replication_role")


def opened_by(report: str, manifest: Path) -> set[tuple[str, str]]:
    """What a right on a report opens, by dbt's manifest and the texts of the reports."""
    found = set(FOR_ANYBODY)
    for model in read_manifest(manifest).models:
        if model.report == report:
            found |= {(schema, model.name) for schema in (model.schema, "history", "as_of")}
    for file in read_report_files(REPORTS_FOLDER):
        for name in MADE.findall(file.text):
            if file.report == "*":
                found.add(("reports", name))
            elif file.report == report:
                found |= {("reports", name), ("reports", f"{name}_as_of"), ("as_of", name), ("as_of", f"{name}_on")}
    for definition in read_definitions():
        if definition.right == report:
            found |= {("reports", f"{definition.report}_trace"), ("ops", "trace")}
    return found


def reached(connection: psycopg.Connection[Any], items: list[Item], opened: set[tuple[str, str]]) -> list[str]:
    """What is not opened and does not refuse, tried as the session's login."""
    found = []
    for item in items:
        if (item.schema, item.name) in opened:
            continue
        query = f"select * from {plain_call(item) if item.is_function else item.text}"
        try:
            connection.execute(query.encode())
            found.append(query)
        except REFUSALS:
            pass
        except errors.Error as error:
            found.append(f"{query}: {type(error).__name__}")
    return found
