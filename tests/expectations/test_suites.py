"""Suites as data: what every rule must say, and that each can be asked of the tables as they are declared."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime

from expectations.ask import ask
from expectations.gate import count_rows
from expectations.rule import Rule
from expectations.suites import LANDED, MARTS
from warehouse.migrate import migrate

NOW = datetime(2026, 7, 1, 9, tzinfo=UTC)
RULES: list[Rule] = [rule for suites in (LANDED, MARTS) for suite in suites.values() for rule in suite]
PERSONAL = {"phone", "phone_e164", "email", "emails", "phones", "full_name", "client_name", "name", "address", "note"}


def test_every_rule_says_why_it_exists_what_to_do_and_who_can() -> None:
    for rule in RULES:
        assert rule.reason.endswith("."), rule.name
        assert rule.what_to_do.endswith("."), rule.name
        assert rule.owner
        assert rule.keys


def test_a_rule_is_named_once_per_table() -> None:
    assert [name for name, count in Counter((rule.table, rule.name) for rule in RULES).items() if count > 1] == []


def test_no_rule_shows_personal_columns() -> None:
    assert [(rule.table, rule.name) for rule in RULES if PERSONAL & set(rule.keys)] == []


def test_naming_the_gates_does_not_import_great_expectations() -> None:
    code = "import expectations.gate, sys; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_rule_can_be_asked_of_the_landed_tables_as_declared(fresh_database: str) -> None:
    migrate(fresh_database)
    rules = [rule for suite in LANDED.values() for rule in suite]
    rows = count_rows(fresh_database, rules)
    asked = [rule for rule in rules if rule.table in rows and all(need in rows for need in rule.needs)]

    verdicts = ask(fresh_database, asked, frozenset(rows), lambda: rows, now=NOW)

    assert [f"{each.rule.table}/{each.rule.name}: {each.message}" for each in verdicts if each.message] == []
    assert {rule.table for rule in asked} >= {"staging.files__contacts", "staging.calltouch__calls"}
