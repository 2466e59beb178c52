"""What a run's document says of where it ran: processor, memory, disk, system, PostgreSQL and its settings, versions.

No host name, no path, no password: a document may be shown to anybody.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psycopg

SETTINGS = (
    "shared_buffers", "work_mem", "maintenance_work_mem", "effective_cache_size", "max_wal_size", "checkpoint_timeout",
    "random_page_cost", "jit", "fsync", "synchronous_commit", "full_page_writes", "wal_level", "autovacuum",
    "max_worker_processes", "max_parallel_workers", "max_parallel_workers_per_gather",
)  # fmt: skip
PACKAGES = ("psycopg", "msgspec", "dbt-core", "dbt-postgres", "apache-airflow", "duckdb", "sqlglot", "numpy", "pandas")


def describe(url: str, work: Path, environ: Mapping[str, str], *, now: datetime) -> dict[str, Any]:
    """The parts of a document that no benchmark measures. `now`: when the run began."""
    # A server's URL may hold a password.
    asked = sorted(name for name in environ if name.startswith("BENCH_") and name != "BENCH_PG")
    return {
        "began_at": now.isoformat(timespec="seconds"),
        "commit": _commit(),
        "asked": {name: environ[name] for name in asked},
        "machine": {
            "processor": _of_file("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
            "processors": processors(),
            "memory_mb": _memory_mb(),
            "disk_mb": {"total": shutil.disk_usage(work).total >> 20, "free": shutil.disk_usage(work).free >> 20},
            "system": f"{platform.system()} {platform.release()}",
            "python": platform.python_version(),
            # Runnable processes of the last minute: above `processors`, contestants waited for others.
            "load": round(os.getloadavg()[0], 2),
        },
        "postgresql": _postgresql(url),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
    }  # fmt: skip


def processors() -> int:
    """Those that this process may use; a container may have fewer than the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory_mb() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    except (ValueError, OSError):
        return None


def _of_file(path: str, label: str) -> str | None:
    """The first value of a `label : value` line; null where the system has no such file."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(label)), None)


def _postgresql(url: str) -> dict[str, Any]:
    with psycopg.connect(url) as connection:
        told = connection.execute(
            "select name, current_setting(name) from pg_settings where name = any(%s) order by name", (list(SETTINGS),)
        ).fetchall()
        (number,) = connection.execute("select current_setting('server_version')").fetchall()[0]
    return {"version": number, "settings": dict(told)}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit that is checked out, `+` where files differ from it; null without git."""
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude", "*"], cwd=Path(__file__).parent, check=True,
            capture_output=True, text=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return None
    return told.stdout.strip()
