"""One published table: its shape follows the build table, its rows change by difference.

Readers hold only ACCESS SHARE locks, which inserts and deletes do not disturb. Whatever does disturb them (ALTER TABLE)
happens only when the shape really changed. A column of another type is dropped and added: unlike a change of type in
place this rewrites nothing, so that a reader with an older snapshot still finds its rows.

Every row says in `published_in` which publication wrote it; what a publication removes goes to the table's history
(publish_history.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import errors, sql

from extractors.core.errors import ConfigError, GuardError
from warehouse.publish_manifest import PublishedModel

BUILD_SCHEMA = "build"
PUBLISHED_IN = "published_in"
PUBLISHED_IN_COMMENT = "The publication that wrote this row; 0: one before history was kept."
# Types without an equality of their own, compared by their text.
TYPES_WITHOUT_EQUALITY = frozenset({"json", "xml", "point", "box", "path", "polygon", "circle", "line", "lseg"})

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column as PostgreSQL's catalog describes it."""

    name: str
    type: str
    is_not_null: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TableChange:
    """What a publication did to one table. `shape`: what changed beside rows, in words."""

    schema: str
    name: str
    rows_inserted: int
    rows_deleted: int
    rows: int
    shape: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePlan:
    """A model beside what is there: `current` is empty when the table is new.

    `is_marked`: the table has the column `published_in`, which `current` leaves out.
    """

    model: PublishedModel
    wanted: tuple[Column, ...]
    current: tuple[Column, ...]
    is_marked: bool

    @property
    def is_new(self) -> bool:
        return not self.current

    @property
    def dropped(self) -> tuple[str, ...]:
        """Columns to drop: vanished ones and those whose type changed."""
        types = {column.name: column.type for column in self.wanted}
        return tuple(column.name for column in self.current if types.get(column.name) != column.type)

    @property
    def added(self) -> tuple[Column, ...]:
        """Columns to add to a table that is there, those of a changed type included."""
        types = {column.name: column.type for column in self.current}
        return tuple(column for column in self.wanted if types.get(column.name) != column.type)

    @property
    def retyped(self) -> tuple[str, ...]:
        """Columns that stay but with another type."""
        types = {column.name: column.type for column in self.current}
        return tuple(column.name for column in self.wanted if types.get(column.name, column.type) != column.type)

    @property
    def build(self) -> sql.Identifier:
        return sql.Identifier(BUILD_SCHEMA, self.model.build_name)

    @property
    def target(self) -> sql.Identifier:
        return sql.Identifier(self.model.schema, self.model.name)

    @property
    def title(self) -> str:
        return f"{self.model.schema}.{self.model.name}"


def scalar(connection: Connection, query: LiteralString | sql.Composed, parameters: Sequence[object] = ()) -> Any:  # noqa: ANN401  (what the query says)
    """First column of the first row; None if there is no row."""
    row = connection.execute(query, parameters or None).fetchone()
    return row[0] if row else None


def columns_of(connection: Connection, schema: str, name: str) -> tuple[Column, ...]:
    """Columns in order; empty if there is no such relation."""
    rows = connection.execute(
        """
        select pg_attribute.attname, format_type(pg_attribute.atttypid, pg_attribute.atttypmod), pg_attribute.attnotnull
        from pg_catalog.pg_attribute
        inner join pg_catalog.pg_class on pg_class.oid = pg_attribute.attrelid
        inner join pg_catalog.pg_namespace on pg_namespace.oid = pg_class.relnamespace
        where pg_namespace.nspname = %s and pg_class.relname = %s
            and pg_attribute.attnum > 0 and not pg_attribute.attisdropped
        order by pg_attribute.attnum
        """,
        (schema, name),
    ).fetchall()
    return tuple(Column(name=row[0], type=row[1], is_not_null=row[2]) for row in rows)


