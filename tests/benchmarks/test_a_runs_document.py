"""What a run of benchmarks leaves behind, and that contestants who did different things leave no figure."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from benchmarks.by_hand import ByHand, Model
from benchmarks.fingerprint import columns_of, fingerprint, query, read, rows_of
from benchmarks.harness import Bench, in_turns, same, seconds
from benchmarks.machine import describe

NOW = datetime(2026, 7, 1, 9, tzinfo=UTC)
# A table as dbt left it, and the SQL that made it.
LANDED = """create schema build;
create table build.landed as select n, 'row ' || n as said from generate_series(1, 90) as n"""
SUMMED = Model(
    name="summed", schema="build", part="sums", is_view=False,
    query='select said, sum(n) as total, count(*) > 0 as is_there from "build"."landed" group by said',
)  # fmt: skip
SEED = Model(name="landed", schema="build", part="seeds", is_view=False, query=None)


def written(bench: Bench) -> dict[str, Any]:
    return dict(json.loads(bench.document.read_bytes()))


def test_the_journal_grows_by_a_line_a_figure_over_all_runs(pg_server_url: str, tmp_path: Path) -> None:
    journal = tmp_path / "bench.jsonl"
    for moment, value in (("first", 1.2345), ("second", 3)):
        bench = Bench(pg_server_url, tmp_path, tmp_path / f"{moment}.json", {"began_at": moment}, journal=journal)
        with bench.benchmark("load"):
            bench.record("a", value, 2.0, "доля")
    assert [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()] == [
        {"name": "a", "value": 1.234, "goal": 2.0, "how": "доля", "benchmark": "load", "began_at": "first"},
        {"name": "a", "value": 3, "goal": 2.0, "how": "доля", "benchmark": "load", "began_at": "second"},
    ]


def test_a_document_tells_machine_server_sizes_and_every_round(pg_server_url: str, tmp_path: Path) -> None:
    environ = {"BENCH_ROWS": "900", "BENCH_PG": "postgresql://somebody:secret@127.0.0.1/postgres", "HOME": "/root"}
    bench = Bench(pg_server_url, tmp_path, tmp_path / "run.json", describe(pg_server_url, tmp_path, environ, now=NOW))
    values = {"ours": iter((3.0, 1.0, 2.0)), "theirs": iter((4.0, 4.0, 5.0))}
    rounds = in_turns({"ours": lambda: next(values["ours"]), "theirs": lambda: next(values["theirs"])}, 3)
    with bench.benchmark("load"):
        bench.record("a", rounds["ours"] / rounds["theirs"], 1.0, "ratio", rounds=rounds, sizes={"rows": 900})
        bench.record("b", 3, 2, "more than it may be")
    told = written(bench)
    assert told["began_at"] == "2026-07-01T09:00:00+00:00"
    assert told["asked"] == {"BENCH_ROWS": "900"}
    assert told["machine"].keys() == {"processor", "processors", "memory_mb", "disk_mb", "system", "python", "load"}
    assert told["machine"]["processors"] >= 1
    assert {"shared_buffers", "work_mem", "fsync", "jit"} <= told["postgresql"]["settings"].keys()
    assert told["postgresql"]["version"] and told["packages"]["psycopg"]
    assert told["refused"] == {}
    assert told["figures"][0] == {
        "benchmark": "load", "name": "a", "value": 0.5, "goal": 1.0, "how": "ratio", "holds": True,
        "sizes": {"rows": 900},
        "rounds": {
            "ours": {"median": 2.0, "least": 1.0, "most": 3.0, "seconds": [3.0, 1.0, 2.0]},
            "theirs": {"median": 4.0, "least": 4.0, "most": 5.0, "seconds": [4.0, 4.0, 5.0]},
        },
    }  # fmt: skip
    assert told["figures"][1]["holds"] is False
    assert "secret" not in bench.document.read_text()


def test_contestants_take_turns_and_a_long_round_is_not_repeated() -> None:
    order: list[str] = []
    in_turns({name: lambda name=name: seconds(lambda: order.append(name)) for name in ("a", "b")}, 3)  # type: ignore[misc]
    assert "".join(order) == "abbaab"
    once = in_turns({"a": lambda: seconds(lambda: None)}, 5, once_seconds=-1.0)
    assert len(once.seconds["a"]) == 1


def test_contestants_who_disagree_get_no_figure_and_the_next_benchmark_goes_on(tmp_path: Path) -> None:
    bench = Bench("", tmp_path, tmp_path / "run.json")
    with bench.benchmark("load"):
        same("rows", 90, 89)
        bench.record("load", 0.5, 1.0, "would be a lie")
    with bench.benchmark("paths"):
        bench.record("paths", 0.5, 1.0, "another one")
    told = written(bench)
    assert [figure["name"] for figure in told["figures"]] == ["paths"]
    assert told["refused"] == {"load": "rows: ours 90, theirs 89"}


def test_what_is_made_by_hand_must_be_what_was_built(fresh_database: str, tmp_path: Path) -> None:
    bench = Bench(fresh_database, tmp_path, tmp_path / "run.json")
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute(LANDED)
        connection.execute(b"create table build.summed as " + str(SUMMED.query).encode())
        hand, spent = ByHand(connection, [SEED, SUMMED]), dict[str, float]()
        hand.work(spent, iter(range(9)).__next__)
        assert spent == {"sums": 1}, "a seed is copied, and not counted"
        with bench.benchmark("build"):
            hand.agree()
            bench.record("the same", 1, 1, "")
        connection.execute("update build.summed set total = total + 1 where said = 'row 7'")
        with bench.benchmark("build"):
            hand.agree()
            bench.record("a row differs", 1, 1, "")
        hand.drop()
    assert [figure.name for figure in bench.figures] == ["the same"]
    assert bench.refused == {"build": "built by dbt and by hand differ: summed (90 rows against 90)"}


@pytest.mark.parametrize(
    "change", ["set moment = moment + interval '1 microsecond'", "set share = share + 0.01", "set tags = null"]
)
def test_a_fingerprint_sees_one_changed_value(change: str, fresh_database: str) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        for name in ("one", "other"):
            connection.execute(
                f"create table {name} as select n, timestamptz '2026-01-01' + n * interval '1 hour' as moment,"
                " date 'infinity' as day, n / 7.0 as share, array['a', n::text] as tags, n % 2 = 0 as is_even,"
                " jsonb_build_array(n) as list from generate_series(1, 50) as n".replace("%", "%%"),
                (),
            )
        first = fingerprint(connection, "public", "one")
        assert first.difference(fingerprint(connection, "public", "other")) is None
        assert rows_of(connection, "public", "one") == rows_of(connection, "public", "other")
        connection.execute(f"update other {change} where n = 9")
        assert first.difference(fingerprint(connection, "public", "other"))
        assert rows_of(connection, "public", "one") != rows_of(connection, "public", "other")
        assert rows_of(connection, "public", "one", without=("moment", "share", "tags")) == rows_of(
            connection, "public", "other", without=("moment", "share", "tags")
        )


def test_duckdb_reads_a_fingerprint_as_postgresql_does(fresh_database: str) -> None:
    duckdb = pytest.importorskip("duckdb", reason="an extra of its own: make install EXTRAS=bench")
    rows = (
        "select n, timestamptz '2026-01-01 00:00+00' + n * interval '1 hour' as moment, date '2026-01-01' as day,"
        " n / 8.0 as share, 'Имя ' || n as said, n > 3 as is_large from generate_series(1, 50) as series (n)"
    )
    with psycopg.connect(fresh_database, autocommit=True) as connection, duckdb.connect() as duck:
        connection.execute("set timezone = 'UTC'")
        duck.execute("set timezone = 'UTC'")
        for run in (connection.execute, duck.execute):
            run(f"create schema build; create table build.facts as {rows}")
        columns = columns_of(connection, "build", "facts")
        theirs = read(duck.execute(query("build", "facts", columns, duckdb=True)).fetchall()[0], columns)
        assert fingerprint(connection, "build", "facts").difference(theirs) is None
