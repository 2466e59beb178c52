"""A day costs a day: the warehouse's daily run at one, four and sixteen times the history, with the same new day.

From the landed rows to the last lint: build, forecast, gate, publication. `BENCH_HISTORY` is the smallest history in
touchpoints, over five years of 50 clinics (`network_rows`); a day is 0.3 % of that. The first day makes indexes and
compiles the models, so the median of those after it counts; the histories take turns. Before these, each database is
vacuumed: in life a night lies between a build of everything and the next day, and in it autovacuum comes by. Here it
would come beside the days that are timed, and to large tables only.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from benchmarks.build import fresh_database
from benchmarks.harness import Bench, in_turns, rounds_wanted, seconds
from benchmarks.network_rows import add_a_day, fill, settle
from warehouse import pipeline
from warehouse.migrate import migrate

TIMES = (1, 4, 16)
DAY = 0.003
BEGAN = datetime(2026, 7, 1, tzinfo=UTC)


def run(bench: Bench) -> None:
    smallest = int(os.environ.get("BENCH_HISTORY") or "60000")
    new = int(smallest * DAY)
    histories = {times: f"chairside_bench_days_{times}" for times in TIMES}
    try:
        next_days, urls = {}, []
        for times, name in histories.items():
            url, folder = fresh_database(bench.url, name), bench.work / f"days_{times}"
            migrate(url)
            fill(url, touchpoints=smallest * times, now=BEGAN)
            _daily_run(url, folder, 0)
            urls.append(url)
            next_days[str(times)] = _days(url, folder, smallest * times, new)
        for first_day in next_days.values():
            first_day()
        for url in urls:
            settle(url)
        took = in_turns(next_days, rounds_wanted())
    finally:
        with psycopg.connect(bench.url, autocommit=True) as admin:
            for name in histories.values():
                admin.execute(f"drop database if exists {name} with (force)".encode())
    for times in TIMES[1:]:
        many, one = took[str(times)], took["1"]
        bench.record(
            f"a day at {times} times the history", many / one, 1.3,
            f"{many:.1f} s : {one:.1f} s for {new} new touchpoints on {smallest * times:,} : {smallest:,}",
            rounds=took, sizes={"touchpoints": smallest * times, "smallest": smallest, "of_a_day": new},
        )  # fmt: skip


def _days(url: str, folder: Path, touchpoints: int, new: int) -> Callable[[], float]:
    """Seconds of the next day each time it is called."""
    numbers = iter(range(1, 1000))
    return lambda: _a_day(url, folder, touchpoints, new, next(numbers))


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
