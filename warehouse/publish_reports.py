"""The functions and views people call: files of `warehouse/reports`, applied when their text changed.

The first line of a file names the right that opens its objects: `-- report: channels_and_sources`, or `-- report: *`
for helper functions without data. What a file made is learned from the catalog, not from its text, so that no object
is missed. An object of the file's earlier text that the new text no longer makes (an old signature) is dropped.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from extractors.core.errors import ConfigError, GuardError
from warehouse.publish_tables import Connection

REPORTS_FOLDER = Path(__file__).parent / "reports"
TWIN_PREFIX = "as_of/"
# Where files make views and functions.
MADE_IN = ("reports", "marts", "as_of")
HEADER = re.compile(r"\A--\s*report:\s*(\*|\w+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportObject:
    """A view or a function in one of `MADE_IN`. `signature` is empty for views."""

    kind: str
    name: str
    signature: str
    schema: str = "reports"

    def drop_statement(self) -> sql.Composed:
        # The signature is pg_get_function_identity_arguments() of PostgreSQL itself.
        arguments = sql.SQL(f"({self.signature})" if self.kind == "function" else "")
        target = sql.Identifier(self.schema, self.name)
        return sql.SQL("drop {} if exists {}{} cascade").format(
            sql.SQL("routine" if self.kind == "function" else "view"), target, arguments
        )


def is_twin(file_name: str) -> bool:
    """Whether publication wrote this text itself, for schema `as_of`."""
    return file_name.startswith(TWIN_PREFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFile:
    """One file of `warehouse/reports`, or what publication writes after it for schema `as_of` (publish_as_of.py)."""

    name: str
    report: str
    text: str

    @property
    def is_shared(self) -> bool:
        """Whether it makes functions without data, which models call too: they are there before anything is built."""
        return self.report == "*"

    @property
    def text_hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_report_files(folder: Path) -> tuple[ReportFile, ...]:
    """All `*.sql`, by name. ConfigError for a file that does not say which report it belongs to."""
    files = []
    for path in sorted(folder.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        header = HEADER.match(text)
        if header is None:
            raise ConfigError(f"{folder.name}/{path.name}: the first line must be `-- report: <name>`")
        files.append(ReportFile(name=path.name, report=header.group(1), text=text))
    return tuple(files)


def remembered_objects(connection: Connection) -> dict[str, tuple[str, tuple[ReportObject, ...]]]:
    """Per file: the hash of the text that was applied and what it made."""
    rows = connection.execute("select file_name, text_hash, objects from ops.applied_sql").fetchall()
    return {row[0]: (row[1], tuple(ReportObject(**item) for item in row[2])) for row in rows}


def drop_report_objects(connection: Connection, files: Iterable[ReportFile], twins: bool | None = None) -> None:
    """Drop all that files made, so that tables below can lose columns. The next apply makes it again.

    Shared functions of `files` stay: they read no table, views of the build rest on them, and reports that are made
    before them by name need them. `twins`: only what publication wrote for schema `as_of` (true), or all but that
    (false).
    """
    shared = {file.name for file in files if file.is_shared}
    for name, (_, objects) in remembered_objects(connection).items():
        if twins in (None, is_twin(name)) and name not in shared:
            _drop(connection, objects)
            connection.execute("delete from ops.applied_sql where file_name = %s", (name,))


def apply_report_files(
    connection: Connection, files: Sequence[ReportFile], now: datetime, *, twins: bool = False
) -> tuple[tuple[str, ...], dict[ReportFile, tuple[ReportObject, ...]]]:
    """Apply what changed, inside the caller's transaction. Returns the names of applied files and all objects by file.

    What was applied and is no file any more goes; with `twins` that is asked of twins only, else of all others.

    When an object cannot be replaced in place (other result columns, a view that others rest on), everything is dropped
    and made again: readers see that at commit, never in between. ConfigError: a file's SQL is wrong.
    """
    try:
        with connection.transaction():
            applied = _apply_until_complete(connection, files, now, twins)
    except psycopg.Error:
        drop_report_objects(connection, files, twins)
        applied = _apply_until_complete(connection, files, now, twins)
    remembered = remembered_objects(connection)
    made = {file: remembered[file.name][1] for file in files}
    _require_one_file_per_name(made)
    _require_reader_rights(connection)
    return applied, made


def _apply_until_complete(
    connection: Connection, files: Sequence[ReportFile], now: datetime, twins: bool
) -> tuple[str, ...]:
    """An old signature that goes may take another file's view along: that file is applied once more."""
    applied: list[str] = []
    for _ in range(3):
        newly = _apply_changed(connection, files, now, twins)
        if not newly:
            break
        applied += newly
    return tuple(dict.fromkeys(applied))


