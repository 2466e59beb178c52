"""What a BI server keeps an answer under changes with rights, publications and who is forgotten, with nothing else."""

from __future__ import annotations

import pytest

from tests.warehouse.small_warehouse import Warehouse

FORGOTTEN = """
    with person as (
        insert into ops.forgotten_people (forgotten_at, reason, categories, phone, email)
        values (now(), 'asked', '{}', '+99900000000', 'x@forgotten.invalid') returning person_number
    )
    insert into ops.forget_log (person_number, happened_at, place, method, items)
    select person_number, now(), 'reports.inquiry_history_contacts', 'deleted', 1 from person
"""
PUBLISHED = """
    insert into ops.publications (run_id, published_at, rows_inserted, rows_deleted, tables)
    values ('again', now(), 0, 0, '{}')
"""


@pytest.mark.parametrize(
    ("change", "is_new"),
    [
        (FORGOTTEN, True),
        (PUBLISHED, True),
        ("select access.allow('desk', 'administrator_conversion', own_rows_only => true)", True),
        ("select access.allow('others', 'administrator_conversion')", False),
        ("select 1", False),
    ],
)
def test_the_mark_of_a_viewer(published: Warehouse, change: str, is_new: bool) -> None:
    role = published.add("anna")

    def mark() -> object:
        return published.run("select rights_version from bridge.viewer(%s)", (role,))

    before = mark()
    published.run(change)
    assert (mark() != before) == is_new
