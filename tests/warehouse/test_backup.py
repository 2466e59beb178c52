"""A backup restored elsewhere is the same warehouse: rows, past, rights, logins. Who was forgotten stays forgotten."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import psycopg
import pytest
from psycopg import sql

from extractors.core.errors import ConfigError
from runtime.programs import find_programs
from tests.warehouse.small_warehouse import NOW, Warehouse
from warehouse.backup import DUMP, MANIFEST, BackupFailed, backup
from warehouse.forget import random_email, random_phone
from warehouse.forgotten_list import keep
from warehouse.restore import restore

LATER = datetime(2026, 7, 2, 4, tzinfo=UTC)
PHONE = "+79000000077"
# What a restore writes itself: its own step, and that logins were made again.
OWN = {"ops.steps", "access.journal", "access.policies"}
# No grants at all and the default ones written out are the same.
PRIVILEGES = "array(select one::text from unnest(coalesce({}, acldefault('{}', {}))) as one order by 1)::text"
GRANTS = """
    with ours as (select oid, nspname, nspacl, nspowner from pg_namespace where nspname = any(array[
        'staging', 'build', 'marts', 'reports', 'history', 'as_of', 'access', 'ops', 'deals'
    ]))
    select 'schema', nspname, <nspacl n nspowner> from ours
    union all
    select 'relation', nspname || '.' || relname, <relacl r relowner>
    from pg_class join ours on ours.oid = relnamespace
    where relkind in ('r', 'v')
    union all
    select 'column', nspname || '.' || relname || '.' || attname, attacl::text
    from pg_attribute join pg_class on pg_class.oid = attrelid join ours on ours.oid = relnamespace
    where attacl is not null
    union all
    select 'routine', nspname || '.' || pg_proc.oid::regprocedure::text,
        <proacl f proowner>
    from pg_proc join ours on ours.oid = pronamespace
    union all
    select 'policy', schemaname || '.' || tablename || '.' || policyname,
        array_to_string(roles, ',') || ' ' || cmd || ' ' || coalesce(qual, '')
    from pg_policies
    union all
    select 'security', nspname || '.' || relname, relrowsecurity::text || relforcerowsecurity::text
    from pg_class join ours on ours.oid = relnamespace where relkind = 'r'
