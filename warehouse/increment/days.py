"""Tables by day that follow from everybody: a build of a day makes those of their days anew that moved.

What moved a day is a sum over families (`sums` notes its days here) or a table that every build makes as a whole, whose
content by day is remembered. A table's days, its new rows and what is remembered change in one transaction, so a build
that is killed leaves its days to the next one.
"""

from __future__ import annotations

from psycopg import sql

from warehouse.increment.fresh import Connection
from warehouse.increment.plan import ByDay, Plan, Summed

_TABLES = """
drop table if exists build.family_days, build.family_day_contents;
create unlogged table build.family_days (model text, day date, primary key (model, day));
create unlogged table build.family_day_contents (model text, parent text, day date, content numeric);
"""


def keep_everything(connection: Connection, plan: Plan) -> None:
    """After a build of everything: no day is left to do."""
    connection.execute(_TABLES)
    for by_day in plan.by_day:
        for parent in by_day.of.keys() - by_day.summed:
            connection.execute(
                sql.SQL("insert into build.family_day_contents select {}, {}, day, content from ({}) as now").format(
                    sql.Literal(by_day.model), sql.Literal(parent), _contents(by_day, parent)
                )
            )


def note(connection: Connection, plan: Plan, summed: Summed) -> None:
    """Remember the days of `pg_temp.difference`, by which a sum moves, for the tables that read it."""
    for by_day in plan.by_day:
        if summed.model in by_day.of:
            connection.execute(
                sql.SQL(
                    "insert into build.family_days (model, day)"
                    " select distinct {}, {} from pg_temp.difference on conflict do nothing"
                ).format(sql.Literal(by_day.model), sql.Identifier(by_day.of[summed.model]))
            )


def fill(connection: Connection, by_day: ByDay, query: sql.Composable, columns: sql.Composable) -> int:
    """Replace the rows of the days that moved by those that `query` has now; returns how many these are."""
    for parent in by_day.of.keys() - by_day.summed:
        _find_moved(connection, by_day, parent)
    table, day = sql.Identifier("build", by_day.model), sql.Identifier(by_day.column)
    model = (by_day.model,)
    rows = connection.execute("select day from build.family_days where model = %s order by day", model).fetchall()
    days = [day for (day,) in rows]
    if not days:
        return 0
    # Made by the first build of a day, as indexes of families are; tests look by it too.
    index = sql.Identifier(f"{by_day.model}_days")
    connection.execute(sql.SQL("create index if not exists {} on {} ({})").format(index, table, day))
    connection.execute(sql.SQL("delete from {} where {} = any (%s)").format(table, day), (days,))
    # The condition reaches the scans of what the query sums up by day.
    made = connection.execute(
        sql.SQL("insert into {} ({}) select {} from (").format(table, columns, columns)
        + query
        + sql.SQL("\n) as made where made.{} = any ({}::date[])").format(day, sql.Literal(days))
    ).rowcount
    connection.execute(
        "insert into build.family_unpublished (kind, key)"
        " select %s, day::text from build.family_days where model = %s on conflict do nothing",
        (by_day.model, by_day.model),
    )
    connection.execute("delete from build.family_days where model = %s", model)
    return made


def _find_moved(connection: Connection, by_day: ByDay, parent: str) -> None:
    """Days on which the parent says something else than was remembered; what it says now is remembered instead."""
    connection.execute(
        sql.SQL(
            "with now as materialized ({contents}),"
            " was as ("
            "delete from build.family_day_contents where model = {model} and parent = {parent} returning day, content"
            "), remembered as ("
            "insert into build.family_day_contents select {model}, {parent}, day, content from now"
            ") insert into build.family_days (model, day)"
            " select {model}, coalesce(now.day, was.day) from now full join was on now.day = was.day"
            " where now.content is distinct from was.content"
            " on conflict do nothing"
        ).format(model=sql.Literal(by_day.model), parent=sql.Literal(parent), contents=_contents(by_day, parent))
    )


def _contents(by_day: ByDay, parent: str) -> sql.Composed:
    """A sum of hashes of whole rows, so that their order does not matter."""
    return sql.SQL(
        "select made.{day} as day, sum(hash_record_extended(made, 0)::numeric) as content from {table} as made"
        " group by made.{day}"
    ).format(day=sql.Identifier(by_day.of[parent]), table=sql.Identifier("build", parent))
