"""The gate before the build, on the June case with real Great Expectations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from expectations.__main__ import main
from expectations.ask import verdict_of
from expectations.gate import NO_ROWS, check_landed
from expectations.suites import LANDED
from extractors.core.errors import PublicationRefused
from extractors.sources.files import load_inbox
from tests.expectations.june import JUNE, NOW, database, one, run
from warehouse.migrate import migrate

PHONE = re.compile(r"\+?7\d{10}")


@pytest.fixture(scope="module")
def clean_june(pg_server_url: str) -> Iterator[str]:
    with database(pg_server_url) as url:
        migrate(url)
        load_inbox(url, JUNE, run_id="june", now=NOW)
        yield url


@pytest.fixture
def june(pg_server_url: str, clean_june: str) -> Iterator[str]:
    with database(pg_server_url, copy_of=clean_june) as url:
        yield url


def refusal(url: str, run_id: str = "damaged") -> str:
    with pytest.raises(PublicationRefused) as refused:
        check_landed(url, run_id=run_id, now=NOW, sources=("files",))
    return str(refused.value)


def test_a_clean_month_passes_and_kinds_without_rows_are_named(june: str) -> None:
    report = check_landed(june, run_id="clean", now=NOW)

    assert report.breaches == ()
    assert report.skipped_tables["staging.files__treatment_stages"] == NO_ROWS
    assert report.skipped_tables["staging.calltouch__calls"] == NO_ROWS
    assert "nothing to look at in" in report.summary()
    assert "staging.files__treatment_stages" in report.summary()
    assert " calltouch," in report.summary()
    assert "calltouch__calls" not in report.summary(), "a source that the clinic has not is one word"
    assert one(
        june,
        "select bool_and(is_passed), bool_or(is_passed is null) from ops.checks where run_id = 'clean'",
    ) == (True, True)


def test_an_empty_warehouse_passes(fresh_database: str) -> None:
    migrate(fresh_database)

    assert check_landed(fresh_database, run_id="first", now=NOW).breaches == ()


def test_money_in_a_currency_without_a_rate_stops_and_a_rate_lets_it_through(june: str) -> None:
    run(june, "update staging.files__payments set currency = 'EUR' where payment_id = (select min(payment_id)"
        " from staging.files__payments)")  # fmt: skip

    text = refusal(june)

    assert "currency_has_a_rate of staging.files__payments: 1 found in 6 rows" in text
    assert re.search(r"which: payment_id=\S+, _file=payments\.csv, _row=\d+", text)
    assert "why:   Money without a rate on or before its day cannot be told in the reporting currency." in text
    assert "do:    Add the rate to currency_rates.csv" in text
    assert "readers keep the last publication" in text

    rate = "insert into staging.files__currency_rates (date, currency, rate) values ('2026-01-01', 'EUR', 98.5)"
    run(june, rate)
    assert check_landed(june, run_id="repaired", now=NOW, sources=("files",)).breaches == ()


def test_a_rate_of_a_later_day_does_not_help(june: str) -> None:
    run(
        june,
        "update staging.files__payments set currency = 'EUR'",
        "insert into staging.files__currency_rates (date, currency, rate) values ('2027-01-01', 'EUR', 98.5)",
    )

    assert "currency_has_a_rate of staging.files__payments: 6 found in 6 rows" in refusal(june)


def test_each_damage_is_named_with_its_rows_and_what_to_do(june: str) -> None:
    run(
        june,
        "update staging.files__ad_spend set amount = -amount",
        "update staging.files__appointments set status = 'came' where appointment_id = (select min(appointment_id)"
        " from staging.files__appointments)",
        "update staging.files__contacts set clinic_id = 'nowhere' where contact_id = (select min(contact_id)"
        " from staging.files__contacts)",
        "update staging.files__contacts set occurred_at = occurred_at - interval '100 years'",
        "update staging.files__sales set amount = 5e12, currency = 'руб.' where sale_id = (select min(sale_id)"
        " from staging.files__sales)",
        "update staging.files__clinics set time_zone = 'Europe/Nowhere'",
        "alter table staging.files__patients alter column patient_id drop not null",
        "update staging.files__patients set patient_id = null where patient_id = (select min(patient_id)"
        " from staging.files__patients)",
    )

    text = refusal(june)

    contacts = one(june, "select count(*) from staging.files__contacts")[0]
    for line in (
        "spend_of_a_source_is_not_negative of staging.files__ad_spend",
        "status_is_a_known_word of staging.files__appointments: 1 found in 9 rows",
        f"clinic_is_known of staging.files__contacts: 1 found in {contacts} rows",
        f"occurred_at_is_mostly_plausible of staging.files__contacts: {contacts} found in {contacts} rows",
        "amount_is_plausible of staging.files__sales: 1 found in 6 rows",
        "currency_is_a_code of staging.files__sales: 1 found in 6 rows",
        "clinics_have_a_real_time_zone of staging.files__clinics: 1 found in 1 row",
        "patient_id_is_filled of staging.files__patients: 1 found in 9 rows",
    ):
        assert line in text
    assert "which: _file=patients.csv, _row=2" in text
    kept = one(
        june,
        "select rows_failed, examples -> 0 ->> 'clinic_id', severity from ops.checks"
        " where run_id = 'damaged' and rule = 'clinics_have_a_real_time_zone'",
    )
    assert kept == (1, one(june, "select clinic_id from staging.files__clinics")[0], "stop")


def test_no_message_tells_a_phone_or_an_address_even_where_an_id_is_one(june: str) -> None:
    run(
        june,
        "update staging.files__contacts set contact_id = '+7900' || lpad(_row::text, 7, '0'), kind = 'pigeon',"
        " phone = '+79000001234', phone_e164 = '+79000001234'",
        "update staging.files__patients set patient_id = 'p' || _row || '@example.org', clinic_id = 'nowhere'",
        "alter table staging.files__tracking_addresses alter column source drop not null",
        "update staging.files__tracking_addresses set source = null",
    )

    text = refusal(june)

    assert "kind_is_a_known_word of staging.files__contacts" in text
    assert "source_is_filled of staging.files__tracking_addresses" in text
    with psycopg.connect(june) as connection:
        kept = connection.execute("select examples::text, message from ops.checks where run_id = 'damaged'").fetchall()
    for said in (text, str(kept)):
        assert not PHONE.search(said)
        assert "@example.org" not in said
    assert "contact_id=<phone>, _file=contacts.csv, _row=" in text


def test_what_is_only_odd_is_told_and_stops_nothing(june: str) -> None:
    run(
        june,
        # 40 calls a week for a month, then silence; nobody gives a number
        "insert into staging.files__contacts (contact_id, clinic_id, occurred_at, kind, direction, _file, _row)"
        " select 'c' || n, (select min(clinic_id) from staging.files__clinics),"
        " '2026-06-24 09:00+00'::timestamptz - n * interval '4 hours', 'call', 'inbound', 'calls.csv', n + 1"
        " from generate_series(1, 160) as n",
        "update staging.files__deals set closed_at = created_at - interval '1 day' where deal_id = (select min(deal_id)"
        " from staging.files__deals where closed_at is not null)",
    )

    report = check_landed(june, run_id="odd", now=NOW, sources=("files",))

    assert {(each.rule.table, each.rule.name) for each in report.warnings} >= {
        ("staging.files__contacts", "volume_holds"),
        ("staging.files__contacts", "most_lead_to_a_person"),
        ("staging.files__deals", "closed_at_is_not_before_created_at"),
    }
    assert "warning closed_at_is_not_before_created_at of staging.files__deals: 1 found in 6 rows" in report.summary()


def test_a_clinics_books_and_rates_may_be_older_than_marketing(june: str) -> None:
    """A clinic of 1993 has its first cards still, and whoever loads rates may load all of them."""
    run(
        june,
        "update staging.files__patients set registered_at = '1993-05-12 12:00+04'",
        "update staging.files__appointments set created_at = '1993-05-12 12:00+04', starts_at = '1993-05-13 12:00+04'",
        "update staging.files__payments set paid_at = '1993-05-13 13:00+04'",
        "insert into staging.files__currency_rates (date, currency, rate, _file, _row, _run_id, _loaded_at)"
        " select '1993-05-12'::date + day, 'USD', 1, 'currency_rates.csv', day + 2, 'old', now()"
        " from generate_series(0, 9) as day",
    )

    assert check_landed(june, run_id="old", now=NOW, sources=("files",)).breaches == ()
    run(june, "update staging.files__patients set registered_at = '1970-01-01 00:00+00'")
    assert "registered_at_is_mostly_plausible of staging.files__patients" in refusal(june)


def test_a_source_is_asked_for_itself_only(june: str) -> None:
    run(
        june,
        "update staging.files__payments set currency = 'EUR'",
        "insert into staging.yandex_direct__ad_performance (client_login, report_date, campaign_id, campaign_name,"
        " ad_group_id, ad_id, cost, currency, includes_vat, clinic_id)"
        " values ('login', '2026-06-02', '1', 'brand', '', '', -5, 'RUB', true, null)",
    )

    with pytest.raises(PublicationRefused) as refused:
        check_landed(june, run_id="vendor", now=NOW, sources=("yandex_direct",))

    text = str(refused.value)
    assert "cost_is_plausible of staging.yandex_direct__ad_performance: 1 found in 1 row" in text
    assert "which: report_date=2026-06-02, campaign_id=1" in text
    assert "files__payments" not in text


def test_by_hand_it_writes_data_docs_and_nothing_in_the_warehouse(june: str, tmp_path: Path) -> None:
    run(june, "update staging.files__contacts set kind = 'pigeon'")

    status = main(["--url", june, "--gate", "landed", "--docs", str(tmp_path)])

    assert status == 1
    pages = list((tmp_path / "landed").rglob("*.html"))
    assert tmp_path / "landed" / "index.html" in pages
    written = "".join(page.read_text(encoding="utf-8") for page in pages)
    assert "kind_is_a_known_word" in written
    assert not PHONE.search(written)
    assert "postgresql" not in written
    assert one(june, "select count(*) from ops.checks") == (0,)


def test_an_address_that_two_sources_claim_on_one_day_is_warned_of_by_file_and_row(june: str) -> None:
    def warned() -> list[str]:
        report = check_landed(june, run_id="addresses", now=NOW, sources=("files",))
        return [text for text in report.summary().splitlines() if "address_is_of_one_source_a_day" in text]

    assert not warned(), "the banner's period ends the day before the radio's begins"
    banner = "where campaign = 'tverskaya-banner'"
    run(june, f"update staging.files__tracking_addresses set valid_to = '2026-06-15' {banner}")

    (text,) = warned()
    assert "2 found in 2 rows" in text
    examples = one(june, "select examples::text from ops.checks where rule = 'address_is_of_one_source_a_day'"
                   " and not is_passed")[0]  # fmt: skip
    assert "tracking_addresses.csv" in str(examples)
    assert not PHONE.search(str(examples))
    run(june, f"update staging.files__tracking_addresses set clinic_id = null {banner}")
    assert not warned(), "a clinic's own row over the network's is how one sets an exception"


def fill(url: str, *, first: int, last: int, kind: str = "call", start: int = 0) -> None:
    """420 calls, or contacts of another kind, spread over the days from `first` to before `last` days before NOW."""
    run(
        url,
        "insert into staging.files__contacts"
        " (contact_id, clinic_id, occurred_at, kind, direction, outcome, phone_e164, _file, _row)"
        f" select 'm' || {start} + n, (select min(clinic_id) from staging.files__clinics), timestamptz"
        f" '2026-07-01 08:00+00' - ({first} + n % ({last} - {first})) * interval '1 day', '{kind}', 'inbound',"
        f" 'booked', '+79000000001', 'many.csv', {start} + n from generate_series(1, 420) as n",
    )


def test_a_mix_that_turns_and_a_middle_that_jumps_are_told_and_stop_nothing(june: str) -> None:
    run(june, "delete from staging.files__contacts", "delete from staging.files__payments")
    fill(june, first=8, last=29)
    fill(june, first=0, last=7, start=1000)
    steady = check_landed(june, run_id="steady", now=NOW, sources=("files",))
    assert steady.warnings == ()
    run(june, "delete from staging.files__contacts where _row > 1000")
    fill(june, first=0, last=7, kind="message", start=1000)
    run(
        june,
        "insert into staging.files__payments"
        " (payment_id, paid_at, patient_id, clinic_id, amount, currency, _file, _row)"
        " select 'p' || n, timestamptz '2026-07-01 08:00+00' - n * interval '4 hours',"
        " (select min(patient_id) from staging.files__patients), (select min(clinic_id) from staging.files__clinics),"
        " case when n <= 40 then 250000 else 2500 end, 'RUB', 'paid.csv', n from generate_series(1, 200) as n",
    )

    report = check_landed(june, run_id="turned", now=NOW, sources=("files",))

    told = {(each.rule.table, each.rule.name): each for each in report.warnings}
    kind = told["staging.files__contacts", "kind_keeps_its_mix"]
    assert kind.examples[0]["moved_percent"] == "100"
    assert ("staging.files__contacts", "outcome_keeps_its_mix") not in told
    amount = told["staging.files__payments", "amount_keeps_its_middle"]
    assert (amount.examples[0]["last_week"], amount.examples[0]["usual"]) == ("250000.0", "2500.0")
    assert report.breaches == ()


def test_a_table_that_fell_silent_is_told(june: str) -> None:
    run(june, "delete from staging.files__contacts")
    fill(june, first=5, last=12)

    report = check_landed(june, run_id="silent", now=NOW, sources=("files",))

    (told,) = [each for each in report.warnings if each.rule.name == "newest_is_recent"]
    assert told.examples[0]["newest"] == "2026-06-26"


def test_a_rule_that_cannot_be_asked_says_why_without_the_value_that_the_server_quotes() -> None:
    said = '(psycopg.errors.InvalidTextRepresentation) invalid input syntax for type date: "Annina Anna"\nLINE 1: …'
    verdict = verdict_of(
        LANDED["files"][0], {"success": False, "exception_info": {"exception_message": said}}, rows_checked=1
    )
    assert verdict.is_breach and verdict.rows_failed is None
    assert verdict.message is not None and 'for type date: "***"' in verdict.message and "Anna" not in verdict.text()
