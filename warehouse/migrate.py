"""Bring a warehouse to the present shape: schemas, functions, access, and the landed tables of every source.

Run as often as you like: what is there already stays as it is. Landed tables are declared in `extractors` and created
from those declarations; a column declared since the last run is added, a column that nobody declares any more stays.
Needs PostgreSQL 15 (`nulls not distinct`) and the right to create schemas in the database.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from extractors.core.errors import ConfigError
from extractors.kinds import KINDS, Kind
from extractors.registry import SOURCES, all_streams
from extractors.sources.files.comments import META_COMMENTS, column_comment, kind_comment
from extractors.unblocked import unblocked
from warehouse.publish_reports import REPORTS_FOLDER, read_report_files

log = logging.getLogger(__name__)

SQL_FOLDER = Path(__file__).parent / "sql"
SEEDS_FOLDER = Path(__file__).parents[1] / "dbt_project" / "seeds"
OLDEST_SERVER = 150_000
QUIET_SECONDS = 1  # a wait of so long needs no word
# What migrations queue on: two at once would both see a table missing and both create it. A table and not an advisory
# lock, because any login may take an advisory lock and hold it.
TURNS = """
    create schema if not exists ops;
    create table if not exists ops.migration_turn ();
    create table if not exists ops.build_turn ();
    create table if not exists ops.drop_turn ();
    comment on table ops.migration_turn is 'Never has rows. Migrations lock it, so they run one after the other.';
    comment on table ops.build_turn is 'Never has rows. Builds lock it, so they run one after the other.';
    comment on table ops.drop_turn is 'Never has rows. Builds lock it to drop what they replaced, one at a time.';
