"""What of this machine's memory the embedded PostgreSQL takes: so much as a small machine has, more on a larger one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

MEGABYTE = 1 << 20
SMALLEST_MB = 1024  # what is planned for where the system does not tell, or tells less
# cgroups of version 2 and 1: a container's limit, below what the machine has.
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def usable_mb(limits: tuple[Path, ...] = LIMITS) -> int:
    """Megabytes that this process may use: the machine's, or its container's where that is less."""
    found = []
    with suppress(ValueError, OSError, AttributeError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in limits:
        with suppress(ValueError, OSError):  # "max" where there is none
            found.append(int(path.read_text(encoding="ascii")))
    return max(min(found, default=0) // MEGABYTE, SMALLEST_MB)


def server_settings(usable: int) -> Mapping[str, str]:
    """Of a server that shares `usable` megabytes with Airflow, Superset and the loads.

    An eighth is its own cache, 2 GB at most: beyond that the system's cache serves as well, and each dropped table is
    sought in all of it. Half is what both caches will hold, which tells the planner how much it may read at random, and
    a build how large its sorts may be (warehouse/dbt.py). PostgreSQL's manual: a quarter, on a machine of its own.
    """
    return {
        "shared_buffers": f"{min(usable // 8, 2048)}MB",
        "effective_cache_size": f"{usable // 2}MB",
        "maintenance_work_mem": f"{min(max(usable // 16, 64), 512)}MB",
    }