"""
for acl in re.findall("<(.*?)>", GRANTS):
    GRANTS = GRANTS.replace(f"<{acl}>", PRIVILEGES.format(*acl.split()))


@pytest.fixture
def programs() -> Path:
    return find_programs().folder


@pytest.fixture
def shop(warehouse: Warehouse) -> Warehouse:
    """Published twice, so that there is a past; three employees with rights of every kind; a landed contact."""
    warehouse.publish()
    warehouse.run("delete from build.administrator_conversion_inquiries where inquiry_key = 'q1'")
    warehouse.run("delete from build.administrator_conversion_people where inquiry_key = 'q1'")
    warehouse.publish(NOW + timedelta(days=1))
    for name, clinics in (("anna", "{C1}"), ("boris", "{C1,C2}"), ("vera", None)):
        role = warehouse.add(name, employee_id="A1")
        warehouse.run(
            "select access.allow(%s, 'administrator_conversion', %s, own_rows_only => %s, personal_data => %s)",
            (role, clinics, name == "anna", name == "boris"),
        )
    warehouse.run("select access.deny(%s, 'marts')", (warehouse.role("vera"),))
    warehouse.run(
        "insert into staging.files__contacts"
        " (contact_id, clinic_id, occurred_at, kind, direction, phone, phone_e164, note)"
        " values ('E1', 'C1', '2026-06-01 09:00+00', 'call', 'inbound', %s, %s, 'call ' || %s)",
        (PHONE, PHONE, PHONE),
    )
    return warehouse


@pytest.fixture
def lost(shop: Warehouse, tmp_path: Path, programs: Path) -> Iterator[tuple[Warehouse, Path, dict[str, Any]]]:
    """What was told of the shop, and its backup; its logins are gone from the server with it."""
    told = state(shop)
    place = backup(shop.url, tmp_path / "backups", programs=programs, now=LATER)
    shop.run("select access.remove_employee(database_role) from access.employees")
    yield shop, place, told


@pytest.fixture
def empty(fresh_database: str, lost: tuple[Warehouse, Path, dict[str, Any]]) -> Iterator[Warehouse]:
    made = replace(lost[0], url=fresh_database)
    yield made
    if made.run("select to_regclass('access.employees')") != [(None,)]:
        made.run("select access.remove_employee(database_role) from access.employees")


def state(warehouse: Warehouse) -> dict[str, Any]:
    """Rows of every table as one number each, grants and policies, what each employee reads, the past."""
    with psycopg.connect(warehouse.url) as connection:
        tables = connection.execute(
            "select n.nspname, c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
            " where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
        ).fetchall()
        query = sql.SQL("select count(*), sum(hashtextextended(told::text, 0)::numeric) from {} as told")
        rows = {
            f"{schema}.{name}": connection.execute(query.format(sql.Identifier(schema, name))).fetchone()
            for schema, name in tables if f"{schema}.{name}" not in OWN
        }  # fmt: skip
        grants = sorted(connection.execute(GRANTS).fetchall(), key=str)
        past = connection.execute(
            "select * from reports.administrator_conversion_list_as_of(%s) order by 1", (NOW.date(),)
        ).fetchall()
        employees = [role for (role,) in connection.execute("select database_role from access.employees order by 1")]
    return {"rows": rows, "grants": grants, "past": past, "read": {role: read(warehouse, role) for role in employees}}


def read(warehouse: Warehouse, role: str) -> list[Any]:
    with warehouse.connect(role) as connection:
        query = "select * from reports.administrator_conversion_list order by 1"
        seen: list[Any] = connection.execute(query).fetchall()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from staging.files__contacts")
        return [*seen, connection.info.password]


def test_a_restored_warehouse_has_the_same_rows_past_rights_and_logins(
    lost: tuple[Warehouse, Path, dict[str, Any]], empty: Warehouse, programs: Path
) -> None:
    _, place, told = lost

    done = restore(empty.url, place, programs=programs, now=LATER)

    now = state(empty)
    for part, said in told.items():
        assert now[part] == said, part
    assert len(told["past"]) == 12
    assert {role.rpartition("_")[2]: len(seen) - 1 for role, seen in told["read"].items()} == {
        "anna": 2, "boris": 7, "vera": 11,
    }  # fmt: skip
    assert (done.missing, done.forgotten, done.lost_changes) == ((), 0, None)
    assert empty.run("select step, status from ops.steps where run_id like 'restore%%'") == [("restore", "done")]


def test_only_its_user_may_read_a_backup_and_it_holds_no_password(lost: tuple[Warehouse, Path, dict[str, Any]]) -> None:
    _, place, told = lost
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (place, place / DUMP, place / MANIFEST)]
    assert modes == [0o700, 0o600, 0o600]
    text = (place / MANIFEST).read_text(encoding="utf-8")
    assert not [seen[-1] for seen in told["read"].values() if seen[-1] in text]
    assert PHONE not in text


def test_what_a_killed_backup_left_is_removed_by_the_next_one(tmp_path: Path, programs: Path) -> None:
    dead, alive = (tmp_path / f".warehouse_2026-07-0{day}T010000Z.unfinished" for day in (1, 2))
    for left, hours in ((dead, 24), (alive, 1)):
        left.mkdir()
        (left / DUMP).write_text("Иванов Иван")
        for path in (left / DUMP, left):
            os.utime(path, times=((LATER - timedelta(hours=hours)).timestamp(),) * 2)
    with pytest.raises(psycopg.OperationalError):
        backup("postgresql://nobody@127.0.0.1:1/none", tmp_path, programs=programs, now=LATER)
    assert [path.name for path in tmp_path.iterdir()] == [alive.name]


def test_a_damaged_backup_and_a_warehouse_that_is_there_are_refused(
    lost: tuple[Warehouse, Path, dict[str, Any]], fresh_database: str, programs: Path
) -> None:
    shop, place, _ = lost
    with pytest.raises(ConfigError, match=r"holds a warehouse already.*REPLACE=yes"):
        restore(shop.url, place, programs=programs, now=LATER)
    with pytest.raises(ConfigError, match="is no backup"):
        restore(fresh_database, place.parent, programs=programs, now=LATER)
    with (place / DUMP).open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    with pytest.raises(ConfigError, match="damaged or missing"):
        restore(fresh_database, place, programs=programs, now=LATER)


def test_a_restore_that_loses_a_row_changes_nothing(
    lost: tuple[Warehouse, Path, dict[str, Any]], programs: Path
) -> None:
    shop, place, _ = lost
    told = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
    told["rows"]["staging.files__contacts"] += 1
    (place / MANIFEST).write_text(json.dumps(told), encoding="utf-8")
    shop.run("update staging.files__contacts set topic = 'after the backup'")

    with pytest.raises(BackupFailed, match=r"rows are missing in staging\.files__contacts.*Nothing changed"):
        restore(shop.url, place, programs=programs, now=LATER, replace=True)

    assert shop.run("select topic from staging.files__contacts") == [("after the backup",)]


@pytest.mark.slow
@pytest.mark.parametrize("ends", ["kill -9 $$", "exit 1"])
def test_a_reader_of_the_dump_that_dies_after_the_last_row_changes_nothing(
    lost: tuple[Warehouse, Path, dict[str, Any]], programs: Path, tmp_path: Path, ends: str
) -> None:
    """All rows would be there, and none of the keys by which loads find them."""
    shop, place, _ = lost
    dying = tmp_path / "programs"
    dying.mkdir()
    for name in ("psql", "pg_dump"):
        (dying / name).symlink_to(programs / name)
    (dying / "pg_restore").write_text(
        f"#!/bin/sh\ncase \"$*\" in *--list*) exec '{programs}/pg_restore' \"$@\" ;; esac\n"
        f"'{programs}/pg_restore' \"$@\" | awk '/; Type: CONSTRAINT;/ {{exit}} {{print}}'\n{ends}\n"
    )
    (dying / "pg_restore").chmod(0o700)
    shop.run("update staging.files__contacts set topic = 'after the backup'")

    with pytest.raises(BackupFailed, match="Nothing changed"):
        restore(shop.url, place, programs=dying, now=LATER, replace=True)

    assert shop.run("select topic from staging.files__contacts") == [("after the backup",)]


def test_a_restore_that_is_stopped_on_the_way_changes_nothing(
    lost: tuple[Warehouse, Path, dict[str, Any]], programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that psql sees of it is the end of what it reads, whether the command was told to stop or was killed."""
    shop, place, _ = lost
    shop.run("update staging.files__contacts set topic = 'after the backup'")

    def stopped(given: IO[bytes], taken: IO[bytes], _length: int) -> None:
        taken.write(given.read())
        raise SystemExit(143)

    monkeypatch.setattr("warehouse.restore.shutil.copyfileobj", stopped)
    with pytest.raises(SystemExit):
        restore(shop.url, place, programs=programs, now=LATER, replace=True)

    assert shop.run("select topic from staging.files__contacts") == [("after the backup",)]


