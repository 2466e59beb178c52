"""A row policy costs no plan: an employee's query is planned like the same one with the condition written by hand."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from benchmarks.access import TABLE, asked, settle
from benchmarks.plans import plan, same_plan
from tests.warehouse.small_warehouse import Warehouse

ROWS = 60_000


@pytest.fixture
def prefix(warehouse: Warehouse, tmp_path: Path) -> Iterator[str]:
    name = f"{warehouse.prefix}_{uuid.uuid4().hex[:4]}"
    warehouse.run("drop table build.administrator_conversion_inquiries")
    work = tmp_path / "bench"
    work.mkdir()
    settle(warehouse.url, work, ROWS, name)
    yield name


def test_dashboard_queries_are_planned_as_if_the_condition_stood_in_them(warehouse: Warehouse, prefix: str) -> None:
    differing, nodes = [], set()
    with psycopg.connect(warehouse.url, autocommit=True) as owner:
        for name, role, own, by_hand in asked(prefix):
            mine, theirs = plan(owner, role, own), plan(owner, None, by_hand)
            nodes |= set(names(mine))
            if mine != theirs:
                differing.append((name, mine, theirs))
    assert differing == []
    # Plans of more than one kind were compared.
    assert {"Aggregate", "Bitmap Index Scan", "Index Scan", "Seq Scan"} <= nodes

    # The one exception, and proof that a difference is seen: below a policy a condition uses no index whose operators
    # are not leakproof. So no published table has one on a numeric column (tests/e2e/test_june.py).
    with psycopg.connect(warehouse.url, autocommit=True) as owner:
        owner.execute(f"create index on reports.{TABLE} (amount)".encode())
        for column, is_alike in (("amount_kopecks", True), ("amount", False)):
            query = f"select 1 from reports.{TABLE} where {column} > 99000 {{}} order by {column} desc limit 20"
            by_hand = query.format("and clinic_id = 'C7'")
            assert same_plan(owner, f"{prefix}_0", query.format(""), by_hand) == is_alike


def names(node: dict[str, object]) -> Iterator[str]:
    yield str(node["Node Type"])
    below = node.get("Plans", [])
    assert isinstance(below, list)
    for one in below:
        yield from names(one)
