"""Every table, view and column that a person can open says in the catalog what it is."""

from __future__ import annotations

import psycopg
import pytest

from tests.city import City


@pytest.mark.parametrize("schema", ["staging", "marts", "reports", "access", "ops", "history", "as_of"])
def test_nothing_in_the_schema_is_without_a_comment(city: City, schema: str) -> None:
    with psycopg.connect(city.url) as connection:
        silent = connection.execute(
            "select c.relname, a.attname from pg_class as c"
            " inner join pg_attribute as a on a.attrelid = c.oid and a.attnum >= 0 and not a.attisdropped"
            " where c.relnamespace = %(schema)s::regnamespace and c.relkind in ('r', 'p', 'v', 'm')"
            " and coalesce(col_description(c.oid, a.attnum), '') = ''"
            " union all select c.relname, null from pg_class as c"
            " where c.relnamespace = %(schema)s::regnamespace and c.relkind in ('r', 'p', 'v', 'm')"
            " and coalesce(obj_description(c.oid, 'pg_class'), '') = ''"
            " union all select p.proname || '()', null from pg_proc as p"
            " where p.pronamespace = %(schema)s::regnamespace and coalesce(obj_description(p.oid, 'pg_proc'), '') = ''"
            " order by 1, 2",
            {"schema": schema},
        ).fetchall()
    assert silent == []