"""

VENDOR_META = (("_run_id", "text"), ("_loaded_at", "timestamptz"), ("_extra", "jsonb"))
FILE_META = (
    ("_file", "text"),
    ("_row", "bigint"),
    ("_ordinal", "bigint not null default 0"),
    *VENDOR_META,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LandedTable:
    """A table of `staging`: columns as (name, sql type), key, and the texts that describe it."""

    name: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]
    not_null: frozenset[str]
    comment: str
    column_comments: tuple[tuple[str, str], ...]


def migrate(url: str) -> None:
    """Create or upgrade everything the warehouse needs, in one transaction.

    Raises ConfigError when the server is older than PostgreSQL 15.
    """
    with psycopg.connect(url) as connection:
        if connection.info.server_version < OLDEST_SERVER:
            raise ConfigError(
                f"The server runs PostgreSQL {connection.info.server_version // 10_000}; Chairside needs 15 or newer. "
                "Upgrade it, or leave WAREHOUSE_URL empty to use the embedded one."
            )
        _take_turn(connection, url)
        # Views are replaced and tables looked after: an employee's open transaction may hold some of them.
        with unblocked(connection):
            for path in sorted(SQL_FOLDER.glob("*.sql")):
                connection.execute(path.read_text(encoding="utf-8").encode())  # our own files, never input
            # Formulas that reports and models share: models call them before anything is published.
            for file in read_report_files(REPORTS_FOLDER):
                if file.is_shared:
                    connection.execute(file.text.encode())
            for table in (*map(file_table, KINDS), *vendor_tables()):
                _create(connection, table)
            for source in SOURCES:
                _make_turn(connection, source)
            drop_seeds_of_another_shape(connection)


def _take_turn(connection: psycopg.Connection, url: str) -> None:
    """Wait for other migrations; held until this one commits."""
    with psycopg.connect(url, autocommit=True) as first:
        first.execute(f"set lock_timeout = '{QUIET_SECONDS}s'")
        for _ in range(3):
            try:
                first.execute(TURNS)
                break
            except psycopg.errors.LockNotAvailable:
                log.warning("another command builds or upgrades this warehouse; this one waits until it is done")
                first.execute("set lock_timeout = 0")
            except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateObject):
                continue  # another first migration made them at the same moment
    connection.execute("lock table ops.migration_turn in exclusive mode")


def file_table(kind: Kind) -> LandedTable:
    """The landed table of one kind of import file."""
    return LandedTable(
        name=kind.table,
        columns=(*((column.name, column.sql_type) for column in kind.columns), *FILE_META),
        key=kind.key,
        not_null=frozenset(column.name for column in kind.columns if column.required),
        comment=kind_comment(kind),
        column_comments=(
            *((column.name, column_comment(kind, column)) for column in kind.columns),
            *META_COMMENTS.items(),
        ),
    )


def vendor_tables() -> Iterable[LandedTable]:
    """The landed tables of every vendor stream."""
    for stream in all_streams():
        declared = {name for name, _ in stream.columns}
        meta = tuple(column for column in VENDOR_META if column[0] not in declared)
        yield LandedTable(
            name=stream.table,
            columns=(*stream.columns, *meta),
            key=stream.key,
            not_null=stream.not_null,
            comment=f"{stream.description} One row per {', '.join(stream.key)}.",
            column_comments=tuple(
                (name, META_COMMENTS.get(name) or f"The vendor's {name}, as it came.")
                for name, _ in (*stream.columns, *meta)
            ),
        )


def drop_seeds_of_another_shape(connection: psycopg.Connection, folder: Path = SEEDS_FOLDER) -> None:
    """Drop tables of dbt's seeds whose columns are no longer those of the file: dbt fills such a table anew but never
    changes it. What rests on them in `build` goes too; a version with another seed builds everything anyway.
    """
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            wanted = next(csv.reader(lines), [])
        present = connection.execute(
            "select attname::text from pg_attribute where attrelid = to_regclass(format('build.%%I', %s::text))"
            " and attnum > 0 and not attisdropped",
            [path.stem],
        ).fetchall()
        if present and {name for (name,) in present} != set(wanted):
            connection.execute(sql.SQL("drop table {} cascade").format(sql.Identifier("build", path.stem)))


def _make_turn(connection: psycopg.Connection, source: str) -> None:
    """What runs of a source lock, so that they come one after the other (extractors/turns.py)."""
    name = sql.Identifier("ops", f"turn_of_{source}")
    connection.execute(sql.SQL("create table if not exists {} ()").format(name))
    about = f"Never has rows. A run of {source} locks it, so that runs of it come one after the other."
    connection.execute(sql.SQL("comment on table {} is {}").format(name, sql.Literal(about)))


def _create(connection: psycopg.Connection, table: LandedTable) -> None:
    name = sql.Identifier("staging", table.name)
    connection.execute(sql.SQL("create table if not exists {} ()").format(name))
    present = {
        row[0]
        for row in connection.execute(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped",
            [f'staging."{table.name}"'],
        )
    }
    fresh = not present
    for column, type_ in table.columns:
        if column not in present:
            # Types come from the declarations, never from input.
            definition = type_ + (" not null" if fresh and column in table.not_null else "")
            connection.execute(
                sql.SQL("alter table {} add column {} {}").format(name, sql.Identifier(column), sql.SQL(definition))
            )
    index = sql.Identifier("staging", f"{table.name}_key").as_string(connection)
    # Asked first: even `if not exists` waits for whoever writes to the table, a load or a deal entered by hand.
    if connection.execute("select to_regclass(%s)", (index,)).fetchone() == (None,):
        connection.execute(
            sql.SQL("create unique index {} on {} ({}) nulls not distinct").format(
                sql.Identifier(f"{table.name}_key"), name, sql.SQL(", ").join(map(sql.Identifier, table.key))
            )
        )
    connection.execute(sql.SQL("comment on table {} is {}").format(name, sql.Literal(table.comment)))
    for column, text in table.column_comments:
        connection.execute(
            sql.SQL("comment on column {}.{} is {}").format(name, sql.Identifier(column), sql.Literal(text))
        )
