"""A warehouse of an earlier version, with employees and rights, becomes one of this version in place.

The earlier code is taken from git's history and runs in a process of its own. Afterwards rights are as they were, every
figure is what a fresh warehouse of this version says, and history shows what the earlier version had published.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.e2e.comparing import MOMENT
from tests.e2e.june import JUNE
from tests.e2e.past import answers, questions
from tests.e2e.test_june import PERIOD_DAYS, ROOT
from warehouse.lint import run_lints
from warehouse.migrate import migrate
from warehouse.pipeline import run_all

# How many commits back: two of long before, since when columns and tables went and came; the last is what "the version
# before" means where there are no releases.
DISTANCES = (330, 88, 1)
BUILD = """
import sys
from datetime import datetime
from pathlib import Path
from warehouse.pipeline import run_all
url, inbox, moment, folder = sys.argv[1:]
now = datetime.fromisoformat(moment)
run_all(url, Path(inbox), run_id="before", now=now, folder=Path(folder), say=lambda text: None)
"""
# What an employee's right became in the catalog: conditions of policies, and grants.
IN_FORCE = """
    select polrelid::regclass::text, pg_get_expr(polqual, polrelid), rolname
    from pg_policy cross join unnest(polroles) as role join pg_roles on pg_roles.oid = role
    union all
    select pg_class.oid::regclass::text, privilege_type, rolname
    from pg_class cross join aclexplode(relacl) as acl join pg_roles on pg_roles.oid = grantee
    where relnamespace::regnamespace::text in ('marts', 'reports', 'history', 'as_of') and rolname like %s
"""
# What builds made: nothing of models that are no more.
MADE = """
    select oid::regclass::text from pg_class
    where relkind in ('r', 'v') and (
        relnamespace = 'build'::regnamespace and relname not like 'family\\_%'
        or relnamespace = 'staging'::regnamespace and relname like 'stg\\_%'
    )
    order by 1
"""
RIGHTS = (
    "select database_role, report, clinics, own_rows_only, personal_data from access.effective_rights order by 1, 2"
)
JOURNAL = (
    "select journal_id, changed_at, changed_by, action, subject, report, before, after from access.journal"
    " order by journal_id"
)


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], check=True, capture_output=True).stdout


@pytest.fixture(params=DISTANCES, ids=lambda distance: f"{distance}-commits-back")
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with the code as it was. Skips where git's history does not reach back that far."""
    try:
        commit = git("rev-parse", "--verify", f"HEAD~{request.param}^{{commit}}").decode().strip()
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip(f"git's history does not reach {request.param} commits back; git fetch --unshallow gets it")
    folder = tmp_path / "earlier"
    with tarfile.open(fileobj=io.BytesIO(git("archive", commit))) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def databases(pg_server_url: str) -> Iterator[tuple[str, str]]:
    """URLs of two empty databases: one to upgrade, one to begin with this version."""
    names = [f"test_upgrade_{uuid.uuid4().hex[:8]}" for _ in range(2)]
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        for name in names:
            admin.execute(f"create database {name} template template0".encode())
        server = pg_server_url.rsplit("/", 1)[0]
        yield f"{server}/{names[0]}", f"{server}/{names[1]}"
        for name in names:
            admin.execute(f"drop database {name} with (force)".encode())


def hire(url: str, prefix: str) -> None:
    """A group with clinics, one of it with rights of her own, one who sees own rows, a denial."""
    add = "select access.add_employee(%s, 'Invented', %s, %s)"
    with psycopg.connect(url) as owner:
        for name, group, employee_id in (("anna", "desk", "anna"), ("boris", "desk", "boris"), ("head", None, None)):
            owner.execute(add, (f"{prefix}_{name}", group, employee_id))
        owner.execute("select access.allow('desk', 'administrator_conversion', '{C1}')")
        owner.execute("select access.allow('desk', 'inquiry_history', '{C1}', personal_data => true)")
        owner.execute("select access.allow(%s, 'administrator_conversion', own_rows_only => true)", (f"{prefix}_anna",))
        owner.execute("select access.deny(%s, 'inquiry_history')", (f"{prefix}_boris",))
        for report in ("marts", "channels_and_sources", "deal_journal"):
            owner.execute("select access.allow(%s, %s)", (f"{prefix}_head", report))


def with_the_same_salt(url: str, fresh: str) -> None:
    """Keys of persons whom no source numbers are made with a random text that each warehouse has for itself."""
    ((salt,),) = rows(url, "select salt from ops.key_salt")
    with psycopg.connect(fresh) as owner:
        owner.execute("update ops.key_salt set salt = %s", (salt,))


def rows(url: str, query: str, parameters: tuple[Any, ...] | None = None) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as owner:
        return owner.execute(query.encode(), parameters).fetchall()


