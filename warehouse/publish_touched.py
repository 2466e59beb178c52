"""Which rows a publication has to compare: those with a key of which builds changed rows since the last one.

A build of a day leaves the keys of the rows that it changed in `build.family_unpublished`, by model, in the transaction
that changes them (warehouse/increment: unpublished.py, sums.py, days.py). `build.family_published` names the
publication that left nothing else to publish; a build of everything drops it, and then every table is compared whole.
"""

from __future__ import annotations

from collections.abc import Iterable

from warehouse.publish_tables import Connection, TablePlan, scalar


def differ_by_touched(connection: Connection) -> bool:
    """Whether only rows of touched families can differ from what readers see."""
    if scalar(connection, "select to_regclass('build.family_published')") is None:
        return False
    known: bool = scalar(
        connection,
        "select exists (select from build.family_published"
        " where publication_id = (select max(publication_id) from ops.publications))",
    )
    return known


def hold_touched(connection: Connection) -> bool:
    """`differ_by_touched`; until this transaction ends no build touches more."""
    if scalar(connection, "select to_regclass('build.family_published')") is None:
        return False
    connection.execute("lock table build.family_unpublished in share row exclusive mode")
    connection.execute("analyze build.family_unpublished")
    return differ_by_touched(connection)


def known_rows(connection: Connection, plans: Iterable[TablePlan]) -> dict[str, int]:
    """Tables of which only rows with touched keys can differ, by schema and name: how many rows each had after the last
    publication."""
    rows = connection.execute(
        "select told ->> 'schema' || '.' || (told ->> 'name'), (told ->> 'rows')::bigint"
        " from ops.publications cross join lateral jsonb_array_elements(tables) as told"
        " where publication_id = (select publication_id from build.family_published)"
    ).fetchall()
    by_touched = {plan.title for plan in plans if plan.model.family and plan.keeps_shape}
    return {title: number for title, number in rows if title in by_touched}


def keep_published(connection: Connection, publication_id: int) -> None:
    """This publication left nothing to publish. Does nothing where no build left the keys of families."""
    if scalar(connection, "select to_regclass('build.family_unpublished')") is None:
        return
    connection.execute("create unlogged table if not exists build.family_published (publication_id bigint)")
    connection.execute("truncate build.family_published, build.family_unpublished")
    connection.execute("insert into build.family_published (publication_id) values (%s)", (publication_id,))
