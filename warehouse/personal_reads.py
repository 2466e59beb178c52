"""Collects from PostgreSQL's log who read personal data, and lets old lines go.

By hand, where the server is another machine: `python -m warehouse.personal_reads <log file> [--url postgresql://…]`.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psycopg

from warehouse.long_logs import before, begin_anew_if_long

LINE = re.compile(rb"chairside personal read ([0-9a-f]{64}) (\{.*\})\s*$")
BATCH = 5_000


def collect(url: str, log: Path) -> int:
    """Keep the lines of a log that the server wrote itself, and of what it said before it began anew; how many were
    new. 0 where there is no such file.
    """
    kept = 0
    with psycopg.connect(url) as connection:
        for path in filter(Path.is_file, (before(log), log)):
            for stamps, payloads in _batches(path):
                row = connection.execute("select ops.keep_personal_reads(%s, %s)", (stamps, payloads)).fetchone()
                kept += int(row[0]) if row else 0
    return kept


def collect_and_bound(url: str, log: Path) -> int:
    """`collect`, and a log that has grown long begins anew: what was written meanwhile the next one finds beside it."""
    kept = collect(url, log)
    begin_anew_if_long(log)
    return kept


def _batches(log: Path) -> Iterator[tuple[list[str], list[str]]]:
    stamps: list[str] = []
    payloads: list[str] = []
    with log.open("rb") as lines:
        for line in lines:
            if match := LINE.search(line):
                stamps.append(match[1].decode())
                payloads.append(match[2].decode("utf-8", errors="replace"))
            if len(stamps) == BATCH:
                yield stamps, payloads
                stamps, payloads = [], []
    if stamps:
        yield stamps, payloads


def expire(url: str, now: datetime) -> int:
    """Delete reads older than the setting personal_reads_days; how many. Null or empty keeps everything."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "delete from ops.personal_reads"
            " where read_at < %s - make_interval(days => ops.days_kept('personal_reads_days'))",
            (now,),
        ).rowcount


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("--url", default=os.environ.get("WAREHOUSE_URL"))
    options = parser.parse_args()
    print(f"{collect(options.url, options.log)} new reads of personal data")


if __name__ == "__main__":
    main()
