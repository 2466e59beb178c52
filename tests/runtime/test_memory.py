"""The server's memory follows the machine's, and a container's limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.memory import server_settings, usable_mb


@pytest.mark.parametrize(
    ("usable", "cache", "both", "work"),
    [
        (1024, "128MB", "512MB", "64MB"),
        (4096, "512MB", "2048MB", "256MB"),
        (24_576, "2048MB", "12288MB", "512MB"),
    ],
)
def test_a_larger_machine_gives_its_server_more(usable: int, cache: str, both: str, work: str) -> None:
    told = server_settings(usable)

    assert (told["shared_buffers"], told["effective_cache_size"], told["maintenance_work_mem"]) == (cache, both, work)


def test_a_containers_limit_counts_below_the_machines_memory(tmp_path: Path) -> None:
    unlimited, limited, absent = tmp_path / "memory.max", tmp_path / "limit_in_bytes", tmp_path / "absent"
    unlimited.write_text("max\n")
    limited.write_text(f"{1536 << 20}\n")

    machine = usable_mb((unlimited, absent))

    assert usable_mb((unlimited, limited)) == min(1536, machine)
    assert machine >= 1024


def test_a_limit_below_what_a_server_needs_is_not_followed(tmp_path: Path) -> None:
    limited = tmp_path / "memory.max"
    limited.write_text(f"{64 << 20}\n")

    assert usable_mb((limited,)) == 1024
