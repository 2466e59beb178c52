"""`python -m benchmarks [name …]`: run all benchmarks, or the named ones, and print each figure against its goal.

    BENCH_ROWS         rows of the load benchmark; 1000000 if not set, 50000 is a quick look
    BENCH_TOUCHPOINTS  sizes of the build benchmark, comma between; 300000,3000000 if not set
    BENCH_HISTORY      touchpoints of the smallest history of the benchmark of days; 60000 if not set
    BENCH_PATHS        paths of the attribution benchmark; 1000000 if not set
    BENCH_WAREHOUSE    URL of a published warehouse to read in the benchmark of reports; without it one is built
    BENCH_DUCK         touchpoints of the comparison with DuckDB; 300000 if not set
    BENCH_DASHBOARDS   reports whose dashboards are opened, comma between; all if not set
    BENCH_ROUNDS       how often every contestant has its turn; 5 if not set, once where a turn of all takes minutes
    BENCH_PG           a superuser's URL of a server to use; without it one is started with the product's settings
    CHAIRSIDE_HOME     where each run leaves bench/<when it began>.json, and bench.jsonl grows by a line a figure;
                       .chairside if not set; its demo's dashboards are opened

Exit status 1 where a figure is over its goal, or contestants did not do the same and got none.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import access, build, dashboards, days, duck, load, memory, paths, publication, reports, scheduler
from benchmarks.harness import Bench
from benchmarks.machine import describe
from runtime.home import open_home
from runtime.postgres import running_server
from runtime.progress import Progress

BENCHMARKS: dict[str, Callable[[Bench], None]] = {
    "load": load.run,
    "build": build.run,
    "duck": duck.run,
    "days": days.run,
    "paths": paths.run,
    "publication": publication.run,
    "access": access.run,
    "reports": reports.run,
    "memory": memory.run,
    "scheduler": scheduler.run,
    "dashboards": dashboards.run,
}


@contextmanager
def server_url(work: Path) -> Iterator[str]:
    """A server as the product runs it, in a folder of its own."""
    if given := os.environ.get("BENCH_PG"):
        yield given
        return
    home = open_home({"CHAIRSIDE_HOME": str(work / "server")})
    with running_server(home, Progress()) as server:
        yield server.url()


def main(names: list[str]) -> int:
    if unknown := [name for name in names if name not in BENCHMARKS]:
        print(f"There is no benchmark {', '.join(unknown)}. Known: {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    now = datetime.now(UTC)
    root = open_home(os.environ).root
    document = root / "bench" / f"{now:%Y-%m-%dT%H-%M-%SZ}.json"
    with tempfile.TemporaryDirectory(prefix="chairside-bench-") as folder, server_url(Path(folder)) as url:
        work = Path(folder)
        bench = Bench(url, work, document, describe(url, work, os.environ, now=now), journal=root / "bench.jsonl")
        for name in names or BENCHMARKS:
            with bench.benchmark(name):
                BENCHMARKS[name](bench)
    over = [figure.name for figure in bench.figures if not figure.holds]
    print(f"{len(bench.figures) - len(over)} of {len(bench.figures)} figures hold; kept in {document}")
    return 1 if over or bench.refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
