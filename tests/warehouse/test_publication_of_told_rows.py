"""After builds of a day a publication compares the rows that were told, and no others."""

from __future__ import annotations

import pytest

from extractors.core.errors import GuardError
from tests.warehouse.small_warehouse import Warehouse
from tests.warehouse.test_publication import BUILD, TABLE, places


@pytest.fixture
def told_by_row(warehouse: Warehouse) -> Warehouse:
    """Inquiries that a build of a day keeps by administrator: published once, compared by what is told from then on."""
    node = warehouse.node("administrator_conversion_inquiries")
    node["config"]["meta"]["increment"] = {"delete": ["administrator_id"], "of": "person"}
    warehouse.expect_days()
    warehouse.publish()
    return warehouse


def test_of_a_persons_rows_only_those_that_were_told_are_compared(told_by_row: Warehouse) -> None:
    told_by_row.run(
        f"delete from {BUILD} where inquiry_key in ('q1', 'q3');"
        f" update {BUILD} set amount = 70 where inquiry_key in ('q5', 'q7');"
        f" update {BUILD} set administrator_id = 'A2' where inquiry_key = 'q2';"
        f" insert into {BUILD} values ('q99', 'C1', 'A2', 1), ('q98', 'C1', 'A2', 1);"
        " insert into build.family_unpublished select 'administrator_conversion_inquiries', key, row_key from (values"
        " ('A2', 'q1'), ('A2', 'q5'), ('A2', 'q99'), ('A1', 'q2'), ('A2', 'q2')) as told (key, row_key)"
    )
    before = places(told_by_row)
    summary = told_by_row.publish()
    rows = dict(told_by_row.run(f"select inquiry_key, concat_ws(' ', administrator_id, amount) from {TABLE}"))

    assert (summary.rows_deleted, summary.rows_inserted) == (3, 3)
    assert rows["q99"] == "A2 1.00"
    assert "q1" not in rows
    assert "q98" not in rows
    assert (rows["q2"], rows["q5"]) == ("A2 2.00", "A2 70.00")
    # nobody told of these, so they stand, though they are of the same people
    untouched = rows.keys() - {"q2", "q5", "q99"}
    assert {"q3", "q7"} < untouched
    assert {key: places(told_by_row)[key] for key in untouched} == {key: before[key] for key in untouched}


def test_a_double_key_stops_a_publication_of_told_rows(told_by_row: Warehouse) -> None:
    told_by_row.run(
        f"insert into {BUILD} select * from {BUILD} where inquiry_key = 'q5';"
        " insert into build.family_unpublished values ('administrator_conversion_inquiries', 'A2', 'q5')"
    )
    with pytest.raises(GuardError, match="same key"):
        told_by_row.publish()


@pytest.mark.parametrize("lost", ["a new row names nobody", "a row that others name is gone"])
def test_a_foreign_key_that_touched_rows_break_is_left_out_too(warehouse: Warehouse, lost: str) -> None:
    """After a publication only rows of touched families are looked at: of the table itself, and of the one it names."""
    for name in ("administrator_conversion_inquiries", "administrator_conversion_people"):
        warehouse.node(name)["config"]["meta"]["increment"] = {"delete": ["inquiry_key"], "of": "inquiry"}
    warehouse.expect_days()
    warehouse.publish()
    keys = "select count(*) from pg_constraint where contype = 'f' and connamespace = 'reports'::regnamespace"
    # nobody told of these rows: they are not looked at, and so not published
    warehouse.run("delete from build.administrator_conversion_inquiries where inquiry_key = 'q6'")
    assert warehouse.publish().rows_deleted == 0
    assert warehouse.run(keys) == [(1,)]

    if lost == "a new row names nobody":
        warehouse.run("insert into build.administrator_conversion_people values ('q99', 'C1', null)")
        told = "('administrator_conversion_people', 'q99')"
    else:
        warehouse.run("delete from build.administrator_conversion_inquiries where inquiry_key = 'q5'")
        told = "('administrator_conversion_inquiries', 'q5')"
    warehouse.run(f"insert into build.family_unpublished values {told}")
    summary = warehouse.publish()

    assert summary.rows_inserted + summary.rows_deleted == 1
    assert any("dropped" in note for note in summary.notes)
    assert warehouse.run(keys) == [(0,)]
