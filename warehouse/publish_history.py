"""What a publication replaces is kept: one table per published table in schema `history`.

It has the columns of the published table, `published_in` and `replaced_in`: the publications that wrote a row version
and that removed it. Published rows carry `published_in` too: the state after any kept publication is the rows of
both tables that were there then. Only replaced versions are written: keeping them costs what the change costs.

A column that the published table no longer has leaves history with it: readers may not be meant to see it any more.
"""

from __future__ import annotations

from psycopg import errors, sql

from extractors.core.errors import ConfigError
from warehouse.publish_placement import place
from warehouse.publish_tables import (
    PUBLISHED_IN,
    Column,
    Connection,
    TablePlan,
    columns_of,
    drop_policies_on,
    scalar,
)

HISTORY_SCHEMA = "history"
REPLACED_IN = "replaced_in"
OWN_COLUMNS = (PUBLISHED_IN, REPLACED_IN)


def history_of(plan: TablePlan) -> sql.Identifier:
    return sql.Identifier(HISTORY_SCHEMA, plan.model.name)


def shape_history(connection: Connection, plan: TablePlan) -> None:
    """Create the history of a table, or bring it to the table's new columns. Before the table itself is changed."""
    if clash := {column.name for column in plan.wanted} & set(OWN_COLUMNS):
        raise ConfigError(f"model {plan.model.name}: column {', '.join(sorted(clash))} is publication's own")
    name = history_of(plan)
    there = {column.name: column for column in columns_of(connection, HISTORY_SCHEMA, plan.model.name)}
    if not there:
        columns = [sql.SQL("{} {}").format(sql.Identifier(c.name), sql.SQL(c.type)) for c in plan.wanted]
        columns += [sql.SQL("{} bigint not null").format(sql.Identifier(column)) for column in OWN_COLUMNS]
        connection.execute(sql.SQL("create table {} ({})").format(name, sql.SQL(", ").join(columns)))
        place(connection, name, plan.model.placement)
        connection.execute(sql.SQL("alter table {} enable row level security").format(name))
        connection.execute(
            sql.SQL("create index {} on {} ({})").format(
                sql.Identifier(f"{plan.model.name[:40]}_by_{REPLACED_IN}"), name, sql.Identifier(REPLACED_IN)
            )
        )
        _comment(connection, plan)
        return
    wanted = {column.name: column for column in plan.wanted}
    gone = [column for column in there if column not in wanted and column not in OWN_COLUMNS]
    retyped = [column for column in plan.wanted if column.name in there and there[column.name].type != column.type]
    added = [column for column in plan.wanted if column.name not in there]
    if not (gone or retyped or added):
        return
    text = name.as_string(connection)
    connection.execute("select access.lock_gently(array[%s::regclass::oid])", (text,))
    drop_policies_on(connection, name, [*gone, *(column.name for column in retyped)])
    for column in gone:
        connection.execute(sql.SQL("alter table {} drop column {}").format(name, sql.Identifier(column)))
    for changed in retyped:
        _retype(connection, name, changed)
    for new in added:
        connection.execute(
            sql.SQL("alter table {} add column {} {}").format(name, sql.Identifier(new.name), sql.SQL(new.type))
        )


def keep_all(connection: Connection, plan: TablePlan, publication_id: int) -> None:
    """Keep every row of the published table, before a column of it becomes one of another type.

    Values that cannot become the new type are null in history.
    """
    retyped = set(plan.retyped)
    names = [column for column in plan.wanted if column.name not in {new.name for new in plan.added} - retyped]
    for castable in (retyped, set[str]()):
        values = [
            sql.SQL("{}::text::{}").format(sql.Identifier(c.name), sql.SQL(c.type))
            if c.name in castable
            else sql.SQL("null::{}").format(sql.SQL(c.type))
            if c.name in retyped
            else sql.Identifier(c.name)
            for c in names
        ]
        query = sql.SQL("insert into {} ({}, {}, {}) select {}, {}, {} from {}").format(
            history_of(plan),
            sql.SQL(", ").join(sql.Identifier(c.name) for c in names),
            *map(sql.Identifier, OWN_COLUMNS),
            sql.SQL(", ").join(values),
            sql.Identifier(PUBLISHED_IN),
            sql.Literal(publication_id),
            plan.target,
        )
        try:
            with connection.transaction():
                connection.execute(query)
        except errors.DataError:
            continue
        return


def drop_history(connection: Connection, name: str) -> None:
    """A table that no model publishes any more takes its history along: no right would guard it."""
    connection.execute(sql.SQL("drop table if exists {} cascade").format(sql.Identifier(HISTORY_SCHEMA, name)))


def open_publications(connection: Connection, publication_id: int) -> None:
    """Make this publication readable as of its day; first of all the last one before history was kept."""
    if not scalar(connection, "select true from history.publications limit 1"):
        connection.execute(
            "insert into history.publications select publication_id, published_at, ops.publication_day(published_at)"
            " from ops.publications where publication_id < %s order by publication_id desc limit 1",
            (publication_id,),
        )
    connection.execute(
        "insert into history.publications select publication_id, published_at, ops.publication_day(published_at)"
        " from ops.publications where publication_id = %s",
        (publication_id,),
    )


def _retype(connection: Connection, name: sql.Identifier, column: Column) -> None:
    """Old values in the new type where they can be told in it, else null."""
    own = sql.Identifier(column.name)
    try:
        with connection.transaction():
            connection.execute(
                sql.SQL("alter table {} alter column {} type {} using {}::text::{}").format(
                    name, own, sql.SQL(column.type), own, sql.SQL(column.type)
                )
            )
    except (errors.DataError, errors.CannotCoerce):
        connection.execute(sql.SQL("alter table {} drop column {}").format(name, own))
        connection.execute(sql.SQL("alter table {} add column {} {}").format(name, own, sql.SQL(column.type)))


def _comment(connection: Connection, plan: TablePlan) -> None:
    name = plan.model.name
    connection.execute(
        sql.SQL("comment on table {} is {}").format(
            history_of(plan), sql.Literal(f"Row versions of {plan.title} that a publication replaced or removed.")
        )
    )
    words = {column: plan.model.column_descriptions.get(column, f"As in {plan.title}.") for column in
             (column.name for column in plan.wanted)}  # fmt: skip
    words |= {
        PUBLISHED_IN: "The publication that wrote this version.",
        REPLACED_IN: "The publication that replaced or removed it.",
    }
    for column, text in words.items():
        connection.execute(
            sql.SQL("comment on column {} is {}").format(
                sql.Identifier(HISTORY_SCHEMA, name, column), sql.Literal(text)
            )
        )
