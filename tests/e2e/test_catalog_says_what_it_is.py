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


def columns(city: City, which: str) -> list[tuple[str, ...]]:
    """Columns of marts and reports and what they say, of those that `which` tells."""
    with psycopg.connect(city.url) as connection:
        found = connection.execute(
            "select c.relname, a.attname, col_description(c.oid, a.attnum) from pg_class as c"
            " inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped"
            " where c.relnamespace in ('marts'::regnamespace, 'reports'::regnamespace)"
            f" and c.relkind in ('r', 'p', 'v') and {which} order by 1, 2".encode()
        )
        return found.fetchall()


def test_a_column_that_is_never_null_does_not_say_when_it_is(city: City) -> None:
    assert columns(city, "a.attnotnull and col_description(c.oid, a.attnum) ~ '\\mnull\\M'") == []


def test_a_view_does_not_take_over_words_that_point_to_another_column_of_its_table(city: City) -> None:
    assert columns(city, "c.relkind = 'v' and col_description(c.oid, a.attnum) ~ '\\mlikewise\\M'") == []


def test_money_says_of_which_currency_it_is(city: City) -> None:
    """By a column beside it, or in its words."""
    silent = (
        "a.atttypid = 'numeric'::regtype and a.attname ~ 'amount|spend|revenue|cost|profit|_value$'"
        " and not exists (select from pg_attribute as b where b.attrelid = c.oid and b.attname = 'currency')"
        " and col_description(c.oid, a.attnum) !~* 'currency'"
    )
    assert columns(city, silent) == []
