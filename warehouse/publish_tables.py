"""One published table: what it is to become, and its rows, which change by difference.

Readers hold only ACCESS SHARE locks, which inserts and deletes do not disturb. Every row says in `published_in` which
publication wrote it; what a publication removes goes to the table's history (publish_history.py).
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
    def keeps_shape(self) -> bool:
        return not (self.is_new or self.dropped or self.added)

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
    def workshop(self) -> sql.Identifier:
        """What dbt built."""
        return sql.Identifier(BUILD_SCHEMA, self.model.build_name)

    @property
    def build(self) -> sql.Identifier:
        """Its rows where the published table can be compared with them: on Citus a copy that lies as that table."""
        if self.model.placement is None:
            return self.workshop
        return sql.Identifier(BUILD_SCHEMA, f"{self.model.build_name}__spread")

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


def drop_policies_on(connection: Connection, table: sql.Identifier, columns: Sequence[str]) -> None:
    """Drop the row policies that rest on columns which go or change their type; others stay as they are.

    access.refresh() writes them again; until then, inside the publication's transaction, their roles see nothing.
    """
    if not columns:
        return
    for (policy,) in connection.execute(
        """
        select distinct pg_policy.polname
        from pg_catalog.pg_policy
        inner join pg_catalog.pg_depend
            on pg_depend.classid = 'pg_catalog.pg_policy'::regclass and pg_depend.objid = pg_policy.oid
            and pg_depend.refclassid = 'pg_catalog.pg_class'::regclass and pg_depend.refobjid = pg_policy.polrelid
        inner join pg_catalog.pg_attribute
            on pg_attribute.attrelid = pg_depend.refobjid and pg_attribute.attnum = pg_depend.refobjsubid
        where pg_policy.polrelid = %s::regclass and pg_attribute.attname = any (%s)
        """,
        (table.as_string(connection), list(columns)),
    ).fetchall():
        connection.execute(sql.SQL("drop policy {} on {}").format(sql.Identifier(policy), table))


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


def write_difference(
    connection: Connection, plan: TablePlan, publication_id: int, history: sql.Identifier, *, known_rows: int | None
) -> tuple[int, int, int]:
    """Delete rows that vanished or changed and keep them in `history`, insert those that are new or changed.

    `known_rows`: how many rows the table has, where only those of touched families can differ (publish_touched.py);
    None: all are compared. Returns (inserted, deleted, rows now). GuardError when the build table's key is not unique
    or has nulls.
    """
    key_equal = sql.SQL(" and ").join(
        sql.SQL("new.{0} = old.{0}").format(sql.Identifier(column)) for column in plan.model.key
    )
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in plan.wanted)
    using, named, built = sql.Composed([]), sql.SQL("true").format(), plan.build
    published: sql.Composable = plan.target
    if known_rows is not None:
        touched, named = _touched(plan)
        using = sql.SQL(" using {}").format(touched)
        published = sql.SQL("{} as old inner join {} on {}").format(plan.target, touched, named)
        built = _hold_touched_rows(connection, plan)
    fields = {
        "target": plan.target, "using": using, "named": named, "built": built, "key": key_equal, "names": names,
        "new": _comparable(plan.wanted, "new"), "old": _comparable(plan.wanted, "old"), "history": history,
        "marked": sql.SQL(", ").join([names, sql.Identifier(PUBLISHED_IN)]), "publication": sql.Literal(publication_id),
    }  # fmt: skip
    try:
        deleted = 0
        if plan.retyped:
            # All of them are in history already, with the values that the old type had.
            deleted = connection.execute(sql.SQL("delete from {}").format(plan.target)).rowcount
        elif not plan.is_new:
            # By `=` of each type, so that 1.0 and 1.00 are the same number and the row keeps its place.
            deleted = connection.execute(
                sql.SQL(
                    "with gone as (delete from {target} as old{using} where {named} and not exists"
                    " (select from {built} as new where {key} and row({new}) is not distinct from row({old}))"
                    " returning old.*)"
                    " insert into {history} ({marked}, replaced_in) select {marked}, {publication} from gone"
                ).format(**fields)
            ).rowcount
        inserted = connection.execute(
            sql.SQL(
                "insert into {target} ({marked}) select {names}, {publication} from {built} as new"
                " where not exists (select from {target} as old where {key})"
            ).format(**fields)
        ).rowcount
    except errors.UniqueViolation:
        # Without the database's own error behind it, here and below: logs would print that too, and it quotes the row.
        raise key_is_not_unique(plan) from None
    except errors.NotNullViolation as error:
        raise GuardError(
            f"{plan.title}: column {error.diag.column_name} must not be null but is; nothing was published. "
            f"Look at {BUILD_SCHEMA}.{plan.model.build_name}"
        ) from None
    rows_built, rows_published = (
        scalar(connection, sql.SQL("select count(*) from {}").format(rows)) for rows in (built, published)
    )
    if known_rows is not None:
        connection.execute("drop table pg_temp.touched_rows")
    if rows_built != rows_published:
        # A second row with a known key is not new and not changed: only the count betrays it.
        raise key_is_not_unique(plan)
    return inserted, deleted, rows_published if known_rows is None else known_rows + inserted - deleted


def _hold_touched_rows(connection: Connection, plan: TablePlan) -> sql.Identifier:
    """Copy the touched rows of the build table, once for all that asks for them.

    Into a table that says how many it has: by what the planner believes of a person's rows it read the published table
    whole.
    """
    by_row = sql.Composed([])
    if plan.model.row_key is not None:
        by_row = sql.SQL(" and touched.row_key = rows_of_all.{}").format(sql.Identifier(plan.model.row_key))
    connection.execute(
        sql.SQL(
            "create temporary table touched_rows on commit drop as select rows_of_all.* from {} as rows_of_all"
            " inner join build.family_unpublished as touched on {}{}"
        ).format(plan.build, is_touched(plan, "rows_of_all"), by_row)
    )
    connection.execute("analyze pg_temp.touched_rows")
    return sql.Identifier("pg_temp", "touched_rows")


def _touched(plan: TablePlan) -> tuple[sql.Composed, sql.Composed]:
    """What names the published rows that may differ, as `touched`, and the condition that it names a row `old`."""
    if plan.model.row_key is None:
        return sql.SQL("build.family_unpublished as touched").format(), is_touched(plan, "old")
    # a row that went from one person to another is told of both
    keys = sql.SQL("(select distinct row_key from build.family_unpublished where kind = {}) as touched")
    row_key = sql.Identifier("old", plan.model.row_key)
    return keys.format(sql.Literal(plan.model.name)), sql.SQL("{} = touched.row_key").format(row_key)


def is_touched(plan: TablePlan, rows: str) -> sql.Composed:
    """The condition that `touched` names a key of the row. Keys are text; days are cast, which an index knows."""
    model, family = sql.Literal(plan.model.name), str(plan.model.family)
    key = sql.SQL("touched.key").format()
    if any(column.name == family and column.type == "date" for column in plan.wanted):
        # only of its own kind: other keys are no days
        key = sql.SQL("case when touched.kind = {} then touched.key::date end").format(model)
    return sql.SQL("touched.kind = {} and {}.{} = {}").format(model, sql.Identifier(rows), sql.Identifier(family), key)


def _comparable(columns: Sequence[Column], alias: str) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("{}.{}{}").format(
            sql.Identifier(alias),
            sql.Identifier(column.name),
            sql.SQL("::text" if column.type in TYPES_WITHOUT_EQUALITY else ""),
        )
        for column in columns
    )


def key_is_not_unique(plan: TablePlan) -> GuardError:
    key = ", ".join(plan.model.key)
    return GuardError(
        f"{plan.title}: two rows have the same key ({key}); nothing was published. "
        f"Group {BUILD_SCHEMA}.{plan.model.build_name} by it to find them"
    )
