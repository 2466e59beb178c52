"""`make backup`, `make restore`: the warehouse as files, and back."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from extractors.core.errors import ConfigError
from runtime.home import Home
from runtime.programs import client_folder
from runtime.progress import Progress
from runtime.warehouse import databases, filled
from warehouse.backup import backup as write_backup
from warehouse.forgotten_list import FILE, keep
from warehouse.restore import restore as read_backup


def backup(home: Home, progress: Progress, folder: Path) -> int:
    """Write a backup below the folder. 0 or raises ConfigError, BackupFailed."""
    folder = folder.expanduser().resolve()
    with filled(home, os.environ, progress) as warehouse:
        place = write_backup(warehouse, folder, programs=_programs(warehouse), now=datetime.now(UTC))
    home.remember(backups=sorted({str(folder), *home.state().get("backups", [])}))
    progress.say(f"backup: {place}. It holds everything the warehouse holds: keep it as safe")
    return 0


def restore(home: Home, progress: Progress, place: Path, *, replace: bool) -> int:
    """Restore a backup. 0, or raises ConfigError, BackupFailed; GuardError where a lint finds a right that leaks."""
    from runtime.serve import serving

    if serving(home):
        raise ConfigError("Airflow would load while the tables are replaced: `make down` first")
    with databases(home, os.environ, progress) as urls:
        done = read_backup(
            urls.warehouse, place.expanduser().resolve(), programs=_programs(urls.warehouse), now=datetime.now(UTC),
            lists=[folder / FILE for folder in list_folders(home)], replace=replace, say=progress.say,
        )  # fmt: skip
        keep_list(home, urls.warehouse)
    progress.say(f"restored: the warehouse of {done.made_at}")
    if done.forgotten:
        progress.say(f"{done.forgotten} people were forgotten after that moment, and are again")
    if done.returned:
        progress.say(f"LOOK AT logins that were not there before: {', '.join(done.returned)}")
    if done.lost_changes:
        progress.say(f"LOOK AT rights: {done.lost_changes} changes made after the backup are gone (access.journal)")
    if done.missing:
        progress.say(f"LOOK AT logins to make by hand, then `select access.apply()`: {', '.join(done.missing)}")
    return 0


def _programs(url: str) -> Path:
    with psycopg.connect(url) as connection:
        return client_folder(connection.info.server_version // 10_000)


def keep_list(home: Home, url: str) -> list[Path]:
    """Write who was forgotten beside every backup, and into the home, so that no restore brings anybody back; where."""
    with psycopg.connect(url) as connection:
        return keep(connection, list_folders(home))


def list_folders(home: Home) -> Iterable[Path]:
    """The home's folder of acts, and every folder that a backup was written to."""
    acts = home.root / "acts"
    acts.mkdir(mode=0o700, exist_ok=True)
    return [acts, *map(Path, home.state().get("backups", []))]
