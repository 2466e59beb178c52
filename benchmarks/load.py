"""Loading a million calls that arrive as JSON pages, against `\\copy` of the same rows as ready CSV.

The limit to compare with: psql's `\\copy` of CSV into a temporary table, one INSERT … ON CONFLICT … WHERE something
differs, then a DELETE of rows that did not come, where there are landed ones. It leaves what the loader leaves, but
parses no JSON and normalises no phone.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import psycopg
from psycopg import sql

from benchmarks.calls import CHANGED, SETTINGS, SOURCE, WHOLE, WINDOW, Call, records, write_pages
from benchmarks.fingerprint import rows_of
from benchmarks.harness import Bench, in_turns, rounds_wanted, same, seconds
from extractors import registry
from extractors.core.spec import StreamSpec
from extractors.run import make_context
from runtime.programs import find_programs
from warehouse.migrate import migrate

DATABASE = "chairside_bench_load"


def run(bench: Bench) -> None:
    rows, rounds = int(os.environ.get("BENCH_ROWS") or "1000000"), rounds_wanted()
    registry.SOURCES["bench"] = SOURCE
    url = urlsplit(bench.url)._replace(path=f"/{DATABASE}").geturl()
    with psycopg.connect(bench.url, autocommit=True) as admin:
        admin.execute(f"drop database if exists {DATABASE} with (force)")
        admin.execute(f"create database {DATABASE} template template0")
    try:
        migrate(url)
        _Loads(bench, url, rows, rounds).measure()
    finally:
        registry.SOURCES.pop("bench")
        with psycopg.connect(bench.url, autocommit=True) as admin:
            admin.execute(f"drop database {DATABASE} with (force)")


class _Loads:
    """The contestants over one set of inputs. State: the highest memory met, and whether the table is empty."""

    def __init__(self, bench: Bench, url: str, rows: int, rounds: int) -> None:
        self.bench, self.url, self.rows, self.rounds = bench, url, rows, rounds
        self.peak_mb = 0.0
        self.first = True  # nothing is landed yet
        every = {"same": 0, "one_percent": 100}
        for name, changed in every.items():
            self._write(name, 1, changed)
        self._write("only_changed", 100, 100)

    def _write(self, name: str, step: int, changed: int) -> None:
        """Pages and CSV of the same rows; of every `step`-th row."""
        kept = (row for number, row in enumerate(records(self.rows, changed=changed)) if number % step == 0)
        write_pages(self._file(name, "pages"), kept)
        context = make_context(SOURCE, SETTINGS, run_id="bench", now=datetime.now(UTC))
        decoder = msgspec.json.Decoder(list[Call])
        with self._file(name, "pages").open("rb") as pages, self._file(name, "csv").open("w", newline="") as file:
            writer = csv.writer(file)  # null is written as nothing, and read so
            for page in pages:
                for record in decoder.decode(page):
                    writer.writerow(
                        value.isoformat() if isinstance(value, (date, datetime)) else value
                        for value in (*WHOLE.row(record, context), None)
                    )

    def _file(self, name: str, kind: str) -> Path:
        return self.bench.work / f"{name}.{kind}"

    def measure(self) -> None:
        size = f"{self.rows} calls, 28 columns, medians of {self.rounds} interleaved rounds, the same rows landed"
        limit = r"× psql \copy of ready CSV into a temporary table + the same merge"
        self._pair("load first", 1.0, f"{limit}; empty table; {size}", WHOLE, "same", self._empty(WHOLE))
        self.first = False
        self._fill(CHANGED, WHOLE)
        self._pair("load again", 1.25, f"{limit}; nothing changed; {size}", WHOLE, "same", lambda: None)
        self._pair(
            "load 1 % changed rows", 1.6, f"{limit}; only the changed rows come; {size}", CHANGED, "only_changed",
            lambda: self._fill(CHANGED, WHOLE),
        )
        self._pair(
            "load all, 1 % changed", 1.6, f"{limit}; every row comes, every hundredth changed; {size}", WHOLE,
            "one_percent", lambda: self._restore(),
        )
        self.bench.record("load peak memory", self.peak_mb, 100.0, f"MB, the loading process as a whole; {size}")

    def _pair(
        self, name: str, goal: float, how: str, stream: StreamSpec, rows: str, before: Callable[[], None]
    ) -> None:
        landed: dict[str, tuple[int, int]] = {}

        def ours() -> float:
            before()
            told = json.loads(
                subprocess.run(
                    [sys.executable, "-m", "benchmarks.load_once", self.url, stream.name,
                     str(self._file(rows, "pages"))],
                    check=True, capture_output=True, text=True,
                ).stdout
            )  # fmt: skip
            self.peak_mb = max(self.peak_mb, told["peak_mb"])
            if "ours" not in landed:
                landed["ours"] = self._landed(stream)
            return float(told["seconds"])

        def copied() -> float:
            before()
            took = seconds(lambda: self._psql(stream, rows))
            if "copy" not in landed:
                landed["copy"] = self._landed(stream)
            return took

        found = in_turns({"copy": copied, "ours": ours}, self.rounds)
        same(f"{name}: landed rows and their sum", landed["ours"], landed["copy"])
        how = f"{found['ours']:.2f} s : {found['copy']:.2f} s {how}"
        self.bench.record(name, found["ours"] / found["copy"], goal, how, rounds=found, sizes={"rows": self.rows})

    def _landed(self, stream: StreamSpec) -> tuple[int, int]:
        with psycopg.connect(self.url) as connection:
            return rows_of(connection, "staging", stream.table, without=("_run_id", "_loaded_at"))

    def _psql(self, stream: StreamSpec, rows: str) -> None:
        target = sql.Identifier("staging", stream.table)
        script = "\n".join(
            (
                "\\set ON_ERROR_STOP on",
                "begin;",
                f"create temporary table incoming on commit drop as table {target.as_string()} with no data;",
                "alter table incoming alter _run_id set default 'bench', alter _loaded_at set default now();",
                f"\\copy incoming ({', '.join((*stream.column_names, '_extra'))}) from '{self._file(rows, 'csv')}'"
                " with (format csv)",
                self._merge(stream),
                *self._vanished(stream),
                "commit;",
            )
        )
        subprocess.run(
            [str(find_programs() / "psql"), "--no-psqlrc", "--quiet", "--dbname", self.url],
            input=script, text=True, check=True, capture_output=True,
        )  # fmt: skip

    def _merge(self, stream: StreamSpec) -> str:
        """Of the rows of `incoming`, of which none has the key of another, those that are not landed as they are."""
        data = (*(name for name in stream.column_names if name not in stream.key), "_extra")
        return (
            f"insert into staging.{stream.table} as target table incoming"
            f" on conflict ({', '.join(stream.key)}) do update set"
            f" {', '.join(f'{name} = excluded.{name}' for name in (*data, '_run_id', '_loaded_at'))}"
            f" where ({', '.join(f'target.{name}' for name in data)})"
            f" is distinct from ({', '.join(f'excluded.{name}' for name in data)});"
        )

    def _vanished(self, stream: StreamSpec) -> tuple[str, ...]:
        """What deletes rows that did not come; nothing where the loader does not look for them either."""
        if stream.replace == "key" or self.first:
            return ()
        return (
            "analyze incoming (call_id);",
            f"delete from staging.{stream.table} as target where local_date between '{WINDOW.first}'"  # noqa: S608
            f" and '{WINDOW.last}' and not exists (select from incoming where incoming.call_id = target.call_id);",
        )

    def _empty(self, stream: StreamSpec) -> Callable[[], None]:
        def empty() -> None:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(sql.SQL("truncate {}").format(sql.Identifier("staging", stream.table)))
                connection.execute("checkpoint")

        return empty

    def _fill(self, stream: StreamSpec, other: StreamSpec) -> None:
        """The table of `stream` as that of `other` is."""
        self._empty(stream)()
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("insert into {} select * from {}").format(
                    sql.Identifier("staging", stream.table), sql.Identifier("staging", other.table)
                )
            )
            connection.execute("checkpoint")

    def _restore(self) -> None:
        """The first rows again."""
        self._empty(WHOLE)()
        self._psql(WHOLE, "same")
