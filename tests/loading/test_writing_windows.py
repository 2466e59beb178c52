"""What write_window does to a landed table, however its rows come."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractors.core.errors import GuardError, PayloadError
from extractors.core.rows import Reading, Row, read_pages
from extractors.core.spec import Context, StreamSpec, Window
from extractors.loading import changes, windows
from extractors.loading.windows import Written, write_window
from extractors.run import make_context
from extractors.sources.calltouch import SOURCE as ANY_SOURCE

NOW = datetime(2026, 7, 1, 3, tzinfo=UTC)
DAY, LATER = date(2026, 6, 1), date(2026, 6, 2)
WINDOW = Window(DAY, DAY)


class Record(msgspec.Struct):
    id: int
    note: str | None = None


def row_of(record: Record, context: Context) -> Row:
    return (record.id, DAY, record.note)


STREAM = StreamSpec(
    source="trial", name="things", description="Things.", key=("thing_id",), record=Record, row=row_of,
    columns=(("thing_id", "bigint"), ("day", "date"), ("note", "text")), pages=lambda client, window, context: (),
    replace="window", window_column="day", lookback_days=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def table(warehouse: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute(
            "create table staging.trial__things (thing_id bigint not null, day date, note text, _run_id text,"
            " _loaded_at timestamptz, _extra jsonb)"
        )
        connection.execute("create unique index on staging.trial__things (thing_id) nulls not distinct")
        yield connection


@pytest.fixture(autouse=True)
def small_chunks(table: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "CHUNK_ROWS", 3)
    clear(table)


def clear(table: psycopg.Connection[Any]) -> None:
    table.execute("truncate staging.trial__things, ops.window_changes")


def write(
    table: psycopg.Connection[Any], *rows: Row, window: Window = WINDOW, run_id: str = "r", now: datetime = NOW,
    size: int = 2, **options: Any,  # noqa: ANN401
) -> Written:
    batches = [[(*row, None) for row in rows[first : first + size]] for first in range(0, len(rows), size)]
    with table.transaction():
        return write_window(table, STREAM, window, batches, run_id=run_id, now=now, **options)


def landed(table: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return table.execute("select thing_id, day, note from staging.trial__things order by 1").fetchall()


def changed(table: psycopg.Connection[Any], run_id: str) -> list[tuple[Any, ...]]:
    return table.execute(
        "select change, key from ops.changed_keys where run_id = %s order by 1, 2", (run_id,)
    ).fetchall()


def thing(number: int, note: str = "a", day: date = DAY) -> Row:
    return (number, day, note)


def test_unchanged_rows_are_only_read_and_changed_keys_are_told(table: psycopg.Connection[Any]) -> None:
    write(table, *map(thing, range(1, 8)), run_id="first")
    place = "select thing_id, xmin, xmax, ctid, _run_id from staging.trial__things"
    where = f"{place} where thing_id not in (2, 7) order by 1"
    before = table.execute(where).fetchall()
    done = write(table, *map(thing, (1, 3, 4, 5, 6)), thing(2, "b"), thing(8), run_id="second")
    assert done == Written(7, 2, 1, restated=1)
    after = table.execute(where.replace("(2, 7)", "(2, 7, 8)")).fetchall()
    assert after == before
    assert changed(table, "first") == [("whole window", None)]
    assert changed(table, "second") == [("deleted", [7]), ("written", [2]), ("written", [8])]
    assert write(table, *map(thing, (1, 3, 4, 5, 6, 8)), thing(2, "b"), run_id="third") == Written(7, 0, 0)
    assert changed(table, "third") == []


def test_a_repeated_row_ends_as_it_was_read_last_wherever_it_comes_again(table: psycopg.Connection[Any]) -> None:
    for last, size in itertools.product((1, 2, 5, 9), (2, 20)):  # 20: both come in one batch
        clear(table)
        rows = [*map(thing, range(10)), thing(last, "newer")]
        assert write(table, *rows, size=size).deleted == 0
        assert landed(table) == [thing(number, "newer" if number == last else "a") for number in range(10)]


@pytest.mark.parametrize("turned", [False, True])
def test_a_row_that_vanished_goes_though_another_came_twice_or_belongs_to_another_day(
    table: psycopg.Connection[Any], turned: bool
) -> None:
    there = [*map(thing, range(9)), thing(20, day=LATER)]
    for came, left in (
        ([0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4, 5, 6, 7, 20]),  # one gone
        ([0, 1, 2, 3, 4, 5, 6, 1], [0, 1, 2, 3, 4, 5, 6, 20]),  # two gone, one twice
        ([0, 1, 2, 3, 4, 5, 6, 7, 1], [0, 1, 2, 3, 4, 5, 6, 7, 20]),  # one gone, one twice: as many as before
        ([1, 2, 3, 4, 5, 6, 7, 8, 20], [1, 2, 3, 4, 5, 6, 7, 8, 20]),  # one gone, one that lies outside the window
    ):
        clear(table)
        write(table, *there[:-1])
        write(table, there[-1], window=Window(LATER, LATER))
        rows = [thing(number, day=LATER if number == 20 else DAY) for number in came]
        assert write(table, *(rows[::-1] if turned else rows)).deleted == len(there) - len(left)
        assert [row[0] for row in landed(table)] == left


def test_a_row_that_moved_to_another_day_is_there_once(table: psycopg.Connection[Any]) -> None:
    write(table, thing(1), thing(2))
    write(table, thing(2, day=LATER), thing(3, day=LATER), window=Window(LATER, LATER))
    assert landed(table) == [thing(1), thing(2, day=LATER), thing(3, day=LATER)]


def test_too_many_changes_are_told_as_the_whole_window_and_old_ones_are_forgotten(
    table: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "LONGEST_LIST", 4)
    write(table, *map(thing, range(10)), run_id="old", now=NOW - changes.KEPT - timedelta(days=1))
    write(table, *(thing(number, "b") for number in range(10)), run_id="new")
    assert table.execute("select run_id, change, keys from ops.window_changes").fetchall() == [
        ("new", "whole window", None)
    ]


def test_a_window_that_shrinks_too_much_is_refused_and_nothing_of_it_stays(table: psycopg.Connection[Any]) -> None:
    write(table, *map(thing, range(300)), size=100)
    # A page that came five times does not make up for the rows that did not come.
    with pytest.raises(GuardError, match="100 rows where 300 are loaded"):
        write(table, *([thing(number, "b") for number in range(100)] * 5), size=100)
    assert landed(table) == [thing(number) for number in range(300)]
    assert write(table, *map(thing, range(100)), size=100, allow_shrink=True).deleted == 200


def test_a_failure_between_chunks_leaves_the_table_as_it_was(table: psycopg.Connection[Any]) -> None:
    def breaking() -> Iterator[list[Row]]:
        yield from [[(*thing(number, "b"), None)] for number in range(7)]
        raise PayloadError("gone")

    for rows_before in (0, 5):
        clear(table)
        write(table, *map(thing, range(rows_before)))
        with pytest.raises(PayloadError, match="gone"), table.transaction():
            write_window(table, STREAM, WINDOW, breaking(), run_id="r", now=NOW)
        assert landed(table) == [thing(number) for number in range(rows_before)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.dictionaries(st.integers(0, 12), st.sampled_from("ab"), max_size=12),
    coming=st.lists(st.tuples(st.integers(0, 12), st.sampled_from("abc")), max_size=20), size=st.integers(1, 5),
)
def test_the_window_is_what_came_last_of_each_key(
    table: psycopg.Connection[Any], before: dict[int, str], coming: list[tuple[int, str]], size: int
) -> None:
    clear(table)
    write(table, *(thing(*item) for item in before.items()), run_id="before")
    write(table, *(thing(*item) for item in coming), run_id="after", size=size)
    now = dict(coming)
    assert {row[0]: row[2] for row in landed(table)} == now
    if before:
        told = {(change, key[0]) for change, key in changed(table, "after")}
        assert told >= {("written", key) for key in now if now[key] != before.get(key)}
        assert {key for change, key in told if change == "deleted"} == before.keys() - now.keys()


def read(*records: dict[str, Any]) -> Reading:
    reading = Reading()
    context = make_context(ANY_SOURCE, {"sites": {}}, run_id="r", now=NOW)
    list(read_pages(STREAM, [msgspec.json.encode(records)], context, reading))
    return reading


def test_a_field_that_most_rows_spoil_stops_the_stream_and_a_few_are_set_aside() -> None:
    good: list[dict[str, Any]] = [{"id": number, "note": "a"} for number in range(30)]
    few = read(*good, *({"id": [1]} for _ in range(10)))
    assert (len(few.rejected), few.rows_read) == (10, 40)
    for bad in ({"note": "no id"}, {"id": {"value": 1}}):
        with pytest.raises(PayloadError, match="the field id is as declared in 30 of the 70 rows"):
            read(*good, *(bad for _ in range(40)))
        with pytest.raises(PayloadError, match="the field id is as declared in none of the 2 rows"):
            read(bad, bad)


def test_numbers_written_as_text_and_fields_nobody_declared_change_nothing_else() -> None:
    reading = Reading()
    context = make_context(ANY_SOURCE, {"sites": {}}, run_id="r", now=NOW)
    page = msgspec.json.encode([{"id": "7", "note": "a"}, {"id": 8, "new": {"deep": 1}}, {"id": 9, "new": 3}])
    rows = [row for batch in read_pages(STREAM, [page], context, reading) for row in batch]
    assert rows == [(*thing(7), None), (8, DAY, None, {"new": {"deep": 1}}), (9, DAY, None, {"new": 3})]
    assert dict(reading.unknown_fields) == {"new": 2}
