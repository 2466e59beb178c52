"""Publication: what dbt built becomes what readers see, all tables in one transaction, by difference.

`publish` reads dbt's manifest, brings every published table to the rows of its build table, applies the report
functions and views whose text changed, registers all of it for `access` and refreshes grants and policies. Readers
never wait for it and never see a half: DDL happens only where a shape changed. Publications queue behind each other and
behind changes of rights. What it replaces is kept (publish_history.py) and can be read again (publish_as_of.py).
Running again with nothing new changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from extractors.core.errors import ConfigError
from extractors.unblocked import REPORT_STATEMENT, unblocked
from warehouse.publish_as_of import twin_files
from warehouse.publish_gate import require_publishable
from warehouse.publish_history import (
    HISTORY_SCHEMA,
    drop_history,
    history_of,
    keep_all,
    open_publications,
    shape_history,
)
from warehouse.publish_keys import add_foreign_keys, drop_broken_foreign_keys
from warehouse.publish_lineage import record_lineage, trace_files
from warehouse.publish_manifest import PUBLISHED_SCHEMAS, PublishedModel, read_manifest
from warehouse.publish_placement import copies_of, spread, spreads_out
from warehouse.publish_reports import (
    REPORTS_FOLDER,
    ReportFile,
    ReportObject,
    apply_report_files,
    drop_report_objects,
    read_report_files,
)
from warehouse.publish_shape import finish_shape, prepare_shape
from warehouse.publish_tables import Connection, TableChange, TablePlan, plan_table, scalar, write_difference
from warehouse.publish_touched import hold_touched, keep_published, known_rows
from warehouse.settings_of_no_figure import SETTINGS_OF_NO_FIGURE

# What the twins and traces need beside their report's own tables (warehouse/sql/151_history.sql, 154_trace.sql): no row
# about anybody.
OPEN_TO_EVERY_READER = {
    ("*", "history", "publications", "table"),
    ("*", "history", "loads", "table"),
    ("*", "as_of", "publication", "function"),
    ("*", "as_of", "publication_on", "function"),
}
# Before anything changes its shape: all that readers use, views first as a reader takes them. Taken one by one along
# the way, a reader who holds a view and waits for its table would be one half of a deadlock.
LOCK_FOR_SHAPE = """
    select access.lock_gently(
        array(
            select pg_class.oid
            from pg_class
            inner join pg_namespace on pg_namespace.oid = relnamespace
            where nspname in ('as_of', 'reports', 'marts', 'history') and relkind in ('r', 'v')
            order by nspname = 'as_of' desc, relkind = 'v' desc, pg_class.oid
        )
    )
