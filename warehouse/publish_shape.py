"""The shape of a published table follows its build table: columns, keys, indexes, comments.

ALTER TABLE locks readers out until the publication ends, so it is asked for only where the shape really changed: on
deployment, not daily. A column of another type is dropped and added: unlike a change of type in place this rewrites
nothing, so that a reader with an older snapshot still finds its rows.
"""

from __future__ import annotations

from psycopg import errors, sql

from warehouse.publish_manifest import PublishedModel
from warehouse.publish_placement import place
from warehouse.publish_tables import (
    PUBLISHED_IN,
    Column,
    Connection,
    TablePlan,
    columns_of,
    drop_policies_on,
    key_is_not_unique,
    scalar,
)

PUBLISHED_IN_COMMENT = "The publication that wrote this row; 0: one before history was kept."


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
        place(connection, plan.target, model.placement)
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
    drop_policies_on(connection, plan.target, plan.dropped)
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
        except errors.UniqueViolation:
            raise key_is_not_unique(plan) from None  # the database's own error quotes the row
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
