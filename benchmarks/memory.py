"""The highest memory of a load, a build of everything and of a day, and a publication: our process's and the server's.

Each step runs in a process of its own (`memory_once`), which tells its peak. What the server's processes have for
themselves, beside the shared buffers, is looked at ten times a second where they run on this machine under Linux: the
sum of private pages of all sessions and parallel workers of the database. Peaks between two looks are missed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.build import BEGAN, DAY, fresh_database
from benchmarks.calls import SOURCE, WHOLE, records, write_pages
from benchmarks.harness import Bench
from benchmarks.network_rows import add_a_day, fill
from extractors import registry
from warehouse.migrate import migrate

DATABASE = "chairside_bench_memory"
TOUCHPOINTS, ROWS = "300000", 1_000_000
LOOKS_A_SECOND = 10
# MB of our process: a load streams, so 100 whatever its size. dbt is most of a build; publication is SQL alone.
# MB of the server: a few sessions and workers with some sorts and hash tables of work_mem (64 MB) each.
GOALS = {"load": (100, 100), "build": (400, 800), "day": (400, 400), "publication": (120, 400)}


def run(bench: Bench) -> None:
    """Two figures a step: the process's and, where it can be seen, the server's."""
    touchpoints = int(os.environ.get("BENCH_MEMORY") or TOUCHPOINTS)
    rows = min(int(os.environ.get("BENCH_ROWS") or ROWS), ROWS)
    url, pages = fresh_database(bench.url, DATABASE), bench.work / "memory.pages"
    registry.SOURCES["bench"] = SOURCE  # its landed tables are part of the warehouse
    try:
        migrate(url)
        write_pages(pages, records(rows))
        step = _Step(bench, url)
        step.measure("load", f"{rows:,} calls", {"rows": rows}, ["benchmarks.load_once", url, WHOLE.name, str(pages)])
        fill(url, touchpoints=touchpoints, now=BEGAN)
        once = ["benchmarks.memory_once", url, str(bench.work / "dbt_memory")]
        of, sizes = f"{touchpoints:,} touchpoints of 50 clinics", {"touchpoints": touchpoints, "clinics": 50}
        step.measure("build", f"everything of {of}", sizes, [*once, "build", "0"])
        step.measure("publication", f"all of {of}", sizes, [*once, "publish", "0"])
        for day in (1, 2):
            moment, new = BEGAN + timedelta(days=day), int(touchpoints * DAY)
            add_a_day(url, touchpoints=touchpoints, new=new, now=moment, day=day)
            if day == 1:  # makes the indexes of days
                _run([*once, "build", "1"])
        step.measure("day", f"{new:,} more on {of}", {**sizes, "of_a_day": new}, [*once, "build", "2"])
    finally:
        registry.SOURCES.pop("bench")
        with psycopg.connect(bench.url, autocommit=True) as admin:
            admin.execute(f"drop database if exists {DATABASE} with (force)")


@dataclass(frozen=True, slots=True)
class _Step:
    bench: Bench
    url: str

    def measure(self, name: str, what: str, sizes: dict[str, int], command: list[str]) -> None:
        """Run the command; record the peak it tells and the one of the server meanwhile."""
        with looked_at(self.bench.url, DATABASE) as peak:
            told = _run(command)
        process_goal, server_goal = GOALS[name]
        self.bench.record(
            f"memory of a {name}, process", told["peak_mb"], process_goal, f"MB resident at most; {what}", sizes=sizes
        )
        if peak.megabytes is None:
            print(f"     memory of a {name}, server: not measured, its processes cannot be seen from here", flush=True)
            return
        self.bench.record(
            f"memory of a {name}, server", peak.megabytes, server_goal,
            f"MB beside the shared buffers, {peak.processes} processes then; {what}", sizes=sizes,
        )  # fmt: skip


def _run(command: list[str]) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", *command], check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


@dataclass(slots=True)
class Peak:
    """The most that was seen. `megabytes`: null where the server's processes are elsewhere, or hidden."""

    megabytes: float | None = None
    processes: int = 0


@contextmanager
def looked_at(server: str, database: str) -> Iterator[Peak]:
    """Look at the sessions of a database until the end of the block; the answer is there then."""
    peak, done = Peak(), threading.Event()
    with psycopg.connect(server, autocommit=True) as connection:
        thread = threading.Thread(target=_look, args=(connection, database, peak, done.is_set, done.wait))
        thread.start()
        try:
            yield peak
        finally:
            done.set()
            thread.join()


def _look(
    connection: psycopg.Connection[Any],
    database: str,
    peak: Peak,
    done: Callable[[], bool],
    wait: Callable[[float], object],
) -> None:
    while not done():
        found = connection.execute("select pid from pg_stat_activity where datname = %s", (database,)).fetchall()
        seen = [megabytes for (pid,) in found if (megabytes := private_megabytes(pid)) is not None]
        if seen and sum(seen) > (peak.megabytes or 0.0):
            peak.megabytes, peak.processes = round(sum(seen), 1), len(seen)
        wait(1 / LOOKS_A_SECOND)


def private_megabytes(pid: int) -> float | None:
    """What a process of PostgreSQL has for itself; null where Linux does not tell, or it is another program's."""
    try:
        if not Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"postgres"):
            return None
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kilobytes = sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))
    return kilobytes / 1024
