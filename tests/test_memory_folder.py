"""The run's folder in memory: chosen once, told to the workers, and what killed runs left goes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import memory_folder


def test_a_folder_is_chosen_once_and_what_killed_runs_left_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_folder, "ROOM_MB", 0)
    monkeypatch.setattr(memory_folder, "MACHINE_MB", 0)
    killed, running = (tmp_path / f"{memory_folder.NAME}{number}" for number in (2**22 + 1, os.getppid()))
    killed.mkdir()
    running.mkdir()
    environ: dict[str, str] = {}
    chosen = memory_folder.choose(environ, tmp_path)
    assert chosen is not None
    assert environ == {memory_folder.VARIABLE: str(chosen)}
    assert set(tmp_path.iterdir()) == {running, chosen}
    assert memory_folder.choose(environ, tmp_path) is None, "the workers of a run use its own"
    memory_folder.leave(chosen)
    assert set(tmp_path.iterdir()) == {running}


def test_without_room_the_server_lies_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_folder, "ROOM_MB", 1 << 40)
    environ: dict[str, str] = {}
    assert memory_folder.choose(environ, tmp_path) is None
    assert (environ, list(tmp_path.iterdir())) == ({}, [])