def plan_table(connection: Connection, model: PublishedModel) -> TablePlan:
    """Compare a model with its published table. ConfigError if the model names columns that it does not have."""
    built = columns_of(connection, BUILD_SCHEMA, model.build_name)
    if not built:
        raise GuardError(f"{BUILD_SCHEMA}.{model.build_name} does not exist: nothing was published; run dbt build")
    named = {*model.key, *model.owner_columns, *([model.clinic_column] if model.clinic_column else [])}
    named.update(*model.indexes)
    if missing := named - {column.name for column in built}:
        raise ConfigError(f"model {model.name}: meta.publish names columns it does not have: {sorted(missing)}")
    wanted = tuple(
        Column(name=column.name, type=column.type, is_not_null=column.is_not_null or column.name in model.key)
        for column in built
    )
    there = columns_of(connection, model.schema, model.name)
    current = tuple(column for column in there if column.name != PUBLISHED_IN)
    return TablePlan(model=model, wanted=wanted, current=current, is_marked=len(current) < len(there))


def prepare_shape(connection: Connection, plan: TablePlan) -> list[str]:
    """Create the table, or drop and add columns so that all rows of the build table fit. Says what it did."""
    model = plan.model
    if plan.is_new:
        columns = sql.SQL(", ").join(_definition(column, with_not_null=True) for column in plan.wanted)
        connection.execute(
            sql.SQL("create table {} ({}, {} bigint not null)").format(
                plan.target, columns, sql.Identifier(PUBLISHED_IN)
            )
        )
        connection.execute(sql.SQL("alter table {} enable row level security").format(plan.target))
        return ["created"]
    said: list[str] = []
    loosened = [
        column.name
        for column in plan.wanted
        if not column.is_not_null
        and any(old.name == column.name and old.is_not_null and old.type == column.type for old in plan.current)
    ]
    has_other_key = (old_key := _primary_key(connection, model)) != model.key and old_key
    if plan.is_marked and not (plan.dropped or plan.added or loosened or has_other_key):
        return said
    connection.execute("select access.lock_gently(array[%s::regclass::oid])", (plan.target.as_string(connection),))
    if not plan.is_marked:
        # The default is in the catalog only: no row is rewritten.
        mark = sql.Identifier(PUBLISHED_IN)
        connection.execute(sql.SQL("alter table {} add column {} bigint not null default 0").format(plan.target, mark))
        connection.execute(sql.SQL("alter table {} alter column {} drop default").format(plan.target, mark))
        said.append(f"{PUBLISHED_IN}: added")
    if plan.dropped or has_other_key:
        # Foreign keys of others rest on this key; they are added again where they still hold.
        _drop_constraints(connection, plan, kinds="pf" if has_other_key or set(plan.dropped) & set(old_key) else "f")
    if plan.dropped:
        # access.refresh() writes the policies again; until then, inside this transaction, the table is closed.
        for (policy,) in connection.execute(
            "select polname from pg_catalog.pg_policy where polrelid = %s::regclass",
            (plan.target.as_string(connection),),
        ).fetchall():
            connection.execute(sql.SQL("drop policy {} on {}").format(sql.Identifier(policy), plan.target))
    added = {column.name: column for column in plan.added}
    for name in plan.dropped:
        connection.execute(sql.SQL("alter table {} drop column {}").format(plan.target, sql.Identifier(name)))
        said.append(f"{name}: type is now {added[name].type}" if name in added else f"{name}: dropped")
    known = {column.name for column in plan.current}
    for column in plan.added:
        definition = _definition(column, with_not_null=False)
        connection.execute(sql.SQL("alter table {} add column {}").format(plan.target, definition))
        if column.name not in known:
            said.append(f"{column.name}: added")
    for name in loosened:
        connection.execute(
            sql.SQL("alter table {} alter column {} drop not null").format(plan.target, sql.Identifier(name))
        )
        said.append(f"{name}: may be null")
    if has_other_key:
        said.append(f"key is now {', '.join(model.key)}")
    return said


