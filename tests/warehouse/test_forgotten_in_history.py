"""What forgetting finds in published tables and their past where a row does not name the person as the last build."""

from __future__ import annotations

from typing import cast

import psycopg
import pytest

from extractors.core.errors import ConfigError
from extractors.core.forgotten import Role, cleaned
from tests.warehouse.small_warehouse import NOW, Warehouse
from warehouse import forget_find
from warehouse.forget import clean_tables, remember
from warehouse.forget_find import Found, collect_derived, find_person
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


def test_words_of_a_deal_known_by_its_lead_stay_away_when_its_file_comes_again(warehouse: Warehouse) -> None:
    """The deals' own rows name nobody, so a load knows them by their numbers only."""
    columns = ["deal_id", "name", "stage_kind", "first_request"]
    rows = [("D1", "Crown for the florist", "open", "lives above the chemist"), ("D2", "Crown", "open", None)]
    found = Found(keys={"patient:P1"}, identifiers={("phone", "+79998887766")}, deals={"D1", "bitrix24:7"})
    with psycopg.connect(warehouse.url) as connection:
        with connection.cursor() as cursor:
            query = f"insert into staging.files__deals ({', '.join(columns)}) values (%s, %s, %s, %s)"
            cursor.executemany(query.encode(), rows)
        connection.execute("insert into staging.bitrix24__deals (deal_id, title) values ('7', 'Crown'), ('8', 'Crown')")
        number, replacements = remember(connection, found, now=NOW, reason="asked")
        clean_tables(connection, number, Replacer(found, replacements), NOW)
        again = [row for batch in cleaned(connection, "files__deals", columns, [list(rows)]) for row in batch]
        vendor = connection.execute("select deal_id, title from staging.bitrix24__deals order by 1").fetchall()

    assert again == [("D1", None, "open", None), ("D2", "Crown", "open", None)]
    assert vendor == [("7", None), ("8", "Crown")]


def test_somebody_without_a_name_a_phone_or_an_email_goes_too(warehouse: Warehouse) -> None:
    """Nothing but the number of his card names him; tables of words without keys hold nothing of him."""
    warehouse.run("create table build.channel_groupings (source_pattern text, channel text)")
    warehouse.run("create table build.fct_contacts (contact_id text, person_key text, note text)")
    warehouse.run("insert into build.fct_contacts values ('E1', 'patient:P1', 'asked for the price')")
    replacer = Replacer(Found(keys={"patient:P1"}), {("patient", "P1"): "forgotten-1"})
    with psycopg.connect(warehouse.url) as connection:
        changed = {str(table): clean_cells(connection, table, replacer) for table in tables(connection)}

    assert {table: rows for table, rows in changed.items() if rows} == {"build.fct_contacts": 1}
    assert warehouse.run("select * from build.fct_contacts") == [("E1", "patient:forgotten-1", None)]


BUILT = """
create table build.int_patient_cards (
    patient_id text, person_patient_id text, full_name text, phones_e164 text[], emails text[], birth_date date
);
create table build.int_contact_persons (contact_id text, person_key text);
create table build.int_record_persons (record_kind text, record_id text, person_key text);
create table build.int_appointments (person_key text);
create table build.client_path_steps (person_key text);
create table build.int_deals (deal_id text, person_key text, client_name text);
create table build.int_identifier_uses (record_kind text, record_id text, identifier text);
create table build.int_identifier_owners (identifier text, person_patient_id text);
create table build.int_identifiers (identifier text, listed_person_key text);
create table build.int_contacts_unioned (contact_id text, recording_url text, click_id text);
create table build.int_sessions_unioned (session_id text, click_id text);
insert into build.client_path_steps values ('patient:P9'), ('patient:P1')
"""


def test_a_patient_whose_card_nobody_landed_is_known_by_his_steps(warehouse: Warehouse) -> None:
    for statement in BUILT.split(";"):
        warehouse.run(statement)
    with psycopg.connect(warehouse.url) as connection:
        found = find_person(connection, "patient:P9")
        with pytest.raises(ConfigError, match="Nobody here"):
            find_person(connection, "patient:P8")
    assert (found.keys, found.identifiers) == ({"patient:P9"}, {("patient", "P9")})


