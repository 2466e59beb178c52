"""A day costs a day: the warehouse's daily run at one, four and sixteen times the history, with the same new day.

From the landed rows to the last lint: build, forecast, gate, publication. `BENCH_HISTORY` is the smallest history in
touchpoints, over five years of 50 clinics (`network_rows`); a day is 0.3 % of that. The first day makes indexes and
compiles the models, so the median of the three after it counts.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import psycopg

from benchmarks.build import fresh_database
from benchmarks.harness import Bench, seconds
from benchmarks.network_rows import add_a_day, fill
from warehouse import pipeline
from warehouse.migrate import migrate

TIMES = (1, 4, 16)
DAY = 0.003
BEGAN = datetime(2026, 7, 1, tzinfo=UTC)


def run(bench: Bench) -> None:
    smallest = int(os.environ.get("BENCH_HISTORY", "60000"))
    new = int(smallest * DAY)
    taken: dict[int, float] = {}
    for times in TIMES:
        url = fresh_database(bench.url, f"chairside_bench_days_{times}")
        try:
            migrate(url)
            fill(url, touchpoints=smallest * times, now=BEGAN)
            folder = bench.work / f"days_{times}"
            _daily_run(url, folder, 0)
            found = [_a_day(url, folder, smallest * times, new, day) for day in range(1, 5)]
            taken[times] = median(found[1:])
        finally:
            with psycopg.connect(bench.url, autocommit=True) as admin:
                admin.execute(f"drop database chairside_bench_days_{times} with (force)".encode())
    for times in TIMES[1:]:
        bench.record(
            f"a day at {times} times the history", taken[times] / taken[1], 1.3,
            f"{taken[times]:.1f} s : {taken[1]:.1f} s for {new} new touchpoints on {smallest * times:,} : {smallest:,}",
        )  # fmt: skip


def _a_day(url: str, folder: Path, touchpoints: int, new: int, day: int) -> float:
    add_a_day(url, touchpoints=touchpoints, new=new, now=BEGAN + timedelta(days=day), day=day)
    return seconds(lambda: _daily_run(url, folder, day))


def _daily_run(url: str, folder: Path, day: int) -> None:
    now, run_id = BEGAN + timedelta(days=day), f"day {day}"
    pipeline.build(url, run_id=run_id, as_of=now, folder=folder, say=_silent)
    pipeline.forecast(url, run_id=run_id, as_of=now, say=_silent)
    pipeline.check_marts(url, run_id=run_id, now=now, say=_silent)
    pipeline.publish(url, run_id=run_id, now=now, folder=folder, say=_silent)
    pipeline.lints(url, run_id=run_id, say=_silent)


def _silent(_line: str) -> None:
    """Nobody reads along."""
