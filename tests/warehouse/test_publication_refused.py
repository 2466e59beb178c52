"""Only a whole build that no gate refused is published; a refused one can be looked at, released or discarded."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from extractors.core.errors import ConfigError, GuardError
from tests.warehouse.small_warehouse import NOW, REPORT_FILE, Warehouse
from warehouse.publish_gate import RefusedFigure, counted_build, decide, passed, refusals, refused

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how_to" / "when_a_gate_refuses.md"
BUILD = "build.administrator_conversion_inquiries"
DAILY = """
create or replace view reports.administrator_conversion_daily with (security_invoker = true) as
select rows.clinic_id, count(*) as inquiries, sum(rows.amount) as amount
from reports.administrator_conversion_inquiries as rows group by rows.clinic_id;
"""


@pytest.fixture
def shop(warehouse: Warehouse) -> Warehouse:
    """Published once, by a build that was counted and whole; the next has lost a row, changed one and got one."""
    warehouse.write_report(REPORT_FILE + DAILY)
    with counted_build(warehouse.url, "run"):
        pass
    warehouse.publish()
    with counted_build(warehouse.url, "run"):
        warehouse.run(
            f"delete from {BUILD} where inquiry_key = 'q1'; update {BUILD} set amount = 20 where inquiry_key = 'q2';"
            f"insert into {BUILD} values ('q13', 'C1', 'A1', 5), ('q14', 'C1', 'A1', 5)"
        )
    return warehouse


def refuse(shop: Warehouse) -> int:
    number = refused(shop.url, run_id="run", now=NOW, message="1 breach")
    assert number is not None
    return number


def amounts(shop: Warehouse) -> list[tuple[object, ...]]:
    return shop.run("select count(*), sum(amount) from reports.administrator_conversion_inquiries")


def test_a_half_rebuilt_warehouse_is_not_published(shop: Warehouse) -> None:
    before = amounts(shop)

    with pytest.raises(ZeroDivisionError), counted_build(shop.url, "another"):
        raise ZeroDivisionError
    with pytest.raises(GuardError, match="run another is broken, so its tables are of two builds"):
        shop.publish()
    # Killed while it built: nobody could say that it failed.
    shop.run("select ops.begin_build('killed', now())")
    with pytest.raises(GuardError, match="run killed is running"):
        shop.publish()
    assert amounts(shop) == before

    with counted_build(shop.url, "run"):
        pass
    assert shop.publish().rows_inserted == 3


def test_a_build_that_a_crash_emptied_is_not_published(shop: Warehouse) -> None:
    """Recovery empties unlogged tables, among them the one that says of what the rows of `build` are."""
    before = amounts(shop)
    with counted_build(shop.url, "run"):
        shop.run(f"create unlogged table build.family_state (as_of timestamptz); truncate {BUILD}")

    with pytest.raises(GuardError, match="PostgreSQL stopped hard after the last build"):
        shop.publish()

    assert amounts(shop) == before


def test_what_another_run_built_is_published_only_after_its_gate(shop: Warehouse) -> None:
    with counted_build(shop.url, "another"):
        pass
    with pytest.raises(GuardError, match="run another built last and its gate has not answered"):
        shop.publish()
    passed(shop.url)
    assert shop.publish().rows_inserted == 3


def test_a_refused_publication_shows_what_it_would_change(shop: Warehouse) -> None:
    number = refuse(shop)

    (waiting,) = refusals(shop.url)
    assert waiting.refused_id == number
    assert waiting.tables == (
        {"table": "reports.administrator_conversion_inquiries", "new": 2, "gone": 1, "changed": 1},
    )
    assert waiting.figures == (
        RefusedFigure(report="administrator_conversion", figure="amount", published=Decimal(78), refused=Decimal(105)),
        RefusedFigure(
            report="administrator_conversion", figure="inquiries", published=Decimal(12), refused=Decimal(13)
        ),
    )
    said = "\n".join(waiting.lines())
    assert "reports.administrator_conversion_inquiries: 2 new, 1 gone, 1 changed" in said
    assert "administrator_conversion.amount: 78 → 105" in said
    rows = shop.run(
        "select change, row_key ->> 'inquiry_key', published ->> 'amount', built ->> 'amount'"
        " from ops.pending_rows('reports.administrator_conversion_inquiries') order by 2"
    )
    assert rows == [
        ("gone", "q1", "1.00", None), ("new", "q13", None, "5.00"), ("new", "q14", None, "5.00"),
        ("changed", "q2", "2.00", "20.00"),
    ]  # fmt: skip


def test_what_cannot_be_compared_is_refused_all_the_same(shop: Warehouse) -> None:
    """Citus does not join a table of the coordinator with a spread one in every way."""
    shop.run(
        "create or replace function ops.pending_rows(table_name text)"
        " returns table (change text, row_key jsonb, published jsonb, built jsonb) language plpgsql stable as"
        " $$ begin raise exception 'complex joins are only supported …' using errcode = 'feature_not_supported'; end $$"
    )
    refuse(shop)
    (waiting,) = refusals(shop.url)
    unknown = {"new": None, "gone": None, "changed": None}
    assert {table["table"]: table for table in waiting.tables}["marts.fct_inquiries"] == {
        "table": "marts.fct_inquiries", **unknown,
    }  # fmt: skip
    assert len(waiting.figures) == 2
    with pytest.raises(GuardError, match="the gate refused the build of run run"):
        shop.publish()


def test_a_refused_publication_waits_until_somebody_releases_it(shop: Warehouse) -> None:
    before = amounts(shop)
    number = refuse(shop)
    with pytest.raises(GuardError, match="the gate refused the build of run run"):
        shop.publish()
    assert amounts(shop) == before
    with pytest.raises(ConfigError, match="needs a name and a reason"):
        decide(shop.url, number, who="Ann", why=" ", release=True)

    decide(shop.url, number, who="Ann", why="the price list did change", release=True)
    shop.publish()

    assert amounts(shop) == [(13, Decimal(105))]
    assert refusals(shop.url) == []
    assert shop.run("select status, decided_by, why, decided_at is not null from ops.refused_publications") == [
        ("released", "Ann", "the price list did change", True)
    ]
    # A release whose publication failed is asked for again.
    decide(shop.url, number, who="Ann", why="again", release=True)


def test_a_discarded_publication_is_never_published_and_the_next_build_is(shop: Warehouse) -> None:
    number = refuse(shop)
    decide(shop.url, number, who="Ann", why="a vendor's fault", release=False)
    with pytest.raises(GuardError, match="was discarded"):
        shop.publish()
    with pytest.raises(ConfigError, match="is discarded"):
        decide(shop.url, number, who="Ann", why="or not", release=True)

    with counted_build(shop.url, "run"):
        pass
    assert shop.publish().rows_inserted == 3


def test_what_was_built_over_cannot_be_released(shop: Warehouse) -> None:
    number = refuse(shop)
    with counted_build(shop.url, "run"):
        pass
    with pytest.raises(ConfigError, match=r"is superseded.*load again"):
        decide(shop.url, number, who="Ann", why="late", release=True)
    with pytest.raises(ConfigError, match="does not exist"):
        decide(shop.url, 99, who="Ann", why="late", release=True)


def test_a_refusal_whose_tables_have_another_shape_is_still_written_down(shop: Warehouse) -> None:
    shop.run(f"alter table {BUILD} drop column amount; drop table build.fct_inquiries")
    refuse(shop)

    (waiting,) = refusals(shop.url)
    assert {"table": "marts.fct_inquiries", "new": None, "gone": None, "changed": None} in waiting.tables
    assert {each.refused for each in waiting.figures} == {None}


def test_the_queries_and_commands_of_the_page_work(shop: Warehouse) -> None:
    number = refuse(shop)
    page = PAGE.read_text(encoding="utf-8")
    queries = [query for block in re.findall(r"```sql\n(.*?)```", page, re.DOTALL) for query in block.split(";\n")]
    asked = [query for query in queries if query.strip()]
    assert len(asked) >= 4
    for query in asked:
        shop.run(query.replace("'…'", "'run'").replace("<number>", str(number)))
    assert shop.run("select status from ops.refused_publications") == [("released",)]
    assert 'make release WHY="' in page


def test_the_commands_look_and_discard(shop: Warehouse, tmp_path: Path) -> None:
    refuse(shop)

    def make(*arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "CHAIRSIDE_HOME": str(tmp_path / "home"), "WAREHOUSE_URL": shop.url}
        return subprocess.run(
            [sys.executable, "-m", "runtime", *arguments],
            cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    said = make("refused").stdout
    assert "administrator_conversion.amount: 78 → 105" in said
    assert make("discard").returncode != 0, "a reason is needed"
    (line,) = re.findall(r'make discard WHY="(.*)"', PAGE.read_text(encoding="utf-8"))
    assert make("discard", "--why", line).returncode == 0
    assert shop.run("select status, why, decided_by <> '' from ops.refused_publications") == [("discarded", line, True)]
    assert "No refused publication waits" in make("refused").stdout
    late = make("release", "--why", "it was right")
    assert late.returncode == 1
    assert "No refused publication waits" in late.stderr
