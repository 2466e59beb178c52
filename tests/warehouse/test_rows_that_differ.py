"""A build of a day replaces the rows that differ, and tells the publication of their keys alone."""

from __future__ import annotations

import psycopg
import pytest

from extractors.core.errors import GuardError
from warehouse.increment import compare, merge, unpublished
from warehouse.increment.plan import Kept, Plan

VISITS = Kept(model="visits", columns=("person_key",), of="person")
USES = Kept(model="uses", columns=("record_kind", "record_id"), of="record")
STEPS = Kept(model="steps", columns=("person_key",), of="person", row_key="step_key")
PLAN = Plan(families=(), kept=(VISITS, USES, STEPS), summed=(), passing=(), recalled=(), before=(), after=())

# Families of `ann` and `bob`; `carol` is not touched.
TABLES = """
create schema build; create schema day;
create table build.family_keys as
select * from (values ('person', 'ann'), ('person', 'bob'), ('inquiry', 'visit 1')) as named (kind, key);
create table build.family_scope as select 'session' as record_kind, 'one' as record_id;
create table build.family_changed as
select * from (values ('session', 'one'), ('contact', 'lost'), ('patient', 'one')) as changed (record_kind, record_id);
create table build.visits (person_key text, note text, amount numeric);
create table build.uses (record_kind text, record_id text, identifier text);
create table build.steps (step_key text, person_key text, note text);
create table day.steps (like build.steps);
insert into build.steps values
    ('1', 'ann', 'same'), ('2', 'ann', 'gone'), ('3', 'ann', 'before'), ('4', 'ann', 'hers'), ('5', 'carol', 'before');
insert into day.steps values ('1', 'ann', 'same'), ('3', 'ann', 'now'), ('4', 'dora', 'hers'), ('6', 'dora', 'new');
create table day.visits (like build.visits);
create table day.uses (like build.uses);
insert into build.visits values
    ('carol', 'before', 1), ('bob', 'same', null), ('ann', 'same', 1.50), ('ann', 'less often', 2),
    ('ann', 'less often', 2), ('ann', 'more often', 3), ('ann', 'gone', 4);
insert into day.visits values
    ('bob', 'same', null), ('ann', 'same', 1.5), ('ann', 'less often', 2), ('ann', 'more often', 3),
    ('ann', 'more often', 3), ('ann', 'new', null);
insert into build.uses values ('contact', 'one', 'before'), ('session', 'one', 'before'), ('session', 'two', 'before');
insert into day.uses values ('session', 'one', 'now');
"""


@pytest.fixture
def url(fresh_database: str) -> str:
    """Old rows in `build`, new ones in `day`, compared but not merged yet."""
    with psycopg.connect(fresh_database) as connection:
        connection.execute(TABLES)
        unpublished.begin(connection)
    with psycopg.connect(fresh_database, options=compare.READING) as connection:
        compare.prepare(connection)
        compare.compare(connection, USES)
        compare.compare(connection, STEPS)
        # copied for who reads them, and once only
        compare.keep_old(connection, VISITS)
        compare.keep_old(connection, VISITS)
        connection.execute("create table old.int_inquiries as select 'ann' as person_key, 'visit 1' as inquiry_key")
        connection.execute(
            "create table day.int_inquiries as select * from (values ('ann', 'visit 2'), ('bob', 'visit 3'))"
            " as told (person_key, inquiry_key)"
        )
    return fresh_database


def test_rows_that_are_as_often_on_both_sides_stay_where_they_are_and_others_are_replaced(url: str) -> None:
    places = "select ctid::text, note from build.visits where note in ('before', 'same') order by ctid"
    with psycopg.connect(url) as connection:
        stood = connection.execute(places.encode()).fetchall()
        merge.merge(connection, PLAN)
        assert connection.execute(places.encode()).fetchall() == stood
        assert connection.execute("select * from build.visits order by person_key, note, amount").fetchall() == [
            ("ann", "less often", 2), ("ann", "more often", 3), ("ann", "more often", 3), ("ann", "new", None),
            ("ann", "same", 1.5), ("bob", "same", None), ("carol", "before", 1),
        ]  # fmt: skip


def test_a_record_of_another_kind_keeps_its_rows_though_its_id_is_the_same(url: str) -> None:
    with psycopg.connect(url) as connection:
        merge.merge(connection, PLAN)
        assert connection.execute("select * from build.uses order by record_kind, record_id").fetchall() == [
            ("contact", "one", "before"), ("session", "one", "now"), ("session", "two", "before"),
        ]  # fmt: skip


def test_a_publication_is_told_of_people_whose_rows_differ_and_of_all_their_inquiries(url: str) -> None:
    with psycopg.connect(url) as connection:
        merge.merge(connection, PLAN)
        told = connection.execute(
            "select kind, key from build.family_unpublished where row_key is null order by kind, key"
        ).fetchall()
    assert told == [
        ("contact", "lost"), ("inquiry", "visit 1"), ("inquiry", "visit 2"), ("session", "one"), ("visits", "ann"),
    ]  # fmt: skip


def test_a_publication_is_told_of_the_very_rows_that_differ_where_they_have_a_key_of_their_own(url: str) -> None:
    with psycopg.connect(url) as connection:
        merge.merge(connection, PLAN)
        told = connection.execute(
            "select row_key, key from build.family_unpublished where kind = 'steps' order by row_key, key"
        ).fetchall()
    # one that stayed is not told, one that went from one person to another is told of both
    assert told == [("2", "ann"), ("3", "ann"), ("4", "ann"), ("4", "dora"), ("6", "dora")]


def test_rows_that_somebody_else_took_away_since_they_were_compared_stop_the_build(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("delete from build.visits where note = 'gone'")
    with psycopg.connect(url) as connection, pytest.raises(GuardError, match=r"build\.visits: 1 rows"):
        merge.merge(connection, PLAN)
