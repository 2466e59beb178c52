"""A backup becomes a warehouse again, in an empty database or in the place of what is there.

One transaction puts all tables back and counts them; until it commits, readers keep what they had. Grants and policies
of the dump are left out: nobody but the owner can read anything until the last step gives every right anew, from
`access.rights`. In between people who were forgotten since the backup are forgotten again, so no employee ever sees
them. A restore that dies on the way leaves the tables closed; it can be run again.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from extractors.core.errors import ConfigError
from warehouse import libpq
from warehouse.backup import DUMP, BackupFailed, last_change, read_manifest, require_programs
from warehouse.forget_again import forget_again
from warehouse.forgotten_list import FILE, add, read_file, read_list
from warehouse.lint import require_no_findings
from warehouse.migrate import migrate
from warehouse.pipeline import exclusive, step

# Given anew at the end (`access.apply`), by the rules of this version.
LEFT_OUT = re.compile(r"^\d+; \d+ \d+ (POLICY|ACL|DEFAULT ACL) ", re.MULTILINE)
OURS = ("staging", "build", "day", "was", "marts", "reports", "history", "as_of", "access", "bridge", "ops", "deals")
OLDEST_FOR_NEW_PROGRAMS = 17  # pg_restore of 17 and later sets transaction_timeout


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a person must look at.

    returned      logins that were not there before.
    missing       logins that the warehouse did not make, so it does not make them again.
    lost_changes  changes of rights after the backup; null: nobody knows.
    forgotten     people who were forgotten after the backup, and are again.
    """

    made_at: str
    returned: tuple[str, ...]
    missing: tuple[str, ...]
    lost_changes: int | None
    forgotten: int


def restore(
    url: str, place: Path, *, programs: Path, now: datetime, lists: Iterable[Path] = (), replace: bool = False,
    say: Callable[[str], None] = lambda _text: None,
) -> Restored:  # fmt: skip
    """Restore the backup in `place`. `lists`: files of forgotten people beside the one next to the backup.

    `replace`: also where a warehouse is there already; its own list of forgotten people is kept. Raises ConfigError
    before anything changed, BackupFailed where the tables could not be put back; then nothing changed either.
    """
    told = read_manifest(place)
    with psycopg.connect(url) as connection:
        major = require_programs(connection, programs)
        _require_server(connection, told, major)
        there = _schemas(connection, {*OURS, *told["schemas"]})
        if there and not replace:
            raise ConfigError(
                f"The database {connection.info.dbname!r} holds a warehouse already. Restore into an empty one, or say"
                " REPLACE=yes: everything in it is then replaced by the backup."
            )
        before = _logins(connection) if "access" in there else set()
        _require_free_roles(connection, told, before)
        journal = last_change(connection) if "access" in there else None
        given = [read_list(connection)] if "ops" in there and _has_list(connection) else []
    given += [read_file(path) for path in (place.parent / FILE, *lists) if path.exists()]
    _put_back(url, place, told, there, programs)
    say(f"{len(told['rows'])} tables are back, as of {told['made_at']}; closed to everybody until the rights are given")
    run_id = f"restore {now:%Y-%m-%dT%H:%M:%SZ}"
    migrate(url)
    with exclusive(url), step(url, run_id, "restore", say) as note:
        with psycopg.connect(url) as connection:
            people: set[int] = set()
            for one in given:
                people |= add(connection, one)
        forget_again(url, people, now=now, say=say)
        missing = _give_rights(url, told)
        note.text = f"backup of {told['made_at']}, {len(people)} people forgotten again"
    if told["rows"].get("ops.publications"):  # the lints are about what was published
        require_no_findings(url)
    ours = {each["role"] for each in told["employees"]}
    return Restored(
        made_at=told["made_at"],
        returned=tuple(sorted(ours - before - set(missing))) if journal is not None else (),
        missing=missing,
        lost_changes=None if journal is None else max(journal - told["journal"], 0),
        forgotten=len(people),
    )


def _require_server(connection: psycopg.Connection[Any], told: Mapping[str, Any], programs: int) -> None:
    server = connection.info.server_version // 10_000
    if server < told["server"]:
        raise ConfigError(f"The backup is of PostgreSQL {told['server']}, the server of {server}: it is too old.")
    if programs < told["made_by_programs"]:
        raise ConfigError(f"pg_restore {programs} cannot read what pg_dump {told['made_by_programs']} wrote.")
    if server < OLDEST_FOR_NEW_PROGRAMS <= programs:
        raise ConfigError(
            f"pg_restore {programs} cannot write to PostgreSQL {server}. Install the client programs of {server} here"
            " (Debian: postgresql-client); they are then found."
        )


def _schemas(connection: psycopg.Connection[Any], names: set[str]) -> list[str]:
    query = "select nspname from pg_namespace where nspname = any(%s) order by 1"
    return [name for (name,) in connection.execute(query, (sorted(names),))]


def _has_list(connection: psycopg.Connection[Any]) -> bool:
    return connection.execute("select to_regclass('ops.forget_log') is not null").fetchone() == (True,)


def _logins(connection: psycopg.Connection[Any]) -> set[str]:
    return {role for (role,) in connection.execute("select database_role from access.employees")}