def test_a_record_behind_which_nobody_is_known_is_refused(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its words would come back with the next load, which could not tell whose they are."""
    warehouse.run("create table build.int_record_persons (person_key text)")
    monkeypatch.setattr(forget_find, "keys_of", lambda *_: {"contact:E1"})
    monkeypatch.setattr(forget_find, "collect", lambda *_: None)
    with psycopg.connect(warehouse.url) as connection, pytest.raises(ConfigError, match="Nobody is known behind this"):
        find_person(connection, "contact:E1")


def test_a_conversion_keeps_the_name_that_it_has_of_its_payment(warehouse: Warehouse) -> None:
    """It tells nothing of the person, and the next build finds by it the row that it has to replace."""
    warehouse.run("create table build.int_conversions (conversion_key text, touch_key text, person_key text)")
    warehouse.run("insert into build.int_conversions values ('payment:M1', 'of the person', 'patient:P1')")
    found = Found(keys={"patient:P1"})
    with psycopg.connect(warehouse.url) as connection:
        collect_derived(connection, found)
    assert found.derived == {"of the person"}


@pytest.mark.parametrize("known_by", ["client:c-101", "phone:+79998887766"])
def test_what_was_said_before_the_person_was_known_goes_from_history(warehouse: Warehouse, known_by: str) -> None:
    """A visitor of the site calls; later he is a patient. The past has him under the key of his visit or phone."""
    warehouse.run(
        "create table history.inquiry_history_contacts (contact_person_key text, person_key text);"
        " create table history.inquiry_history_personal (contact_person_key text, note text);"
        f" insert into history.inquiry_history_contacts values ('k1', ops.opaque_key('anonymous', '{known_by}')),"
        " ('k2', ops.opaque_key('anonymous', 'phone:+79990000000'));"
        " insert into history.inquiry_history_personal values ('k1', 'afraid of needles'), ('k2', 'asks for the price')"
    )
    role, _, value = known_by.partition(":")
    found = Found(keys={"patient:P1"}, identifiers={(cast("Role", role), value)})
    with psycopg.connect(warehouse.url) as connection:
        collect_derived(connection, found)
        replacer = Replacer(found, {("phone", "+79998887766"): "+999"})
        for table in tables(connection):
            clean_cells(connection, table, replacer)

    assert warehouse.run("select note from history.inquiry_history_personal order by note") == [
        ("asks for the price",), (None,),
    ]  # fmt: skip
    assert warehouse.run(
        "select count(*) from history.inquiry_history_contacts where person_key = ops.opaque_key('anonymous', %s)",
        (known_by,),
    ) == [(0,)]  # fmt: skip


def test_a_table_on_nodes_of_citus_says_the_same_and_no_row_is_found_by_its_place(
    warehouse: Warehouse,
) -> None:
    """A place is one in each of many shards there, and no update may change the column that rows are spread by."""
    rows = (
        "('patient:P1', 'C1', 1, '[\"patient:P1\"]', '{\"name\": \"Vanya\"}'), ('patient:P1', 'C1', 2, null, null),"
        " ('patient:P1', 'C1', 3, null, null), ('patient:P2', 'C1', 4, '[\"patient:P2\"]', '{}'),"
        " ('patient:P2', 'C2', 5, null, '{\"note\": \"call +7 999 888-77-66\"}')"
    )
    by = {"marts.by_person": "person_key", "marts.by_clinic": "clinic_id", "marts.everywhere": None}
    for place in (*by, "marts.at_home"):
        warehouse.run(
            f"create table {place} (person_key text, clinic_id text, n int, people jsonb, said json);"
            f" insert into {place} values {rows}"
        )
    replacer = Replacer(Found(keys={"patient:P1"}), {("phone", "+79998887766"): "+999", ("name", "Vanya"): "forgotten"})
    with psycopg.connect(warehouse.url) as connection:
        changed = {str(each): clean_cells(connection, each, replacer, by) for each in tables(connection)}

    read = "select person_key, clinic_id, n, people, said::text from {} order by n"
    at_home = warehouse.run(read.format("marts.at_home"))
    assert [row[0] == "patient:P2" for row in at_home] == [False, False, False, True, True]
    assert len({row[0] for row in at_home[:3]}) == 1
    assert "Vanya" not in str(at_home) and "888" not in str(at_home)
    assert {changed[place] for place in (*by, "marts.at_home")} == {4}
    for place in by:
        assert warehouse.run(read.format(place)) == at_home, place
