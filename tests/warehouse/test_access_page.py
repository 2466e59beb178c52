"""The examples of docs/access.md run as they are written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from psycopg import errors

from tests.warehouse.small_warehouse import Warehouse

PAGE = Path(__file__).parents[2] / "docs" / "access.md"


def test_the_examples_of_the_page_do_what_it_says(published: Warehouse) -> None:
    anna, boris = published.role("anna"), published.role("boris")
    blocks = [
        block.replace("'anna'", f"'{anna}'").replace("'boris'", f"'{boris}'")
        for block in re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    ]
    give, add, change, take, look, refresh, reads = blocks

    published.run(give)
    published.run(add)
    with published.connect(anna) as own, published.connect(boris) as all_rows:
        seen = (
            "select distinct clinic_id, administrator_id from reports.administrator_conversion_inquiries order by 1, 2"
        )
        assert own.execute(seen).fetchall() == [("C1", "A1"), ("C2", "A1"), ("C3", "A1")]
        assert {row[0] for row in all_rows.execute(seen)} == {"C1", "C3"}
        published.run(change)
        assert {row[0] for row in own.execute(seen)} == {"C1"}
        assert own.execute("select count(phone) from reports.administrator_conversion_list").fetchone() == (4,)
        assert {row[0] for row in all_rows.execute(seen)} == {"C1", "C3"}
    published.run(take)
    published.run(look)
    published.run(refresh)
    published.run(reads)

    assert published.run("select database_role from access.effective_rights") == [(anna,)]
    assert published.run("select count(*) from pg_roles where rolname = %s", (boris,)) == [(0,)]
    with published.connect(anna) as own, pytest.raises(errors.InsufficientPrivilege):
        own.execute("select * from marts.fct_inquiries")
