"""What a build costs: everything against the same SQL by hand, a day against everything, and how both grow.

Each size of history (`BENCH_TOUCHPOINTS`, comma between) has a database of its own, filled with a network of 50 clinics
(`network_rows`). By hand is what a person with psql could do: each model's compiled SQL, one after another, without
dbt, tests or the state that a build of a day needs. A day is 0.3 % more touchpoints, four fifths of them of people who
are known; the first day after a build of everything makes indexes, so the second one is measured.
"""

from __future__ import annotations

import json
import math
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from benchmarks.harness import Bench, seconds
from benchmarks.network_rows import add_a_day, fill
from warehouse.build import build
from warehouse.increment.recipe import parents_first
from warehouse.migrate import migrate

SIZES = "300000,3000000"
DAY = 0.003
BEGAN = datetime(2026, 7, 1, tzinfo=UTC)
# dbt writes relations quoted, with the database before the schema.
_BUILD = re.compile(r'"build"\.')


def run(bench: Bench) -> None:
    """Measure every size, smallest first, then the growth from the smallest to the largest."""
    sizes = [int(size) for size in os.environ.get("BENCH_TOUCHPOINTS", SIZES).split(",")]
    everything: dict[int, float] = {}
    for size in sizes:
        url = fresh_database(bench.url, f"chairside_bench_build_{size}")
        migrate(url)
        fill(url, touchpoints=size, now=BEGAN)
        folder = bench.work / f"dbt_{size}"
        everything[size] = seconds(lambda: _build(url, folder, day=0))  # noqa: B023 - called at once
        by_hand = _by_hand(url, folder)
        day = _second_day(url, folder, size)
        of = f"{size:,} touchpoints of 50 clinics"
        bench.record(
            f"build of everything, {size}", everything[size] / by_hand, 1.5,
            f"{everything[size]:.1f} s with tests : {by_hand:.1f} s the same SQL by hand; {of}",
        )  # fmt: skip
        bench.record(
            f"build of a day, {size}", day / everything[size], 0.04,
            f"{day:.1f} s for {int(size * DAY):,} more : {everything[size]:.1f} s for everything; {of}",
        )  # fmt: skip
    if len(sizes) > 1:
        small, large = sizes[0], sizes[-1]
        exponent = math.log(everything[large] / everything[small]) / math.log(large / small)
        bench.record(
            "growth of a build of everything", exponent, 1.15,
            f"exponent from {small:,} to {large:,} touchpoints: {everything[small]:.1f} s, {everything[large]:.1f} s",
        )  # fmt: skip


def _build(url: str, folder: Path, *, day: int) -> None:
    build(
        url, run_id=f"day {day}", as_of=BEGAN + timedelta(days=day), work_folder=folder, say=lambda _line: None
    )  # fmt: skip


def _second_day(url: str, folder: Path, size: int) -> float:
    taken = 0.0
    for day in (1, 2):
        add_a_day(url, touchpoints=size, new=int(size * DAY), now=BEGAN + timedelta(days=day), day=day)
        taken = seconds(lambda: _build(url, folder, day=day))  # noqa: B023 - called at once
    return taken


def _by_hand(url: str, folder: Path) -> float:
    """Seconds of every model's compiled SQL into a schema `hand`, parents first, in one session."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    nodes: dict[str, Any] = manifest["nodes"]
    compiled = {path.stem: path for path in (folder / "compiled" / "chairside" / "models").rglob("*.sql")}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop schema if exists hand cascade; create schema hand")
        work = 0.0
        for unique_id in parents_first(nodes):
            node, name = nodes[unique_id], str(nodes[unique_id]["name"])
            if node["resource_type"] == "seed":
                copy = sql.SQL("create table {} as table {}")
                connection.execute(copy.format(sql.Identifier("hand", name), sql.Identifier("build", name)))
            elif node["resource_type"] == "model" and node["schema"] == "build":
                text = _BUILD.sub('"hand".', compiled[name].read_text(encoding="utf-8"))
                head = sql.SQL(f"create {'view' if node['config']['materialized'] == 'view' else 'table'} {{}} as ")
                statement = head.format(sql.Identifier("hand", name)).as_string(connection) + text
                work += seconds(lambda: connection.execute(statement.encode()))  # noqa: B023 - called at once
        connection.execute("drop schema hand cascade")
    return work


def fresh_database(server: str, name: str) -> str:
    """An empty database of that name; one that was there is gone. Returns its URL."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
    return urlsplit(server)._replace(path=f"/{name}").geturl()
