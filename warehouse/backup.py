"""A backup of the warehouse: one moment of the whole database, with what is needed to give every right again.

    <folder>/warehouse_2026-06-30T031500Z/   only for its user (0700)
    ├── warehouse.dump   pg_dump's own format, 0600
    └── manifest.json    rows of every table, logins, versions, checksum of the dump
    <folder>/forgotten.json   who was forgotten, kept up to date by `make forget` (warehouse/forgotten_list.py)

Passwords are not in it as such: logins are made again from the key that the dump holds, so it must be kept like the
warehouse itself. docs/runbooks/restore_from_backup.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from extractors.core.errors import ChairsideError, ConfigError
from warehouse import libpq
from warehouse.forgotten_list import keep, write_private
from warehouse.pipeline import exclusive

FORMAT = 1
DUMP, MANIFEST = "warehouse.dump", "manifest.json"
ONLY_OWNER = 0o077
UNFINISHED = ".{}.unfinished"
# A night later it is a killed command's. One that is being written changes all the time, but for reading its checksum.
DEAD_AFTER = timedelta(hours=12)
# Whom the warehouse made itself; others are somebody else's logins that were given rights.
EMPLOYEES = """
    select e.database_role, coalesce(shobj_description(r.oid, 'pg_authid') = 'Chairside employee', false)
    from access.employees as e left join pg_roles as r on r.rolname = e.database_role order by 1
"""
SCHEMAS = """
    select nspname from pg_namespace
    where nspname !~ '^pg_' and nspname not in ('information_schema', 'public') order by 1
"""
TABLES = """
    select n.nspname, c.relname from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind = 'r' and c.relpersistence <> 't'
        and n.nspname <> 'information_schema' and n.nspname !~ '^pg_' order by 1, 2
"""


class BackupFailed(ChairsideError):
    """A backup or a restore did not end well. The text says what became of it."""


def backup(url: str, folder: Path, *, programs: Path, now: datetime) -> Path:
    """Write a backup into a new folder below `folder`; its path. `programs`: where pg_dump is.

    Waits for a running build. Loads may go on: what they commit later is not in it. Raises ConfigError, BackupFailed;
    then nothing is left behind.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"warehouse_{now.astimezone(UTC):%Y-%m-%dT%H%M%SZ}"
    place, unfinished = folder / name, folder / UNFINISHED.format(name)
    if place.exists():
        raise ConfigError(f"{place} is there already.")
    _remove_dead(folder, now)
    unfinished.mkdir(mode=0o700)
    try:
        with exclusive(url), psycopg.connect(url, application_name="chairside backup") as connection:
            connection.execute("set transaction isolation level repeatable read read only")
            connection.execute("set local idle_in_transaction_session_timeout = 0")
            major = require_programs(connection, programs)
            told = _manifest(connection, now=now)
            (snapshot,) = connection.execute("select pg_export_snapshot()").fetchone() or ("",)
            _dump(url, programs, unfinished / DUMP, snapshot)
            told["made_by_programs"] = major
            told["files"] = {DUMP: {"sha256": checksum(unfinished / DUMP), "bytes": (unfinished / DUMP).stat().st_size}}
            write_private(unfinished / MANIFEST, json.dumps(told, ensure_ascii=False, indent=1))
            keep(connection, [folder])
        unfinished.rename(place)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return place


def require_programs(connection: psycopg.Connection[Any], programs: Path) -> int:
    """Major version of pg_dump. Raises ConfigError where it is older than the server: it would refuse half-way."""
    said = subprocess.run([programs / "pg_dump", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\b(\d+)[.\w]*\s*(?:\(.*\))?\s*$", said.strip())
    major, server = int(found[1]) if found else 0, connection.info.server_version // 10_000
    if major < server:
        raise ConfigError(f"pg_dump in {programs} is of version {major or 'unknown'}, the server of {server}: too old.")
    return major


def read_manifest(place: Path) -> dict[str, Any]:
    """The manifest of a backup, after the dump was found whole. Raises ConfigError."""
    try:
        told = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ConfigError(f"{place} is no backup: {MANIFEST} cannot be read. Name a folder warehouse_….") from None
    if told.get("format") != FORMAT:
        raise ConfigError(f"{place} is a backup of format {told.get('format')}; this program reads {FORMAT}.")
    dump = place / DUMP
    if not dump.exists() or checksum(dump) != told["files"][DUMP]["sha256"]:
        raise ConfigError(f"{dump} is damaged or missing: its checksum is not that of {MANIFEST}. Use another backup.")
    return dict(told)


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remove_dead(folder: Path, now: datetime) -> None:
    """What killed commands left: patients' data, and as large as a backup."""
    for left in folder.glob(UNFINISHED.format("warehouse_*")):
        with suppress(FileNotFoundError):  # another command of this minute removes it too
            written = max(path.stat().st_mtime for path in (left, *left.iterdir()))
            if now.timestamp() - written > DEAD_AFTER.total_seconds():
                shutil.rmtree(left)


def _manifest(connection: psycopg.Connection[Any], *, now: datetime) -> dict[str, Any]:
    tables = connection.execute(TABLES).fetchall()
    counts = sql.SQL(" union all ").join(
        sql.SQL("select {}, count(*) from {}").format(sql.Literal(f"{schema}.{name}"), sql.Identifier(schema, name))
        for schema, name in tables
    )
    return {
        "format": FORMAT,
        "made_at": now.astimezone(UTC).isoformat(),
        "database": connection.info.dbname,
        "server": connection.info.server_version // 10_000,
        "schemas": [name for (name,) in connection.execute(SCHEMAS)],
        "rows": dict(connection.execute(counts).fetchall()),
        "employees": [{"role": role, "ours": ours} for role, ours in connection.execute(EMPLOYEES)],
        "journal": last_change(connection),
    }


def last_change(connection: psycopg.Connection[Any]) -> int:
    """Number of the last change of a right."""
    row = connection.execute("select coalesce(max(journal_id), 0) from access.journal").fetchone()
    return int(row[0]) if row else 0


def _dump(url: str, programs: Path, path: Path, snapshot: str) -> None:
    done = subprocess.run(
        [programs / "pg_dump", "--format=custom", f"--snapshot={snapshot}", "--no-password", f"--file={path}"],
        env=libpq.environment(url), umask=ONLY_OWNER, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BackupFailed(f"pg_dump failed: {done.stderr.strip()[-1000:]}. There is no new backup.")
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
