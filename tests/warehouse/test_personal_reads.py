"""Every read of personal data by an employee is noted once, by the server itself, and cannot be skipped or made up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from psycopg import errors

from tests.warehouse.small_warehouse import Warehouse
from warehouse.lint import run_lints
from warehouse.personal_reads import collect, collect_and_bound, expire

REPORT = "administrator_conversion"
PEOPLE = "reports.administrator_conversion_people"
LIST = "reports.administrator_conversion_list"


class Reader:
    """An employee's session that also hears what the server writes to its log."""

    def __init__(self, warehouse: Warehouse, role: str, folder: Path) -> None:
        self.connection = warehouse.connect(role)
        self.connection.execute("set client_min_messages = log")
        self.connection.add_notice_handler(lambda said: self.heard.append(said.message_primary or ""))
        self.heard: list[str] = []
        self._warehouse, self._log = warehouse, folder / "postgres.log"

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        cursor = self.connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []

    def noted(self) -> list[tuple[Any, ...]]:
        """The log, with its prefix, as loads collect it."""
        self._log.write_text("".join(f"2026-07-01 09:00:00 UTC [7] LOG:  {line}\n" for line in self.heard))
        collect(self._warehouse.url, self._log)
        return self._warehouse.run("select database_role, relation from ops.personal_reads order by read_at")


@pytest.fixture
def reader(published: Warehouse, tmp_path: Path) -> Iterator[Reader]:
    role = published.add("anna")
    published.run("select access.allow('desk', %s, '{C1,C2}', personal_data => true)", (REPORT,))
    made = Reader(published, role, tmp_path)
    yield made
    made.connection.close()


@pytest.mark.parametrize(
    "query",
    [
        f"select phone from {PEOPLE}",
        f"select * from {LIST}",
        f"select count(*) from {PEOPLE} where phone like '+7900%'",
        f"begin; declare c cursor for select * from {PEOPLE}; fetch 1 c; rollback",
        f"begin; select * from {PEOPLE}; rollback",
        f"set transaction_read_only = on; select * from {PEOPLE}",
        f"explain analyze select * from {PEOPLE}",
        f"prepare p as select * from {PEOPLE}; execute p",
        f"do $$ begin perform phone from {PEOPLE}; end $$",
    ],
)
def test_a_read_is_noted_whatever_way_it_is_done(published: Warehouse, reader: Reader, query: str) -> None:
    for statement in [query] if "$$" in query else query.split("; "):
        reader.ask(statement)
    assert reader.noted() == [(published.role("anna"), PEOPLE)]


def test_what_is_asked_before_anybody_looks_shows_no_personal_row_and_is_no_read(
    published: Warehouse, reader: Reader
) -> None:
    reader.ask("set chairside.ahead = on")
    reader.ask(f"select inquiry_key from {LIST}")
    with pytest.raises(errors.InsufficientPrivilege, match="ahead of their reader"):
        reader.ask(f"select phone from {PEOPLE}")
    assert reader.noted() == []
    # Changing his mind within the query gains him nothing: it is asked once, when the first row is about to be shown.
    with pytest.raises(errors.InsufficientPrivilege):
        reader.ask(f"select phone, set_config('chairside.ahead', 'off', false) from {PEOPLE}")
    reader.ask("reset chairside.ahead")
    reader.ask(f"select phone, set_config('chairside.ahead', 'on', false) from {PEOPLE}")
    assert reader.noted() == [(published.role("anna"), PEOPLE)]


def test_a_query_is_noted_once_however_many_rows_and_one_without_personal_columns_not_at_all(
    published: Warehouse, reader: Reader
) -> None:
    reader.ask(f"select inquiry_key from {LIST}")
    reader.ask("select * from reports.administrator_conversion()")
    assert reader.noted() == [], "the planner leaves the personal table out"
    assert len(reader.ask(f"select phone from {PEOPLE}")) == 8
    assert len(reader.noted()) == 1
    assert len(reader.noted()) == 1, "the same log again brings nothing new"


