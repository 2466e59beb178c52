"""mapping.yml: somebody's own files load without code, and a wrong mapping says where it is wrong."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from extractors.core.errors import ConfigError
from extractors.kinds import KINDS, Kind
from extractors.sources.files.aliases import header_aliases, value_aliases
from tests.files.desk import Desk, shared_folder

PROJECT = Path(__file__).parents[2]


def test_the_worked_example_of_the_how_to_loads_as_it_says(desk: Desk) -> None:
    page = (PROJECT / "docs/how_to/add_a_clinics_files.md").read_text(encoding="utf-8")
    for name, content in re.findall(r"<!-- example: (\S+) -->\n```\w*\n(.*?)```", page, re.DOTALL):
        desk.put(name, content)
    desk.put("notes.csv", "anything\n")
    summary = desk.load()
    assert (summary.ok, summary.skipped, summary.rows_rejected) == (True, (), 1)
    assert desk.rows(
        "select contact_id, occurred_at, direction, phone_e164, outcome, talk_seconds, called_address_e164"
        " from staging.files__contacts order by 1"
    ) == [
        ("1001", datetime(2026, 6, 1, 6, 0, tzinfo=UTC), "inbound", "+79000000001", "booked", 95, "+74951110000"),
        ("1002", datetime(2026, 6, 1, 15, 30, tzinfo=UTC), "outbound", "+79000000002", "missed", 0, None),
    ]
    assert desk.rows("select source, amount, includes_vat, note from staging.files__ad_spend order by 1") == [
        ("banner", Decimal(20000), None, None), ("radio", Decimal(12000), True, "line 2"),
    ]  # fmt: skip
    [(file, number, column, reason)] = desk.rejected()
    assert (file, number, column) == ("calls_june.csv", 4, "occurred_at")
    assert "%m/%d/%Y" in reason
    assert desk.load().rows_written == 0


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ("files: [{kind: contacts}]", "say `file:`"),
        ("files: [{file: data/../../a.csv, kind: contacts, columns: {}}]", "say `file:`"),
        ("files: [{file: a.csv, kind: calls, columns: {}}]", "no kind 'calls'"),
        ("files: [{file: a.csv, kind: clinics, columns: {clinic: A}}]", "no column 'clinic'"),
        ("files: [{file: a.csv, kind: clinics, columns: {clinic_id: A}}]", "time_zone must be filled"),
        ("files: [{file: a.csv, kinds: clinics}]", "'kinds' is not known here"),
        ("files: [{file: a.csv, kind: clinics, columns: {clinic_id: {colum: A}}}]", "'colum' is not known here"),
        ("files: [{file: a.csv, kind: clinics, columns: {clinic_id: {default: A}}}]", "exactly one of"),
        ("files: {file: a.csv}", "a list is expected"),
        ("settings: {reporting_currency: rubles}", "settings.reporting_currency"),
        ("settings: {default_time_zone: Moscow}", "settings.default_time_zone"),
        ("settings: {currency: RUB}", "'currency' is not known here"),
        ("rows: {clinics: [{id: C1}]}", "'id' is not known here"),
        ("files: [", "cannot be read"),
        ("- a\n- b", "names with values"),
    ],
)
def test_a_wrong_mapping_says_where_it_is_wrong_and_nothing_is_loaded(
    open_desk: Desk, mapping: str, message: str
) -> None:
    open_desk.put("mapping.yml", mapping)
    with pytest.raises(ConfigError, match=re.escape(message)) as error:
        open_desk.load()
    assert "mapping.yml" in str(error.value)
    assert open_desk.rows("select count(*) from staging.files__clinics") == [(0,)]


def test_a_header_that_the_mapping_names_and_the_file_lacks_is_an_error_of_that_file(open_desk: Desk) -> None:
    open_desk.put("staff.csv", "Name\nAnna\n")
    open_desk.put("mapping.yml", "files: [{file: Staff.csv, kind: employees, columns: {employee_id: Login}}]")
    summary = open_desk.load()
    assert summary.errors == ("staff.csv: no column Login, named by the mapping for employees. The headers are: Name.",)
    assert open_desk.rows("select count(*) from staging.files__clinics") == [(2,)]


def test_settings_and_the_files_zone_are_taken_from_the_mapping(open_desk: Desk) -> None:
    open_desk.put("visits.csv", "id,at,phone\n1,2026-06-01 12:00,(212) 555-0100\n")
    open_desk.put(
        "mapping.yml",
        "settings: {reporting_currency: USD, phone_region: US}\n"
        "files: [{file: visits.csv, time_zone: UTC, kind: sessions,"
        " columns: {session_id: id, started_at: at, phone: phone}}]",
    )
    open_desk.load()
    assert open_desk.rows("select started_at, phone_e164 from staging.files__sessions") == [
        (datetime(2026, 6, 1, 12, tzinfo=UTC), "+12125550100")
    ]
    assert open_desk.rows("select value from staging.settings where name = 'reporting_currency'") == [("USD",)]


def test_a_mapped_file_that_is_not_there_is_noted(open_desk: Desk) -> None:
    open_desk.put("mapping.yml", "files: [{file: staff.csv, kind: employees, columns: {employee_id: Login}}]")
    summary = open_desk.load()
    assert summary.ok
    assert summary.warnings == ("the mapping names 'staff.csv', and no file of the folder is called so",)


def test_a_file_may_lie_in_a_folder_that_the_mapping_names(open_desk: Desk) -> None:
    """As data sets are published: the inbox is the set, or the folder of its files."""
    folder = open_desk.inbox / "data"
    folder.mkdir()
    staff = {place: f"Login\n{place.name}\n" for place in (folder, open_desk.inbox)}
    (folder / "staff.csv").write_text(staff[folder])
    (folder / "employees.csv").write_text("employee_id\nnobody\n")
    open_desk.put("mapping.yml", "files: [{file: data/staff*.csv, kind: employees, columns: {employee_id: Login}}]")
    loaded = "select employee_id, _file from staging.files__employees order by 1"
    assert open_desk.load().ok
    assert open_desk.rows(loaded) == [("data", "staff.csv")]
    open_desk.put("staff.csv", staff[open_desk.inbox])
    assert open_desk.load().ok
    assert open_desk.rows(loaded) == [("data", "staff.csv"), ("inbox", "staff.csv")]


SAMPLES: dict[str, str] = {
    "timestamp": "01.06.2026 09:00", "date": "01.06.2026", "money": "1 234,50", "number": "2,5", "integer": "3",
    "boolean": "да", "phone": "8 900 000-00-01", "phones": "8 900 000-00-01", "email": "anna@example.org",
    "emails": "anna@example.org;boris@example.org", "id": "K1", "ids": "K1;K2", "text": "слово", "texts": "раз;два",
}  # fmt: skip


def russian_file(kind: Kind) -> str:
    """A file of one row whose headers, and words of closed lists, are Russian."""
    aliases = {name: word for word, name in reversed(list(header_aliases(kind).items())) if re.search("[а-я]", word)}
    cells = []
    for column in kind.file_columns:
        words = [word for word in value_aliases(kind, column) if re.search("[а-я]", word)]
        given = {"clinic_id": "C1", "currency": "руб.", "time_zone": "Москва", "merged_into_patient_id": "K2"}.get(
            column.name
        )
        cells.append(given or (words[0].capitalize() if words else SAMPLES[column.type]))
    return f"{';'.join(aliases[column.name].capitalize() for column in kind.file_columns)}\n" + ";".join(
        f'"{cell}"' for cell in cells
    )


def test_a_file_of_every_kind_with_russian_headers_and_words_loads_whole(desk: Desk) -> None:
    for kind in KINDS:
        desk.put(f"{kind.name}.csv", russian_file(kind), "cp1251")
    summary = desk.load()
    assert desk.rejected() == []
    assert summary.ok
    assert not any(file.extra_columns for file in summary.files)
    for kind in KINDS:
        names = ", ".join(f'"{column.name}"' for column in kind.columns)
        [row] = desk.rows(f"select {names} from staging.{kind.table}")
        empty = {column.name for column, value in zip(kind.columns, row, strict=True) if value is None}
        assert empty <= {"address_e164", "called_address_e164"}
        for column, value in zip(kind.columns, row, strict=True):
            assert not column.one_of or value in column.one_of


def load_example(desk: Desk, name: str) -> float:
    folder = shared_folder("data", name)
    began = time.perf_counter()
    desk.inbox = folder
    summary = desk.load(PROJECT / f"docs/examples/{name}.mapping.yml")
    took = time.perf_counter() - began
    assert (summary.ok, summary.rows_rejected, summary.skipped) == (True, 0, ())
    return took


def one(desk: Desk, query: str) -> tuple[Any, ...]:
    [row] = desk.rows(query)
    return row


def test_published_clinic_appointments_load_with_their_no_shows_in_seconds(desk: Desk) -> None:
    assert load_example(desk, "clinic_appointments") < 20  # about 3 s on a quiet machine
    assert one(
        desk,
        "select count(*), count(*) filter (where status = 'no_show'), count(distinct patient_id),"
        " count(*) filter (where patient_id !~ '^[0-9]+$') from staging.files__appointments",
    ) == (39_596, 8_139, 26_579, 1)  # one id was published as 93779.52927 and stays as written
    assert one(desk, "select count(*) from staging.files__patients") == (26_579,)


def test_published_crm_deals_load_with_their_value(desk: Desk) -> None:
    load_example(desk, "crm_deals")
    assert one(
        desk,
        "select count(*), count(*) filter (where stage_kind = 'won'), sum(amount) filter (where stage_kind = 'won'),"
        " count(*) filter (where client_name is null) from staging.files__deals",
    ) == (8_800, 4_238, Decimal(10_005_534), 1_425)
    assert one(
        desk, "select count(distinct item), count(*) filter (where item = 'GTX Pro') from staging.files__deal_items"
    ) == (7, 1_480)


def test_published_ad_spend_loads_to_the_cent(desk: Desk) -> None:
    load_example(desk, "facebook_ads")
    assert one(
        desk,
        "select round(sum(amount), 2), sum(round(amount, 2)), sum(clicks), sum(impressions), count(*)"
        " from staging.files__ad_spend",
    ) == (Decimal("58705.23"), Decimal("58705.23"), 38_165, 213_434_828, 1_143)


def test_published_order_lines_load_with_their_years(desk: Desk) -> None:
    load_example(desk, "retail_sales")
    totals = "select count(*), round(sum(amount), 2), round(sum(amount - cost), 2) from staging.files__sales"
    assert one(desk, totals) == (
        9_994, Decimal("2297200.86"), Decimal("286397.02"),
    )  # fmt: skip
    by_year = desk.rows(
        "select round(sum(amount), 2) from staging.files__sales"
        " group by extract(year from sold_at at time zone 'America/New_York')"
        " order by extract(year from sold_at at time zone 'America/New_York')"
    )
    assert by_year == [(Decimal(text),) for text in ("484247.50", "470532.51", "609205.60", "733215.26")]
