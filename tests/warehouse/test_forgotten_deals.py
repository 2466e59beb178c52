"""A forgotten person's deals in published tables and their past: rows of a deal name the deal, not the person."""

from __future__ import annotations

import psycopg

from tests.warehouse.small_warehouse import Warehouse
from warehouse.forget_find import Found
from warehouse.forget_rows import clean_cells, tables
from warehouse.forget_text import Replacer

ROW = "D1', 'C1', 'Crown for the florist', 'Vanya', 'lives above the chemist', array['deal-1.mp3']"


def test_words_of_a_deal_go_with_its_person_from_every_table_that_has_them(warehouse: Warehouse) -> None:
    """Nothing in these words is a phone, an e-mail or the name on the card: they are found by the deal."""
    places = ("history.deal_journal_personal", "reports.deal_journal_personal", "build.int_deals")
    for place in places:
        warehouse.run(
            f"create table {place} (deal_id text, clinic_id text, name text, client_name text, first_request text,"
            f" recordings text[]); insert into {place} values ('{ROW}), ('{ROW.replace('D1', 'D2')})"
        )
    warehouse.run("create table reports.deal_journal_stages (deal_id text, stage text)")
    warehouse.run("insert into reports.deal_journal_stages values ('D1', 'talks')")
    replacer = Replacer(Found(keys={"patient:P1"}, deals={"D1"}), {("phone", "+79998887766"): "+999"})
    with psycopg.connect(warehouse.url) as connection:
        changed = {str(table): clean_cells(connection, table, replacer) for table in tables(connection)}

    assert {table: rows for table, rows in changed.items() if rows} == dict.fromkeys(places, 1)
    for place in places:
        rows = warehouse.run(f"select * from {place} order by deal_id")
        assert rows[0] == ("D1", "C1", None, None, None, None)
        assert rows[1][2:5] == ("Crown for the florist", "Vanya", "lives above the chemist")