def test_nobody_can_make_up_a_read_or_call_what_notes_it(published: Warehouse, reader: Reader) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        reader.ask("select access.note_personal_read('reports.x')")
    stamp = "0" * 64
    reader.ask(f"do $$ begin raise log 'chairside personal read {stamp} {{\"role\": \"boris\"}}'; end $$")
    reader.ask(f"do $$ begin raise log 'chairside personal read {stamp} {{'; end $$")
    assert reader.noted() == []
    reader.ask(f"select phone from {PEOPLE}")
    true_line = next(line for line in reader.heard if "anna" in line)
    reader.heard += [true_line, true_line.replace("_anna", "_boris")]
    assert reader.noted() == [(published.role("anna"), PEOPLE)]


def test_masked_readers_and_the_owner_are_not_noted(published: Warehouse, tmp_path: Path) -> None:
    role = published.add("boris")
    published.run("select access.allow(%s, %s)", (role, REPORT))
    masked = Reader(published, role, tmp_path)
    masked.ask(f"select * from {LIST}")
    masked.ask(f"select * from {PEOPLE}")
    published.run(f"select * from {PEOPLE}")
    assert masked.noted() == []
    masked.connection.close()


def test_the_lints_know_the_note_and_it_can_be_switched_off(published: Warehouse, reader: Reader) -> None:
    assert run_lints(published.url) == []
    published.run("update staging.settings set value = 'off' where name = 'audit_personal_reads'")
    published.run("select access.refresh()")
    reader.ask(f"select phone from {PEOPLE}")
    assert reader.noted() == []
    assert run_lints(published.url) == []


def test_old_reads_go_after_the_days_of_the_setting(published: Warehouse, reader: Reader) -> None:
    reader.ask(f"select phone from {PEOPLE}")
    assert len(reader.noted()) == 1
    published.run("update staging.settings set value = '30' where name = 'personal_reads_days'")
    assert expire(published.url, datetime.now(UTC)) == 0
    published.run("update staging.settings set value = '-1' where name = 'personal_reads_days'")
    with pytest.raises(errors.InvalidParameterValue, match="personal_reads_days is -1 but counts days"):
        expire(published.url, datetime.now(UTC))
    published.run("update staging.settings set value = '30' where name = 'personal_reads_days'")
    published.run("update ops.personal_reads set read_at = read_at - interval '31 days'")
    assert expire(published.url, datetime.now(UTC)) == 1


def test_a_log_that_is_not_there_is_no_error(published: Warehouse, tmp_path: Path) -> None:
    assert collect(published.url, tmp_path / "none.log") == 0


def test_a_long_log_begins_anew_and_no_read_is_passed_over(
    published: Warehouse, reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read that is written after the lines were collected, and before the log begins anew, is found the next time."""
    log = tmp_path / "postgres.log"
    monkeypatch.setattr("warehouse.long_logs.LONGEST_LOG", 10)
    for query in (f"select phone from {PEOPLE}", f"select * from {LIST}"):
        reader.ask(query)
    first, *late = (f"2026-07-01 09:00:00 UTC [7] LOG:  {line}\n" for line in reader.heard)
    log.write_text(first)
    with log.open("ab", buffering=0) as server:

        def collected(url: str, path: Path) -> int:
            found = collect(url, path)
            server.write("".join(late).encode())
            return found

        monkeypatch.setattr("warehouse.personal_reads.collect", collected)
        assert collect_and_bound(published.url, log) == 1
        server.write(b"on\n")
    assert log.read_text() == "on\n"
    assert collect(published.url, log) == len(late) > 0
    monkeypatch.setattr("warehouse.personal_reads.collect", collect)
    monkeypatch.setattr("warehouse.long_logs.LONGEST_LOG", 10**6)
    assert collect_and_bound(published.url, log) == 0
    assert log.read_text() == "on\n", "it is short"


def test_the_note_costs_a_query_not_a_row(published: Warehouse, reader: Reader) -> None:
    plan = "\n".join(row[0] for row in reader.ask(f"explain (verbose, costs off) select phone from {PEOPLE}"))
    assert "InitPlan" in plan
