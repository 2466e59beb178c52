"""A clinic without a CRM: a deal entered from SQL is in the journal after the next load, and moves there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from extractors.sources.files.load import load_inbox
from tests.e2e.comparing import MOMENT
from warehouse.build import build
from warehouse.migrate import migrate
from warehouse.publish import publish

JUNE = Path(__file__).resolve().parents[1] / "cases" / "june"
JOURNAL = """
select
    name, created_via, stage, stage_kind, amount, manager_id, client_name, channel, source, sessions_before_contact,
    tags
from reports.deal_journal where deal_id like 'manual:%' order by name
"""


def ask(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def test_a_deal_entered_by_hand_reaches_the_journal_after_a_build_of_everything_and_of_a_day(
    fresh_database: str, tmp_path: Path
) -> None:
    migrate(fresh_database)
    assert load_inbox(fresh_database, JUNE, run_id="june", now=MOMENT).rows_rejected == 0
    entered = ask(
        fresh_database,
        """
        select
            deals.add('A: no client', 100, created_at => '2026-06-20 12:00+03'),
            deals.add('B: a phone that nobody else has', 200, clinic_id => 'C1', client_name => 'Client',
                phone => '+79000009900', created_at => '2026-06-20 12:00+03', tags => '{hot}'),
            deals.add('C: patient one', 300, clinic_id => 'C1', manager_id => 'M1', phone => '+79000000001',
                utm_source => 'vk', utm_medium => 'cpc', created_at => '2026-06-20 12:00+03')
        """,
    )[0]
    published(fresh_database, tmp_path, everything=True, later=timedelta(0))
    first = [("new", "open"), (None, "unknown", "unknown"), (0, ["hot"])]
    assert ask(fresh_database, JOURNAL) == [
        ("A: no client", "manual", *first[0], 100, None, None, *first[1][1:], None, None),
        ("B: a phone that nobody else has", "manual", *first[0], 200, None, "Client", *first[1][1:], *first[2]),
        ("C: patient one", "manual", *first[0], 300, "M1", None, "paid_social", "vk", 3, None),
    ], "nobody known is null sessions, somebody without a contact is none (RULES 12.16)"

    ask(fresh_database, f"select deals.move('{entered[1]}', 'paid', 'won', amount => 250)")
    published(fresh_database, tmp_path, everything=False, later=timedelta(hours=1))
    assert ask(fresh_database, JOURNAL)[1][1:5] == ("manual", "paid", "won", 250)
    assert len(ask(fresh_database, "select 1 from reports.deal_journal")) == 6 + 3


def published(url: str, folder: Path, *, everything: bool, later: timedelta) -> None:
    moment = MOMENT + later
    build(
        url, run_id="hand", as_of=moment, work_folder=folder / "dbt", say=lambda _text: None, everything=everything
    )  # fmt: skip
    publish(url, folder / "dbt" / "manifest.json", run_id=f"hand {later}", now=moment)