def columns(url: str) -> dict[str, list[tuple[str, str]]]:
    """Published tables and their columns with types. Those of freshness are left out: they tell when loads ran."""
    found: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in rows(
        url,
        "select relname, attname, format_type(atttypid, atttypmod) from pg_attribute"
        " join pg_class on pg_class.oid = attrelid join pg_namespace on pg_namespace.oid = relnamespace"
        " where nspname = 'as_of' and relkind = 'v' and attnum > 0 and not attisdropped"
        " and exists (select from ops.history_tables where relation_name = relname and relname not like 'freshness%')"
        " order by 1, 2",
    ):
        found.setdefault(table, []).append((column, kind))
    return found


def tables(url: str, names: Iterable[str], moment: int | None = None) -> dict[str, list[dict[str, Any]]]:
    """All rows of each table as they were after a publication (null: the last)."""
    with psycopg.connect(url) as owner:
        owner.execute("select set_config('chairside.as_of', %s, true)", ("" if moment is None else str(moment),))
        return {
            name: [row[0] for row in owner.execute(
                sql.SQL("select to_jsonb(version) from as_of.{} as version").format(sql.Identifier(name))).fetchall()]
            for name in names
        }  # fmt: skip


def only(told: dict[str, list[dict[str, Any]]], asked: dict[str, list[tuple[str, str]]]) -> dict[str, list[str]]:
    """These columns of these tables, as sorted text. 0 and 0.00 are one number: publishing leaves such a row alone."""
    return {
        table: sorted(
            str([float(row[column]) if type(row[column]) is int else row[column] for column, _ in names])
            for row in told[table]
        )
        for table, names in asked.items()
    }


def figures(url: str, roles: list[str]) -> list[dict[str, list[str]]]:
    """Every report, as the owner and as each employee who may."""
    with psycopg.connect(url, autocommit=True) as connection:
        asked = {name: call for name, call in questions(connection, PERIOD_DAYS).items() if "freshness" not in name}
        told = [answers(connection, asked)]
        for role in roles:
            connection.execute(sql.SQL("set session authorization {}").format(sql.Identifier(role)))
            open_to_him = {
                name: call for name, call in asked.items()
                if connection.execute(
                    "select bool_or(has_function_privilege(oid, 'execute')) from pg_proc"
                    " where pronamespace = 'reports'::regnamespace and proname = %s", (f"{name}_as_of",)
                ).fetchone() == (True,)
            }  # fmt: skip
            told.append(answers(connection, open_to_him))
            connection.execute("reset session authorization")
        return told


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_rights_figures_and_history_outlast_an_upgrade(
    earlier: Path, databases: tuple[str, str], tmp_path: Path
) -> None:
    url, fresh = databases
    prefix = f"upgrade_{uuid.uuid4().hex[:8]}"
    environment = {**os.environ, "PYTHONPATH": str(earlier)}
    subprocess.run(
        [sys.executable, "-c", BUILD, url, str(earlier / "tests" / "cases" / "june"), MOMENT.isoformat(),
         str(tmp_path / "dbt_before")],
        check=True, cwd=earlier, env=environment,
    )  # fmt: skip
    roles = [f"{prefix}_{name}" for name in ("anna", "boris", "head")]
    try:
        hire(url, prefix)
        ((publication,),) = rows(url, "select max(publication_id) from ops.publications")
        before = columns(url)
        rights, journal = rows(url, RIGHTS), rows(url, JOURNAL)
        published = tables(url, before)

        moment = MOMENT + timedelta(days=1)
        run_all(url, JUNE, run_id="after", now=moment, folder=tmp_path / "dbt", say=lambda _text: None)
        migrate(fresh)
        with_the_same_salt(url, fresh)
        run_all(fresh, JUNE, run_id="fresh", now=moment, folder=tmp_path / "dbt_fresh", say=lambda _text: None)
        hire(fresh, prefix)

        assert rows(url, MADE) == rows(fresh, MADE)
        assert run_lints(url) == []
        assert rows(url, RIGHTS) == rights == rows(fresh, RIGHTS)
        assert rows(url, JOURNAL)[: len(journal)] == journal
        after = columns(url)
        assert after == columns(fresh)
        assert set(rows(url, IN_FORCE, (f"{prefix}%",))) == set(rows(fresh, IN_FORCE, (f"{prefix}%",)))
        assert only(tables(url, after), after) == only(tables(fresh, after), after)
        assert figures(url, roles) == figures(fresh, roles)
        # What was published before reads as it did, in the columns that both versions have.
        both = {table: [one for one in before[table] if one in after[table]] for table in before if table in after}
        assert len(both) > 40
        assert only(tables(url, both, publication), both) == only(published, both)
    finally:
        for place in (url, fresh):
            with psycopg.connect(place) as owner:
                if owner.execute("select to_regprocedure('access.remove_employee(text)')").fetchone() != (None,):
                    owner.execute("select access.remove_employee(database_role) from access.employees")