def _apply_changed(connection: Connection, files: Sequence[ReportFile], now: datetime, twins: bool) -> tuple[str, ...]:
    remembered = {name: made for name, made in remembered_objects(connection).items() if is_twin(name) == twins}
    for name in set(remembered) - {file.name for file in files}:
        _drop(connection, remembered[name][1])
        connection.execute("delete from ops.applied_sql where file_name = %s", (name,))
    applied = []
    before = _catalog(connection)
    # Helpers first: where everything was dropped, a view that calls one cannot be made before it.
    for file in sorted(files, key=lambda file: not file.is_shared):
        old_hash, old_objects = remembered.get(file.name, ("", ()))
        if old_hash == file.text_hash and set(old_objects) <= set(before):
            continue
        try:
            connection.execute(file.text.encode())
        except (psycopg.errors.InvalidTableDefinition, psycopg.errors.InvalidFunctionDefinition) as error:
            if not old_objects:
                raise ConfigError(f"warehouse/reports/{file.name}: {error.diag.message_primary}") from error
            raise
        except psycopg.errors.DependentObjectsStillExist:
            raise
        except psycopg.Error as error:
            place = f", character {error.diag.statement_position}" if error.diag.statement_position else ""
            raise ConfigError(f"warehouse/reports/{file.name}{place}: {error.diag.message_primary}") from error
        after = _catalog(connection)
        made = tuple(sorted((item for item in after if after[item] != before.get(item)), key=str))
        if not made:
            raise ConfigError(f"warehouse/reports/{file.name}: makes no view or function in {' or '.join(MADE_IN)}")
        _drop(connection, set(old_objects) - set(made))
        connection.execute(
            """
            insert into ops.applied_sql (file_name, text_hash, applied_at, objects) values (%s, %s, %s, %s)
            on conflict (file_name) do update
            set text_hash = excluded.text_hash, applied_at = excluded.applied_at, objects = excluded.objects
            """,
            (file.name, file.text_hash, now, Jsonb([asdict(item) for item in made])),
        )
        applied.append(file.name)
        before = _catalog(connection)
    return tuple(applied)


def _catalog(connection: Connection) -> dict[ReportObject, str]:
    """Views and functions of both schemas with the place of their catalog row, which moves when they are replaced."""
    rows = connection.execute(
        """
        select 'function', pg_proc.proname, pg_get_function_identity_arguments(pg_proc.oid),
            concat_ws(' ', pg_proc.xmin, pg_proc.ctid), pg_proc.pronamespace::regnamespace::text
        from pg_catalog.pg_proc
        where pg_proc.pronamespace::regnamespace::text = any (%(schemas)s)
        union all
        select 'view', pg_class.relname, '', concat_ws(' ', pg_rewrite.xmin, pg_rewrite.ctid),
            pg_class.relnamespace::regnamespace::text
        from pg_catalog.pg_class
        inner join pg_catalog.pg_rewrite on pg_rewrite.ev_class = pg_class.oid
        where pg_class.relnamespace::regnamespace::text = any (%(schemas)s) and pg_class.relkind = 'v'
        """,
        {"schemas": list(MADE_IN)},
    ).fetchall()
    return {ReportObject(kind=row[0], name=row[1], signature=row[2], schema=row[4]): row[3] for row in rows}


def _drop(connection: Connection, objects: Iterable[ReportObject]) -> None:
    for item in objects:
        connection.execute(item.drop_statement())


def _require_one_file_per_name(made: Mapping[ReportFile, tuple[ReportObject, ...]]) -> None:
    """Rights go by name, so a name in two files of two reports would open one report with the other's right."""
    owner: dict[tuple[str, str, str], ReportFile] = {}
    for file, objects in made.items():
        for item in objects:
            other = owner.setdefault((item.schema, item.kind, item.name), file)
            if other is not file:
                both = f"{other.name} and {file.name}"
                raise ConfigError(f"warehouse/reports: {both} both make {item.schema}.{item.name}")


def _require_reader_rights(connection: Connection) -> None:
    """What runs with its owner's rights would show every row to whoever may call it: never published."""
    lending = connection.execute(
        """
        select format('function %%s.%%I must be security invoker', pg_proc.pronamespace::regnamespace, pg_proc.proname)
        from pg_catalog.pg_proc
        where pg_proc.pronamespace::regnamespace::text = any (%(schemas)s) and pg_proc.prosecdef
        union all
        select format(
            'view %%s.%%I must have (security_invoker = true)', pg_class.relnamespace::regnamespace, pg_class.relname
        )
        from pg_catalog.pg_class
        where pg_class.relnamespace::regnamespace::text = any (%(schemas)s) and pg_class.relkind = 'v'
            and not coalesce(
                (
                    select option_value::boolean from pg_options_to_table(pg_class.reloptions)
                    where option_name = 'security_invoker'
                ),
                false
            )
        """,
        {"schemas": list(MADE_IN)},
    ).fetchall()
    if lending:
        raise GuardError("nothing was published: " + "; ".join(row[0] for row in lending))