def test_over_a_living_warehouse_it_says_which_logins_return_and_which_changes_of_rights_are_lost(
    shop: Warehouse, tmp_path: Path, programs: Path
) -> None:
    place = backup(shop.url, tmp_path, programs=programs, now=LATER)
    shop.run("select access.remove_employee(%s)", (shop.role("anna"),))
    shop.run("select access.deny(%s, 'administrator_conversion')", (shop.role("boris"),))

    done = restore(shop.url, place, programs=programs, now=LATER, replace=True)

    assert done.returned == (shop.role("anna"),)
    assert done.lost_changes
    assert len(read(shop, shop.role("boris"))) == 8


def test_a_login_of_another_program_is_not_taken_over(
    lost: tuple[Warehouse, Path, dict[str, Any]], empty: Warehouse, programs: Path, pg_server_url: str
) -> None:
    shop, place, _ = lost
    role = sql.Identifier(shop.role("anna"))
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create role {} login").format(role))
        try:
            with pytest.raises(ConfigError, match=r"a login that the warehouse did not make\. Nothing changed"):
                restore(empty.url, place, programs=programs, now=LATER)
        finally:
            admin.execute(sql.SQL("drop role {}").format(role))
    assert empty.run("select to_regclass('ops.steps')") == [(None,)]


def test_who_was_forgotten_after_the_backup_is_forgotten_in_it_too(
    shop: Warehouse, fresh_database: str, tmp_path: Path, programs: Path
) -> None:
    """The list lies beside the backup, where `make forget` keeps it up to date; the database is lost."""
    place = backup(shop.url, tmp_path, programs=programs, now=LATER)
    shop.run(
        "insert into ops.forgotten_people (forgotten_at, reason, categories, phone, email)"
        " values (%s, 'asked', '{}', %s, %s)",
        (LATER, random_phone(), random_email()),
    )
    shop.run(
        "insert into ops.forgotten_identifiers (identifier_hash, role, person_number, replacement) select"
        " ops.opaque_key('forgotten', 'phone:' || %s), 'phone', person_number, '+999000000000000'"
        " from ops.forgotten_people",
        (PHONE,),
    )
    with psycopg.connect(shop.url) as connection:
        keep(connection, [tmp_path])
    assert PHONE not in (tmp_path / "forgotten.json").read_text(encoding="utf-8")
    shop.run("select access.remove_employee(database_role) from access.employees")
    restored = replace(shop, url=fresh_database)

    done = restore(fresh_database, place, programs=programs, now=LATER)

    assert done.forgotten == 1
    assert restored.run("select phone_e164, phone, note from staging.files__contacts") == [
        ("+999000000000000", "+999000000000000", None)
    ]
    again = restore(fresh_database, place, programs=programs, now=LATER, replace=True)
    assert again.forgotten == 1, "the list that is in the warehouse counts too"
    assert restored.run("select count(*) from ops.forgotten_people") == [(1,)]
    restored.run("select access.remove_employee(database_role) from access.employees")
