"""June, backed up; a person is forgotten; the older backup is restored: nothing of the person is there."""

from __future__ import annotations

import uuid
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from runtime.programs import find_programs
from tests.e2e.comparing import MOMENT
from tests.e2e.test_forget import PHONE, Place, in_tables, load, write_inbox
from warehouse.backup import backup
from warehouse.forget import forget
from warehouse.forgotten_list import keep
from warehouse.restore import restore

SUMS = (
    "select sum(revenue), sum(inquiries), sum(clients) from reports.channels_and_sources("
    "date '2026-06-01', date '2026-06-30', level => 'total')"
)


@pytest.mark.slow
def test_a_person_forgotten_after_a_backup_is_in_no_table_of_it(pg_server_url: str, tmp_path: Path) -> None:
    names = [f"test_{uuid.uuid4().hex[:16]}" for _ in range(2)]
    living, restored = (urlsplit(pg_server_url)._replace(path=f"/{name}").geturl() for name in names)
    write_inbox(tmp_path / "inbox")
    programs = find_programs().folder
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        for name in names:
            admin.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        try:
            load(Place(living, tmp_path / "inbox", tmp_path / "home", tmp_path / "dbt"))
            older = backup(living, tmp_path / "backups", programs=programs, now=MOMENT)
            assert all(in_tables(living).values()), "what is looked for is there"
            forget(living, PHONE, now=MOMENT)
            with psycopg.connect(living) as connection:
                sums = connection.execute(SUMS).fetchall()
                keep(connection, [tmp_path / "backups"])

            done = restore(restored, older, programs=programs, now=MOMENT)

            assert done.forgotten == 1
            found = {identifier: places for identifier, places in in_tables(restored).items() if places}
            assert not found
            with psycopg.connect(restored) as connection:
                assert connection.execute(SUMS).fetchall() == sums
        finally:
            for name in names:
                admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
