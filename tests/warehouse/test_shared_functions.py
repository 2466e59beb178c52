"""Formulas that reports and models share stand through a publication that makes all reports anew."""

from __future__ import annotations

import pytest

from tests.warehouse.small_warehouse import REPORT_FILE, Warehouse

# By name after the report that calls it, as touch_weight.sql is after attribution.sql.
SHARED = """-- report: *
create or replace function reports.weight(amount numeric) returns numeric language sql immutable return amount / 2;
"""
WEIGHED = """
create or replace view reports.administrator_conversion_weighed with (security_invoker = true) as
select rows.inquiry_key, rows.clinic_id, reports.weight(rows.amount) as weight
from reports.administrator_conversion_inquiries as rows;
"""
BUILD = "build.administrator_conversion_inquiries"


@pytest.fixture
def weighed(warehouse: Warehouse) -> Warehouse:
    """Published, with a view that calls the shared function; a step of the build calls it too."""
    warehouse.run(SHARED)  # as the migration does, before anything is built
    warehouse.run(f"create view build.int_weights as select reports.weight(amount) as weight from {BUILD}")
    warehouse.write_report(SHARED, "weight.sql")
    warehouse.write_report(REPORT_FILE + WEIGHED)
    warehouse.publish()
    return warehouse


def require_weights(weighed: Warehouse) -> None:
    """Both views answer."""
    (rows,) = weighed.run("select count(*), sum(weight) from reports.administrator_conversion_weighed")
    assert weighed.run("select count(*), sum(weight) from build.int_weights") == [rows]
    assert rows[0] == 12


def test_a_column_that_goes_leaves_shared_functions_where_they_are(weighed: Warehouse) -> None:
    weighed.run("alter table build.fct_inquiries drop column day")
    weighed.publish()
    require_weights(weighed)


def test_a_table_that_goes_leaves_shared_functions_where_they_are(weighed: Warehouse) -> None:
    del weighed.nodes["model.chairside.fct_inquiries"]
    assert weighed.publish().dropped_tables == ("marts.fct_inquiries",)
    require_weights(weighed)


def test_a_report_with_other_columns_leaves_shared_functions_where_they_are(weighed: Warehouse) -> None:
    wider = REPORT_FILE.replace("inquiries bigint)", "inquiries bigint, more bigint)").replace(
        "count(*)\n", "count(*), 1::bigint\n"
    )
    assert wider != REPORT_FILE
    weighed.write_report(wider + WEIGHED)
    weighed.publish()
    assert weighed.run("select sum(more) from reports.administrator_conversion()") == [(2,)]
    require_weights(weighed)


def test_a_shared_function_with_another_formula_reaches_who_calls_it(weighed: Warehouse) -> None:
    other = SHARED.replace("amount / 2", "amount / 4")
    weighed.run(other)
    weighed.write_report(other, "weight.sql")
    weighed.run("alter table build.fct_inquiries drop column day")
    weighed.publish()
    assert weighed.run("select reports.weight(8)::int") == [(2,)]
    require_weights(weighed)
