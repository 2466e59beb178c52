"""Publishing a table of which little has changed, against the size of the change.

A tenth of BENCH_ROWS rows. What a publication writes is counted by the server, in rows of all tables of the database:
that does not depend on what else the machine does. How long it takes is measured against making the table anew with its
key and index, as dbt does it.
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from benchmarks.fingerprint import rows_of
from benchmarks.harness import Bench, in_turns, rounds_wanted, same, seconds
from warehouse.migrate import migrate
from warehouse.publish import publish

DATABASE = "chairside_bench_publication"
TABLE = "administrator_conversion_inquiries"
CREATE = """
create table build.administrator_conversion_inquiries (
    inquiry_key text, clinic_id text, local_date date, administrator_id text, topic text, channel text, amount numeric,
    is_primary boolean, is_booked boolean, is_arrived boolean, is_completed boolean, is_due boolean, number bigint
)
"""
FILL = """
insert into build.administrator_conversion_inquiries
select
    'inquiry:' || n, 'C' || n %% 50, date '2026-01-01' + n %% 180, 'A' || n %% 99, 'therapy', 'paid_search', n, true,
    n %% 2 = 0, n %% 3 = 0, n %% 5 = 0, true, n
from generate_series(1, %s) as n
"""
CHANGE = "update build.administrator_conversion_inquiries set amount = amount + 1 where number %% %s = 0"
SETTLE = "vacuum analyze build.administrator_conversion_inquiries"
MAKE_ANEW = """
create table build.anew as select * from build.administrator_conversion_inquiries;
alter table build.anew add primary key (inquiry_key);
create index on build.anew (clinic_id);
analyze build.anew
"""


def run(bench: Bench) -> None:
    rows = max(int(os.environ.get("BENCH_ROWS", "1000000")) // 10, 1000)
    url = urlsplit(bench.url)._replace(path=f"/{DATABASE}").geturl()
    with psycopg.connect(bench.url, autocommit=True) as admin:
        admin.execute(f"drop database if exists {DATABASE} with (force)")
        admin.execute(f"create database {DATABASE} template template0")
    try:
        migrate(url)
        _measure(bench, url, rows, rounds_wanted())
    finally:
        with psycopg.connect(bench.url, autocommit=True) as admin:
            admin.execute(f"drop database {DATABASE} with (force)")


def _measure(bench: Bench, url: str, rows: int, rounds: int) -> None:
    manifest, reports = _manifest(bench.work), bench.work / "reports"
    reports.mkdir(exist_ok=True)
    written = {"nothing": 0, "one_percent": 0, "everything": 0}

    def change(every: int) -> None:
        """Change one row in so many; 0: none."""
        with psycopg.connect(url, autocommit=True) as connection:
            if every:
                connection.execute(CHANGE, (every,))
            connection.execute(SETTLE)

    def published(name: str, every: int) -> float:
        change(every)
        with psycopg.connect(url, autocommit=True) as connection:
            before = _rows_written(connection)
            took = seconds(lambda: publish(url, manifest, run_id="bench", now=datetime.now(UTC), reports=reports))
            written[name] = _rows_written(connection) - before
            made = rows_of(connection, "build", TABLE)
            shown = rows_of(connection, "reports", TABLE, without=("published_in",))
            same(f"rows after publishing {name}", shown, made)
        return took

    def made_anew() -> float:
        with psycopg.connect(url, autocommit=True) as connection:
            took = seconds(lambda: connection.execute(MAKE_ANEW))
            connection.execute("drop table build.anew")
        return took

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(CREATE)
        connection.execute(FILL, (rows,))
    publish(url, manifest, run_id="bench", now=datetime.now(UTC), reports=reports)
    took = in_turns(
        {
            "nothing": lambda: published("nothing", 0),
            "one_percent": lambda: published("one_percent", 100),
            "everything": lambda: published("everything", 1),
            "anew": made_anew,
        },
        rounds,
    )
    said = f"{rows} rows of 13 columns, history kept; "
    bench.record(
        "publication_rows_written_for_one_percent", written["one_percent"] / written["everything"], 0.03,
        said + "rows written when 1 % of the rows changed / when all did",
        sizes={"rows": rows},
    )  # fmt: skip
    bench.record(
        "publication_rows_written_for_nothing", written["nothing"] / written["everything"], 0.005,
        said + "rows written when no row changed / when all did",
        sizes={"rows": rows},
    )  # fmt: skip
    bench.record(
        "publication_time_of_one_percent", took["one_percent"] / took["anew"], 2.0,
        said + f"seconds when 1 % changed ({took['one_percent']:.2f}) / making the table anew ({took['anew']:.2f})",
        rounds=took, sizes={"rows": rows},
    )  # fmt: skip
    bench.record(
        "publication_time_of_nothing", took["nothing"] / took["everything"], 0.5,
        said + f"seconds when nothing changed ({took['nothing']:.2f}) / when all did ({took['everything']:.2f})",
        rounds=took, sizes={"rows": rows},
    )  # fmt: skip


def _rows_written(connection: psycopg.Connection) -> int:
    """Since the statistics began, by sessions that have ended."""
    time.sleep(0.2)  # a session that ends hands its counters in on its way out
    row = connection.execute(
        "select tup_inserted + tup_updated + tup_deleted from pg_stat_database where datname = current_database()"
    ).fetchone()
    return int(row[0]) if row else 0


def _manifest(folder: Path) -> Path:
    """What dbt would have written about the one table."""
    settings = {
        "schema": "reports", "report": "administrator_conversion", "clinic_column": "clinic_id",
        "owner_columns": ["administrator_id"], "key": ["inquiry_key"],
    }  # fmt: skip
    node = {"resource_type": "model", "name": TABLE, "config": {"meta": {"publish": settings}}}
    path = folder / "manifest.json"
    path.write_text(json.dumps({"nodes": {f"model.chairside.{TABLE}": node}}), encoding="utf-8")
    return path
