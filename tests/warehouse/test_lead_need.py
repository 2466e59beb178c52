"""How many clients a period is expected to lose, worked out by hand."""

from __future__ import annotations

import psycopg

from tests.city import City

COMING = "date '2027-01-01', date '2027-01-31'"


def test_thirds_that_make_whole_clients_ask_for_no_client_more(city: City) -> None:
    """Of three types two of three clients were lost, and one of each still runs: 3 x 2/3 are 2, and 3 x 0.67 were 3."""
    with psycopg.connect(city.url) as owner:
        owner.execute("delete from reports.lead_plan_subscriptions")
        owner.execute("delete from reports.lead_plan_dips")
        for item_type in ("boxing", "swimming", "yoga"):
            owner.execute(
                "insert into reports.lead_plan_subscriptions"
                " (day, clinic_id, item_type, subscriptions, renewed, running, may_renew, stays, lost, published_in)"
                " values ('2026-05-01', 'C1', %s, 3, 1, 0, 0, 0, 2, 0), ('2027-01-10', 'C1', %s, 1, 0, 1, 0, 0, 0, 0)",
                (item_type, item_type),
            )
        parts = owner.execute(f"select clients from reports.lead_plan_need({COMING})".encode()).fetchall()
        need = owner.execute(f"select sum(clients_needed) from reports.lead_plan({COMING})".encode()).fetchone()
        owner.rollback()
    assert [float(clients) for (clients,) in parts] == [0.67, 0.67, 0.67]
    assert need == (2,)
