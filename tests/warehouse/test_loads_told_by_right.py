"""What ops.record_loads answers to a login, which may ask it for any id: loads of rows that some right of his shows."""

from __future__ import annotations

import pytest

from tests.warehouse.small_warehouse import REPORT_FILE, Warehouse

TRACE = """
create function reports.administrator_conversion_trace(cell jsonb) returns text
language sql stable as $$ select 'nothing' $$;
"""
ASKED = "select record_id from ops.record_loads('{appointment,appointment,session,lead}', '{V1,V2,S1,L2}') order by 1"


@pytest.fixture
def landed(warehouse: Warehouse) -> Warehouse:
    """A visit of each of two clinics, a session of the network, a lead of a deal of the second clinic."""
    warehouse.write_report(REPORT_FILE + TRACE)
    warehouse.publish()
    warehouse.run(
        "insert into staging.files__appointments (appointment_id, patient_id, clinic_id, status, _run_id, _loaded_at)"
        " values ('V1', 'P1', 'C1', 'planned', 'run', now()), ('V2', 'P2', 'C2', 'planned', 'run', now());"
        " insert into staging.files__sessions (session_id, client_id, started_at, _run_id, _loaded_at)"
        " values ('S1', 'K1', now(), 'run', now());"
        " insert into staging.files__deal_leads (lead_id, deal_id, _run_id, _loaded_at)"
        " values ('L2', 'D2', 'run', now())"
    )
    return warehouse


def test_loads_are_told_of_rows_that_a_right_shows(landed: Warehouse) -> None:
    role = landed.add("anna", employee_id="A1")
    for rights, told in (
        ((("administrator_conversion", None, False),), ["L2", "S1", "V1", "V2"]),
        # what belongs to no clinic is hidden from who sees one clinic, so it is not told either
        ((("administrator_conversion", "{C1}", False),), ["V1"]),
        # a right that shows no clinic's rows opens no clinic
        (
            (("administrator_conversion", "{C1}", False), ("freshness", None, False), ("deal_entry", None, False)),
            ["V1"],
        ),
        ((("administrator_conversion", None, True), ("freshness", None, False)), []),
    ):  # fmt: skip
        for right in rights:
            landed.run("select access.allow('desk', %s, %s, %s)", right)
        with landed.connect(role) as anna:
            assert [row[0] for row in anna.execute(ASKED.encode())] == told, rights
        landed.run("select access.clear('desk', report) from access.known_reports")
