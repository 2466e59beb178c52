"""What a build costs: everything against the same SQL by hand, a day against everything, and how both grow.

Each size of history (`BENCH_TOUCHPOINTS`, comma between) has a database of its own, filled with a network of 50 clinics
(`network_rows`). By hand is what a person with psql could do: each model's compiled SQL, one after another, without
dbt, tests or the state that a build of a day needs. A day is 0.3 % more touchpoints, four fifths of them of people who
are known; the first day after a build of everything makes indexes, so those after it are measured.
"""

from __future__ import annotations

import math
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from benchmarks.by_hand import ByHand, models_of
from benchmarks.harness import Bench, Rounds, in_turns, rounds_wanted, seconds
from benchmarks.network_rows import add_a_day, fill
from warehouse.build import build
from warehouse.migrate import migrate

SIZES = "300000,3000000"
DAY = 0.003
BEGAN = datetime(2026, 7, 1, tzinfo=UTC)


def run(bench: Bench) -> None:
    """Measure every size, smallest first, then the growth from the smallest to the largest."""
    sizes = [int(size) for size in (os.environ.get("BENCH_TOUCHPOINTS") or SIZES).split(",")]
    everything: dict[int, float] = {}
    for size in sizes:
        name = f"chairside_bench_build_{size}"
        url = fresh_database(bench.url, name)
        try:
            everything[size] = _measure(bench, url, size)
        finally:
            with psycopg.connect(bench.url, autocommit=True) as admin:
                admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
    if len(sizes) > 1:
        small, large = sizes[0], sizes[-1]
        exponent = math.log(everything[large] / everything[small]) / math.log(large / small)
        bench.record(
            "growth of a build of everything", exponent, 1.15,
            f"exponent from {small:,} to {large:,} touchpoints: {everything[small]:.1f} s, {everything[large]:.1f} s",
            sizes={"touchpoints": large, "smallest": small},
        )  # fmt: skip


def _measure(bench: Bench, url: str, size: int) -> float:
    """Seconds of a build of everything; its figures are recorded."""
    migrate(url)
    fill(url, touchpoints=size, now=BEGAN)
    folder = bench.work / f"dbt_{size}"
    with psycopg.connect(url, autocommit=True) as connection:
        took = in_turns(
            {
                "dbt": lambda: seconds(lambda: built(url, folder, day=0, everything=True)),
                "by hand": lambda: _by_hand(connection, folder),
            },
            rounds_wanted(),
        )
        hand = ByHand(connection, models_of(folder))
        hand.agree()
        hand.drop()
    days = _days(url, folder, size)
    of, sizes = f"{size:,} touchpoints of 50 clinics", {"touchpoints": size, "clinics": 50, "of_a_day": int(size * DAY)}
    bench.record(
        f"build of everything, {size}", took["dbt"] / took["by hand"], 1.5,
        f"{took['dbt']:.1f} s with tests : {took['by hand']:.1f} s the same SQL by hand; {of}",
        rounds=took, sizes=sizes,
    )  # fmt: skip
    bench.record(
        f"build of a day, {size}", days["day"] / took["dbt"], 0.04,
        f"{days['day']:.1f} s for {int(size * DAY):,} more : {took['dbt']:.1f} s for everything; {of}",
        rounds=days, sizes=sizes,
    )  # fmt: skip
    return took["dbt"]


def built(url: str, folder: Path, *, day: int, everything: bool = False) -> None:
    """A build as of so many days after the history."""
    build(
        url, run_id=f"day {day}", as_of=BEGAN + timedelta(days=day), work_folder=folder, say=lambda _line: None,
        everything=everything,
    )  # fmt: skip


def _days(url: str, folder: Path, size: int) -> Rounds:
    """Builds of days after the first one, which makes indexes."""
    numbers = iter(range(1, 1000))

    def day() -> float:
        number = next(numbers)
        add_a_day(url, touchpoints=size, new=int(size * DAY), now=BEGAN + timedelta(days=number), day=number)
        return seconds(lambda: built(url, folder, day=number))

    day()
    return in_turns({"day": day}, rounds_wanted())


def _by_hand(connection: psycopg.Connection[Any], folder: Path) -> float:
    """Seconds of every model's compiled SQL into a schema of its own."""
    found: dict[str, float] = {}
    ByHand(connection, models_of(folder)).work(found, time.perf_counter)
    return sum(found.values())


def fresh_database(server: str, name: str) -> str:
    """An empty database of that name; one that was there is gone. Returns its URL."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
    return urlsplit(server)._replace(path=f"/{name}").geturl()
