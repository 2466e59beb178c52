"""A build of a day reads what landed since the last one looked, and whatever it cannot tell that of."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from tests.city import City
from warehouse.dbt import PROJECT
from warehouse.increment import fresh

Connection = psycopg.Connection[Any]
VIEWS = {
    "of_one": ("select session_id from staging.files__sessions where site is not null", {"files__sessions"}),
    "of_two": (
        "with both_kinds as (select contact_id from staging.files__contacts union all"
        " select session_id from staging.files__sessions) select contact_id || ':' as id from both_kinds",
        {"files__contacts", "files__sessions"},
    ),
    "joined": ("select session_id from staging.files__sessions join staging.files__clinics on site = name", set()),
    "asking_another": (
        "select session_id, (select max(name) from staging.files__clinics) as first from staging.files__sessions",
        set(),
    ),
    "asking_if_not_there": (
        "select session_id from staging.files__sessions where site not in (select name from staging.files__clinics)",
        set(),
    ),
    "counted": ("select session_id, count(*) over (partition by site) as many from staging.files__sessions", set()),
    "by_a_function_of_ours": (
        "select session_id, ops.publication_day(started_at) as day from staging.files__sessions",
        set(),
    ),
    "once_each": ("select distinct site from staging.files__sessions", set()),
}


def _fresh(connection: Connection, seen: fresh.Seen) -> dict[str, list[str]]:
    """Ids of the records that are read again, by kind; those of lists are always."""
    fresh.narrow(connection, seen)
    rows = connection.execute("select record_kind, record_id from fresh.int_family_records order by 1, 2").fetchall()
    found: dict[str, list[str]] = {}
    for kind, record in rows:
        found.setdefault(kind, []).append(record)
    return {kind: ids for kind, ids in found.items() if kind not in ("listed", "deal_stages", "deal_items")}


def _sessions(connection: Connection) -> list[str]:
    return [row[0] for row in connection.execute("select session_id from staging.files__sessions order by 1 limit 2")]


def test_only_rows_written_since_are_read_again(own_city: City) -> None:
    with psycopg.connect(own_city.url, autocommit=True) as connection:
        first, second = _sessions(connection)
        (written,) = connection.execute(
            "update staging.files__sessions set site = 'before' where session_id = %s"
            " returning pg_current_xact_id()::text::bigint",
            (first,),
        ).fetchall()[0]
        # another test's transaction, begun before, may still be at work
        while (seen := fresh.look(connection)).transaction <= written:
            time.sleep(0.05)
        connection.execute("update staging.files__sessions set site = 'after' where session_id = %s", (second,))
        with connection.transaction():
            assert _fresh(connection, seen) == {"session": [second]}


def test_a_row_that_was_written_before_the_look_and_committed_after_it_is_read_again(own_city: City) -> None:
    with (
        psycopg.connect(own_city.url) as loader,
        psycopg.connect(own_city.url, autocommit=True) as connection,
    ):
        (first, second) = _sessions(connection)
        loader.execute("update staging.files__sessions set site = 'late' where session_id = %s", (first,))
        # a later transaction that ends before
        connection.execute("update staging.files__sessions set site = 'soon' where session_id = %s", (second,))
        seen = fresh.look(connection)
        loader.commit()
        with connection.transaction():
            assert first in _fresh(connection, seen)["session"]


def test_what_a_copy_of_the_database_or_an_unknown_past_saw_says_nothing(city: City) -> None:
    with psycopg.connect(city.url) as connection:
        (records,) = connection.execute("select count(*) from build.int_family_records").fetchall()[0]
        seen = fresh.look(connection)
        for unknown in (replace(seen, cluster="another"), replace(seen, transaction=seen.transaction + 1000)):
            assert fresh.narrow(connection, unknown) == []
            assert connection.execute("select count(*) from fresh.int_family_records").fetchall() == [(records,)]
            connection.rollback()


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_narrowed_only_if_no_other_row_changes_what_a_row_says(city: City, name: str) -> None:
    query, tables = VIEWS[name]
    with psycopg.connect(city.url) as connection:
        connection.execute(f"create view staging.{name} as {query}".encode())
        assert fresh._scanned(connection, name) == tables
        connection.rollback()


def test_no_staging_view_speaks_of_the_clock_or_a_setting() -> None:
    """Else what an old row says would change though nobody wrote it."""
    told = re.compile(r"\b(now\(|current_|localtime|clock_timestamp|statement_timestamp|random\()", re.IGNORECASE)
    files = list((PROJECT / "models" / "staging").rglob("*.sql"))
    assert len(files) > 40
    assert [path.name for path in files if told.search(path.read_text(encoding="utf-8"))] == []


def test_views_that_join_are_read_whole(city: City) -> None:
    with psycopg.connect(city.url) as connection:
        narrowed = fresh.narrow(connection, fresh.look(connection))
        assert {"files__sessions", "files__contacts", "calltouch__calls"} <= set(narrowed)
        whole = {"open_dental__patients", "amocrm__leads", "files__deal_stages", "yandex_metrica__visits"}
        assert not whole & set(narrowed)
        connection.rollback()


def test_a_record_of_several_rows_is_made_of_all_of_them(city: City) -> None:
    """A stage that is deleted leaves no fresh row, and its deal as many records as before."""
    deals = "select record_id, content from {}.int_family_records where record_kind = 'deal_stages' order by 1"
    with psycopg.connect(city.url) as connection:
        seen = fresh.look(connection)
        before = connection.execute(deals.format("build").encode()).fetchall()
        connection.execute(
            "delete from staging.files__deal_stages where (deal_id, entered_at) in (select deal_id, max(entered_at)"
            " from staging.files__deal_stages group by deal_id having count(*) > 1 limit 1)"
        )
        fresh.narrow(connection, seen)
        now = connection.execute(deals.format("fresh").encode()).fetchall()
        assert len(now) == len(before) > 1
        assert len(set(now) ^ set(before)) == 2
        connection.rollback()