def write_difference(
    connection: Connection, plan: TablePlan, publication_id: int, history: sql.Identifier
) -> tuple[int, int, int]:
    """Delete rows that vanished or changed and keep them in `history`, insert those that are new or changed.

    Returns (inserted, deleted, rows now). GuardError when the build table's key is not unique or has nulls.
    """
    key_equal = sql.SQL(" and ").join(
        sql.SQL("new.{0} = old.{0}").format(sql.Identifier(column)) for column in plan.model.key
    )
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in plan.wanted)
    marked = sql.SQL(", ").join([names, sql.Identifier(PUBLISHED_IN)])
    try:
        deleted = 0
        if plan.retyped:
            # All of them are in history already, with the values that the old type had.
            deleted = connection.execute(sql.SQL("delete from {}").format(plan.target)).rowcount
        elif not plan.is_new:
            # By `=` of each type, so that 1.0 and 1.00 are the same number and the row keeps its place.
            deleted = connection.execute(
                sql.SQL(
                    "with gone as (delete from {target} as old where not exists (select from {build} as new"
                    " where {key} and row({new}) is not distinct from row({old})) returning old.*)"
                    " insert into {history} ({marked}, replaced_in) select {marked}, {publication} from gone"
                ).format(
                    target=plan.target,
                    build=plan.build,
                    key=key_equal,
                    new=_comparable(plan.wanted, "new"),
                    old=_comparable(plan.wanted, "old"),
                    history=history,
                    marked=marked,
                    publication=sql.Literal(publication_id),
                )
            ).rowcount
        inserted = connection.execute(
            sql.SQL(
                "insert into {target} ({marked}) select {names}, {publication} from {build} as new"
                " where not exists (select from {target} as old where {key})"
            ).format(
                target=plan.target,
                build=plan.build,
                names=names,
                marked=marked,
                key=key_equal,
                publication=sql.Literal(publication_id),
            )
        ).rowcount
    except errors.UniqueViolation as error:
        raise _key_is_not_unique(plan) from error
    except errors.NotNullViolation as error:
        raise GuardError(
            f"{plan.title}: column {error.diag.column_name} must not be null but is; nothing was published. "
            f"Look at {BUILD_SCHEMA}.{plan.model.build_name}"
        ) from error
    rows: int
    built: int
    rows, built = (
        scalar(connection, sql.SQL("select count(*) from {}").format(table)) for table in (plan.target, plan.build)
    )
    if rows != built:
        # A second row with a known key is not new and not changed: only the count betrays it.
        raise _key_is_not_unique(plan)
    return inserted, deleted, rows


def finish_shape(connection: Connection, plan: TablePlan) -> list[str]:
    """Primary key, not-null and indexes where missing, comments where they differ: after the rows, so that they fit."""
    said: list[str] = []
    now = {column.name: column for column in columns_of(connection, plan.model.schema, plan.model.name)}
    tightened = [column.name for column in plan.wanted if column.is_not_null and not now[column.name].is_not_null]
    for name in tightened:
        connection.execute(
            sql.SQL("alter table {} alter column {} set not null").format(plan.target, sql.Identifier(name))
        )
        said.append(f"{name}: not null")
    if not _primary_key(connection, plan.model):
        try:
            connection.execute(
                sql.SQL("alter table {} add primary key ({})").format(
                    plan.target, sql.SQL(", ").join(map(sql.Identifier, plan.model.key))
                )
            )
        except errors.UniqueViolation as error:
            raise _key_is_not_unique(plan) from error
    for columns in plan.model.indexes:
        # Named by its columns, so that another list is another index. Asked for first, since even `if not exists` takes
        # a lock that ends an autovacuum.
        name = f"{plan.model.name[:40]}_by_{'_'.join(columns)}"[:63]
        if not scalar(
            connection, "select to_regclass(format('%%I.%%I', %s::text, %s::text))", (plan.model.schema, name)
        ):
            connection.execute(
                sql.SQL("create index {} on {} ({})").format(
                    sql.Identifier(name), plan.target, sql.SQL(", ").join(map(sql.Identifier, columns))
                )
            )
    _comment(connection, plan)
    return said if not plan.is_new else []