def _require_free_roles(connection: psycopg.Connection[Any], told: Mapping[str, Any], before: set[str]) -> None:
    """A login of the backup's name that another program made is not ours to change."""
    ours = [each["role"] for each in told["employees"] if each["ours"] and each["role"] not in before]
    taken = connection.execute(
        "select rolname from pg_roles where rolname = any(%s)"
        " and shobj_description(oid, 'pg_authid') is distinct from 'Chairside employee' order by 1", (ours,),
    ).fetchall()  # fmt: skip
    if taken:
        raise ConfigError(
            f"On this server {', '.join(role for (role,) in taken)} is a login that the warehouse did not make. Nothing"
            " changed. Rename it, or hand it over: comment on role … is 'Chairside employee'."
        )


def _put_back(url: str, place: Path, told: Mapping[str, Any], there: list[str], programs: Path) -> None:
    """All tables in one transaction: drop what is there, restore, count. Raises BackupFailed; then nothing changed."""
    dump = place / DUMP
    listed = subprocess.run([programs / "pg_restore", "--list", dump], capture_output=True, text=True, check=False)
    if listed.returncode:
        raise BackupFailed(f"pg_restore cannot read {dump}: {listed.stderr.strip()[-500:]}. Nothing changed.")
    wanted = "\n".join(line for line in listed.stdout.splitlines() if not LEFT_OUT.match(line))
    with tempfile.TemporaryDirectory() as folder, psycopg.connect(url) as connection:
        contents, before, complaints = (Path(folder) / name for name in ("contents", "before.sql", "complaints"))
        contents.write_text(wanted, encoding="utf-8")
        drops = [sql.SQL("drop schema {} cascade;").format(sql.Identifier(name)) for name in there]
        before.write_text(
            "\n".join(["begin;", *(drop.as_string(connection) for drop in drops)]) + "\n", encoding="utf-8"
        )
        after = _count(told["rows"]).as_string(connection) + "commit;\n"
        connection.rollback()  # nothing of ours may be open while the tables are dropped
        read: list[str | Path] = [
            programs / "pg_restore", "--no-owner", "--no-acl", f"--use-list={contents}", "--file=-", dump,
        ]  # fmt: skip
        # One transaction for both files: it is committed only where the whole dump was read and every row is there.
        # Refused: psql's --single-transaction, which commits where its input ends, also when this process is killed.
        write: list[str | Path] = [
            programs / "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null",
            f"--file={before}", "--file=-",
        ]  # fmt: skip
        environ = libpq.environment(url) | {libpq.OPTIONS: libpq.with_options(url, "-c client_min_messages=warning")}
        with (
            complaints.open("wb") as said,
            subprocess.Popen(read, stdout=subprocess.PIPE, stderr=said) as reading,
            subprocess.Popen(
                write, stdin=subprocess.PIPE, env=environ, stdout=subprocess.DEVNULL, stderr=said
            ) as writing,
        ):
            if not _poured(reading, writing, after):
                writing.kill()
        told_by_programs = complaints.read_text(encoding="utf-8", errors="replace")
    if writing.returncode or reading.returncode:
        # psql quotes the line that failed, which may be somebody's row: only what the server said of it.
        errors = [line for line in told_by_programs.splitlines() if "ERROR:" in line][:3]
        why = " ".join(errors) or f"pg_restore ended with {reading.returncode}, psql with {writing.returncode}"
        raise BackupFailed(f"The tables could not be put back: {why}. Nothing changed.")


def _poured(reading: subprocess.Popen[bytes], writing: subprocess.Popen[bytes], after: str) -> bool:
    """Give all that `reading` says to `writing`, then `after`. False where the one did not end well, or the other ended
    before."""
    assert reading.stdout is not None and writing.stdin is not None  # noqa: S101 - pipes, as asked for
    try:
        shutil.copyfileobj(reading.stdout, writing.stdin, 1 << 20)
        reading.stdout.close()
        if reading.wait() != 0:
            return False
        writing.stdin.write(after.encode())
        writing.stdin.close()
    except BrokenPipeError:
        reading.kill()
        return False
    return True


def _count(rows: Mapping[str, int]) -> sql.Composed:
    """SQL that fails unless every table of the manifest has its rows."""
    counts = sql.SQL(" union all ").join(
        sql.SQL("select {} as name, {}::bigint as wanted, count(*) as present from {}").format(
            sql.Literal(name), sql.Literal(count), sql.Identifier(*name.split(".", maxsplit=1))
        )
        for name, count in rows.items()
    )
    return sql.SQL(
        "do $count$ declare differing text; begin"
        " select string_agg(name, ', ') into differing from ({}) as counted where wanted <> present;"
        " if differing is not null then raise exception 'rows are missing in %', differing; end if; end $count$;\n"
    ).format(counts)


def _give_rights(url: str, told: Mapping[str, Any]) -> tuple[str, ...]:
    """Make the logins and give every right anew; the logins that the warehouse did not make and that are not there."""
    missing = []
    with psycopg.connect(url) as connection:
        # Policies have other numbers now; all are written again.
        connection.execute("delete from access.policies")
        for role, is_ours in [(each["role"], each["ours"]) for each in told["employees"]]:
            if is_ours:
                connection.execute(
                    "select access.add_employee(database_role, full_name, employee_group, employee_id)"
                    " from access.employees where database_role = %s", (role,),
                )  # fmt: skip
            elif not connection.execute("select from pg_roles where rolname = %s", (role,)).fetchall():
                missing.append(role)
        connection.execute("select access.apply()")
    return tuple(missing)
