"""`make psql`, `make url`, `make status`, `make sign-in`, `make rotate-logins`."""

from __future__ import annotations

import os
import shutil
import subprocess

import psycopg

from extractors.core.errors import ConfigError
from runtime.home import Home
from runtime.programs import PostgresMissing, find_programs
from runtime.progress import Progress, text_table
from runtime.warehouse import EMPTY, databases, filled, no_employee, role_url
from warehouse import libpq


def psql(home: Home, progress: Progress, role: str | None) -> int:
    """A prompt as the owner, or as an employee. Further input may be piped in."""
    with databases(home, os.environ, progress) as urls:
        target = urls.warehouse if role is None else role_url(urls.warehouse, role)
        # By environment: arguments are shown to every user of the machine.
        environ = {**os.environ, **libpq.variables(target)}
        return subprocess.run([psql_program()], env=environ, check=False).returncode


def psql_program() -> str:
    """psql of the embedded server, else the machine's. Raises ConfigError where there is none."""
    try:
        ours = find_programs() / "psql"
        if ours.exists():
            return str(ours)
    except PostgresMissing:
        pass
    if found := shutil.which("psql"):
        return found
    raise ConfigError("There is no psql here. `make url` prints the address for another client")


def url(home: Home, progress: Progress, role: str | None) -> int:
    """Print the connection URL, alone on the standard output. The embedded server stays up for whoever asked."""
    from runtime.serve import keep_postgres

    with databases(home, os.environ, progress) as urls:
        found = urls.warehouse if role is None else role_url(urls.warehouse, role)
        if not os.environ.get("WAREHOUSE_URL"):
            keep_postgres(home)
    print(found, flush=True)
    return 0


def status(home: Home, progress: Progress) -> int:
    """What serves, and the last steps of loads."""
    from runtime.serve import serving

    found = serving(home)
    where = f"{found.airflow_url} {found.bi_url or ''}".strip() or "still starting" if found else ""
    running = f"serving (process {found.pid}): {where}" if found else ""
    progress.say(running or "not serving; `make up` starts it")
    with databases(home, os.environ, progress) as urls, psycopg.connect(urls.warehouse) as connection:
        if connection.execute("select to_regclass('ops.steps')").fetchone() == (None,):
            progress.say(EMPTY)
            return 0
        rows = connection.execute(
            "select run_id, step, to_char(started_at, 'YYYY-MM-DD HH24:MI:SSOF'), status,"
            " round(extract(epoch from finished_at - started_at), 1), left(message, 200)"
            " from ops.steps order by started_at desc limit 12"
        ).fetchall()
    print(text_table(["run", "step", "started", "status", "seconds", "message"], rows), flush=True)
    return 0


def sign_in(home: Home, progress: Progress, role: str) -> int:
    """Print where and with what password an employee signs in to Superset."""
    from runtime.superset import sign_in as found_for

    with filled(home, os.environ, progress) as warehouse:
        try:
            address, password = found_for(home, warehouse, role)
        except psycopg.errors.InvalidParameterValue:
            raise ConfigError(no_employee(role)) from None
        except psycopg.Error as error:
            raise ConfigError(f"No sign-in for {role!r}: {error.diag.message_primary or error}") from None
    print(f"{address or 'Superset has not been started here yet'}\nuser      {role}\npassword  {password}", flush=True)
    return 0


def rotate_logins(home: Home, progress: Progress) -> int:
    """New passwords for all employees and for Superset's bridge, in force at once."""
    from runtime.superset import rotate

    with filled(home, os.environ, progress) as warehouse:
        changed = rotate(home, warehouse)
    progress.say(f"new passwords for {changed} employees and for Superset's bridge; tell them by `make sign-in ROLE=…`")
    return 0