def _definition(column: Column, *, with_not_null: bool) -> sql.Composed:
    # The type is format_type() of PostgreSQL itself, never a text of ours.
    text = sql.SQL("{} ").format(sql.Identifier(column.name)) + sql.SQL(column.type)
    return text + sql.SQL(" not null") if with_not_null and column.is_not_null else text


def _comparable(columns: Sequence[Column], alias: str) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("{}.{}{}").format(
            sql.Identifier(alias),
            sql.Identifier(column.name),
            sql.SQL("::text" if column.type in TYPES_WITHOUT_EQUALITY else ""),
        )
        for column in columns
    )


def _primary_key(connection: Connection, model: PublishedModel) -> tuple[str, ...]:
    rows = connection.execute(
        """
        select pg_attribute.attname
        from pg_catalog.pg_constraint
        cross join unnest(pg_constraint.conkey) with ordinality as key_column (attnum, place)
        inner join pg_catalog.pg_attribute
            on pg_attribute.attrelid = pg_constraint.conrelid and pg_attribute.attnum = key_column.attnum
        where pg_constraint.contype = 'p'
            and pg_constraint.conrelid = to_regclass(format('%%I.%%I', %s::text, %s::text))
        order by key_column.place
        """,
        (model.schema, model.name),
    ).fetchall()
    return tuple(row[0] for row in rows)


def _drop_constraints(connection: Connection, plan: TablePlan, *, kinds: str) -> None:
    rows = connection.execute(
        """
        select conrelid::regclass::text, conname from pg_catalog.pg_constraint
        where (confrelid = %(table)s::regclass and contype = 'f')
            or (conrelid = %(table)s::regclass and contype::text = any (string_to_array(%(kinds)s, null)))
        order by contype
        """,
        {"table": plan.target.as_string(connection), "kinds": kinds},
    ).fetchall()
    for table, name in rows:
        # regclass::text is quoted by PostgreSQL already.
        connection.execute(sql.SQL("alter table {} drop constraint {}").format(sql.SQL(table), sql.Identifier(name)))


def _comment(connection: Connection, plan: TablePlan) -> None:
    current: dict[str, str] = dict(
        connection.execute(
            """
            select coalesce(pg_attribute.attname, ''), pg_description.description
            from pg_catalog.pg_description
            left join pg_catalog.pg_attribute
                on pg_attribute.attrelid = pg_description.objoid and pg_attribute.attnum = pg_description.objsubid
                and pg_attribute.attnum > 0
            where pg_description.classoid = 'pg_catalog.pg_class'::regclass and pg_description.objoid = %s::regclass
            """,
            (plan.target.as_string(connection),),
        ).fetchall()
    )
    model = plan.model
    if model.description and current.get("") != model.description:
        connection.execute(sql.SQL("comment on table {} is {}").format(plan.target, sql.Literal(model.description)))
    wanted = {column.name: model.column_descriptions.get(column.name) for column in plan.wanted}
    for name, text in {**wanted, PUBLISHED_IN: PUBLISHED_IN_COMMENT}.items():
        if text and current.get(name) != text:
            connection.execute(
                sql.SQL("comment on column {} is {}").format(
                    sql.Identifier(model.schema, model.name, name), sql.Literal(text)
                )
            )


def _key_is_not_unique(plan: TablePlan) -> GuardError:
    key = ", ".join(plan.model.key)
    return GuardError(
        f"{plan.title}: two rows have the same key ({key}); nothing was published. "
        f"Group {BUILD_SCHEMA}.{plan.model.build_name} by it to find them"
    )