"""
# A table is analysed after this share of its rows changed. Autovacuum would do it later, after slow first reads.
NOTABLE_SHARE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationSummary:
    """What one publication did."""

    publication_id: int
    run_id: str
    published_at: datetime
    tables: tuple[TableChange, ...]
    dropped_tables: tuple[str, ...]
    applied_files: tuple[str, ...]
    access_changes: int

    @property
    def rows_inserted(self) -> int:
        return sum(table.rows_inserted for table in self.tables)

    @property
    def rows_deleted(self) -> int:
        return sum(table.rows_deleted for table in self.tables)

    def __str__(self) -> str:
        told = f"{len(self.tables)} tables, {self.rows_inserted} rows in, {self.rows_deleted} rows out"
        if self.dropped_tables:
            told += f"; dropped with their history, no model publishes them: {', '.join(self.dropped_tables)}"
        return told

    @property
    def notes(self) -> tuple[str, ...]:
        """Changes beside rows, in words."""
        shapes = (f"{table.schema}.{table.name}: {note}" for table in self.tables for note in table.shape)
        return (*shapes, *(f"{name}: dropped, no model publishes it" for name in self.dropped_tables))


def publish(
    url: str, manifest: Path, *, run_id: str, now: datetime, reports: Path = REPORTS_FOLDER
) -> PublicationSummary:
    """Publish everything the manifest asks for. Safe to run again; waits for another publication to end.

    ConfigError: a model's `publish` block, or a report file, is wrong. GuardError: build tables are missing, a key is
    not unique, a report object would lend its owner's rights, or the build may not be published (publish_gate.py).
    After an error readers keep what they had.
    """
    told = read_manifest(manifest)
    definitions = reports / "definitions"
    files = (*read_report_files(reports), *trace_files(definitions))
    with psycopg.connect(url, autocommit=True, application_name="chairside publish") as connection:
        with connection.transaction(), unblocked(connection, longest_statement=REPORT_STATEMENT):
            summary = _publish(connection, told.models, files, told.rules_hash, run_id, now)
            record_lineage(connection, summary.publication_id, told, definitions)
        for table in summary.tables:
            if table.rows_inserted + table.rows_deleted > NOTABLE_SHARE * table.rows:
                connection.execute(sql.SQL("analyze {}").format(sql.Identifier(table.schema, table.name)))
    return summary


def _publish(
    connection: Connection,
    models: Sequence[PublishedModel],
    files: Sequence[ReportFile],
    models_hash: str,
    run_id: str,
    now: datetime,
) -> PublicationSummary:
    # Names are always written with their schema; nothing is found by a search path.
    connection.execute("set local search_path = pg_catalog, pg_temp")
    connection.execute("set local work_mem = '128MB'")
    connection.execute("select access.take_turn()")
    require_publishable(connection, run_id)
    _require_known_reports(connection, models, files)
    if spreads_out(connection):
        models = spread(models)
    plans = {model.name: plan_table(connection, model) for model in models}
    if len(plans) != len(models):
        raise ConfigError("two published models have the same name; nothing was published")
    vanished = _vanished_tables(connection, models)
    if vanished or any(plan.dropped or plan.added or plan.retyped for plan in plans.values() if not plan.is_new):
        connection.execute(LOCK_FOR_SHAPE)
    if vanished or any(plan.dropped for plan in plans.values()):
        drop_report_objects(connection, files)
    only_touched = hold_touched(connection)
    publication_id, published_at = _begin(connection, files, models_hash, run_id, now)

    # First all DDL that the rows need, then all rows, then the DDL that needs the rows: PostgreSQL refuses to alter a
    # table whose foreign keys still wait to be checked.
    for schema, name in vanished:
        connection.execute(sql.SQL("drop table if exists {} cascade").format(sql.Identifier(schema, name)))
        drop_history(connection, name)
    shapes = {}
    for name, plan in plans.items():
        shape_history(connection, plan)
        if plan.retyped:
            keep_all(connection, plan, publication_id)
        shapes[name] = prepare_shape(connection, plan)
    known = known_rows(connection, plans.values()) if only_touched else {}
    for name, plan in plans.items():
        if not plan.is_new:
            shapes[name] += drop_broken_foreign_keys(connection, plan, plans, known)
    with copies_of(connection, plans.values()):
        rows = {
            name: write_difference(
                connection, plan, publication_id, history_of(plan), known_rows=known.get(plan.title)
            )
            for name, plan in plans.items()
        }  # fmt: skip
    connection.execute("set constraints all immediate")
    for name, plan in plans.items():
        shapes[name] += finish_shape(connection, plan)
    for name, plan in plans.items():
        shapes[name] += add_foreign_keys(connection, plan, plans)

    applied, made = apply_report_files(connection, files, now)
    _, twins = apply_report_files(connection, twin_files(connection, plans.values(), made), now, twins=True)
    _register(connection, plans, {**made, **twins})
    access_changes = scalar(connection, "select access.refresh()")
    changes = tuple(
        TableChange(
            schema=plan.model.schema,
            name=name,
            rows_inserted=rows[name][0],
            rows_deleted=rows[name][1],
            rows=rows[name][2],
            shape=tuple(shapes[name]),
        )
        for name, plan in plans.items()
    )
    connection.execute(
        "update ops.publications set rows_inserted = %s, rows_deleted = %s, tables = %s where publication_id = %s",
        (
            sum(change.rows_inserted for change in changes),
            sum(change.rows_deleted for change in changes),
            Jsonb([asdict(change) for change in changes]),
            publication_id,
        ),
    )
    open_publications(connection, publication_id)
    keep_published(connection, publication_id)
    return PublicationSummary(
        publication_id=publication_id,
        run_id=run_id,
        published_at=published_at,
        tables=changes,
        dropped_tables=tuple(f"{schema}.{name}" for schema, name in vanished),
        applied_files=applied,
        access_changes=access_changes,
    )


def _begin(
    connection: Connection, files: Sequence[ReportFile], models_hash: str, run_id: str, now: datetime
) -> tuple[int, datetime]:
    """Number this publication, before its rows are written, and remember what rules it follows. Its number and moment.

    It is never before an earlier one: a load may begin first and publish last, and a clock may be set back; the past of
    a day would then show what came after it. A clock that went ahead once binds nobody.
    """
    reports_hash = hashlib.sha256("".join(file.text_hash for file in files).encode()).hexdigest()
    [begun] = connection.execute(
        """
        insert into ops.publications (run_id, published_at, rows_inserted, rows_deleted, tables, rules)
        select %s, greatest(
            %s, (select max(published_at) from ops.publications where published_at <= clock_timestamp())
        ), 0, 0, '[]', jsonb_build_object(
            'models', %s::text, 'reports', %s::text, 'settings', (
                select md5(string_agg(name || '=' || coalesce(value, ''), ';' order by name))
                from staging.settings where name <> all (%s)
            )
        )
        returning publication_id, published_at
        """,
        (run_id, now, models_hash, reports_hash, list(SETTINGS_OF_NO_FIGURE)),
    ).fetchall()
    return begun


def _require_known_reports(
    connection: Connection, models: Sequence[PublishedModel], files: Sequence[ReportFile]
) -> None:
    known = {row[0] for row in connection.execute("select report from access.known_reports").fetchall()}
    wrong = [f"model {model.name}: {model.report}" for model in models if model.report not in known]
    unknown = [file for file in files if not file.is_shared and file.report not in known]
    wrong += [f"warehouse/reports/{file.name}: {file.report}" for file in unknown]
    if wrong:
        raise ConfigError(f"unknown report: {'; '.join(wrong)}. Known: {', '.join(sorted(known))}")


def _vanished_tables(connection: Connection, models: Sequence[PublishedModel]) -> list[tuple[str, str]]:
    """Tables that an earlier publication made and no model publishes any more."""
    rows = connection.execute(
        "select distinct schema_name, relation_name from access.relations"
        " where object_kind = 'table' and schema_name = any (%s) order by 1, 2",
        (list(PUBLISHED_SCHEMAS),),
    ).fetchall()
    published = {(model.schema, model.name) for model in models}
    return [(row[0], row[1]) for row in rows if (row[0], row[1]) not in published]


def _register(
    connection: Connection,
    plans: Mapping[str, TablePlan],
    made: Mapping[ReportFile, tuple[ReportObject, ...]],
) -> None:
    """Write `access.relations`, touching only what differs."""
    rows = [
        (
            plan.model.report,
            schema,
            plan.model.name,
            "table",
            plan.model.clinic_column,
            list(plan.model.owner_columns),
            plan.model.is_personal,
        )
        for plan in plans.values()
        for schema in (plan.model.schema, HISTORY_SCHEMA)
    ]
    objects = {(file.report, item.schema, item.name, item.kind) for file, items in made.items() for item in items}
    objects |= OPEN_TO_EVERY_READER
    rows += [(*item, None, [], False) for item in sorted(objects)]
    connection.execute("create temporary table registered (like access.relations) on commit drop")
    with connection.cursor() as cursor:
        cursor.executemany("insert into pg_temp.registered values (%s, %s, %s, %s, %s, %s, %s)", rows)
    connection.execute(
        "delete from access.relations as old where not exists (select from pg_temp.registered as new where new = old)"
    )
    connection.execute(
        "insert into access.relations select new.* from pg_temp.registered as new"
        " where not exists (select from access.relations as old where new = old)"
    )
