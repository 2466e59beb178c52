"""Rows that were set aside are listed without people in them, corrected, landed once, and stay corrected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from extractors.core.errors import ConfigError
from extractors.core.redact import shape
from extractors.quarantine import Replayed, dismiss, fix, replay, waiting
from extractors.sources.files import load_inbox
from tests.extractors.conftest import NOW, Load
from tests.extractors.test_calltouch import SITES, call, load_calls, page
from tests.extractors.vendor_server import Vendor

Rows = Callable[..., list[tuple[Any, ...]]]
CLINICS = "clinic_id,name,time_zone\nC1,First,Europe/Moscow\n"
CALLS = "select call_id, clinic_id from staging.calltouch__calls order by 1"


@pytest.fixture
def replayed(warehouse: str) -> Callable[..., Replayed]:
    def run(*, sites: object = SITES, **options: Any) -> Replayed:  # noqa: ANN401
        return replay(warehouse, settings_of=lambda _name: {"sites": sites}, run_id="replay", now=NOW, **options)

    return run


@pytest.fixture
def inbox(warehouse: str, tmp_path: Any) -> Callable[..., None]:  # noqa: ANN401
    (tmp_path / "clinics.csv").write_text(CLINICS, encoding="utf-8")

    def load(**files: str) -> None:
        for name, text in files.items():
            (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        load_inbox(warehouse, tmp_path, run_id="load", now=NOW)

    return load


CONTACTS = (
    "contact_id,clinic_id,occurred_at,kind,direction,phone,note\n"
    "E1,C1,2026-06-01 10:00,call,inbound,+79000000001,\n"
    "E2,C1,at noon,call,inbound,+79000000002,Anna asked\n"
    "E1,C1,2026-06-01 11:00,call,inbound,+79000000003,\n"
)


def numbers(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [one.rejected_row_id for one in waiting(connection)]


def correct(url: str, number: int, **changes: Any) -> None:  # noqa: ANN401
    with psycopg.connect(url) as connection:
        fix(connection, number, changes)


LANDED = "select contact_id, phone_e164 from staging.files__contacts order by 1"


def test_a_listed_row_shows_where_and_why_and_of_its_values_only_the_shape(
    warehouse: str, inbox: Callable[..., None]
) -> None:
    inbox(contacts=CONTACTS)
    with psycopg.connect(warehouse) as connection:
        found = [one for one in waiting(connection, source="files") if one.column_name == "occurred_at"]
    (one,) = found
    text = "\n".join(one.lines(shown=False))
    assert "files contacts, contacts.csv, row 3, occurred_at" in text
    assert "occurred_at = xx xxxx" in text
    assert "Anna" not in text
    assert "9000000002" not in text
    assert "note = Anna asked" in "\n".join(one.lines(shown=True))
    assert shape("Анна 8 (900)") == "xxxx 0 (000)"


def test_a_row_that_ends_early_is_completed_and_landed(
    warehouse: str, inbox: Callable[..., None], rows: Rows, replayed: Callable[..., Replayed]
) -> None:
    inbox(contacts=CONTACTS.splitlines()[0] + "\nE7,C1")
    (short,) = numbers(warehouse)
    correct(warehouse, short, occurred_at="2026-06-01 12:00", kind="call", direction="inbound")

    assert replayed().landed == (short,)
    assert rows(LANDED) == [("E7", None)]


def test_a_corrected_file_row_is_landed_once_and_stays_corrected_when_the_file_comes_again(
    warehouse: str, inbox: Callable[..., None], rows: Rows, replayed: Callable[..., Replayed]
) -> None:
    inbox(contacts=CONTACTS)
    bad, double = numbers(warehouse)
    assert rows(LANDED) == [("E1", "+79000000001")]
    done = replayed()
    assert done.landed == ()
    assert "is landed already" in done.waiting[double]

    correct(warehouse, bad, occurred_at="2026-06-01 12:00")
    done = replayed()

    assert (done.landed, list(done.waiting)) == ((bad,), [double])
    assert rows(LANDED) == [("E1", "+79000000001"), ("E2", "+79000000002")]
    assert rows("select occurred_at::text, _file, _row from staging.files__contacts where contact_id = 'E2'") == [
        ("2026-06-01 09:00:00+00", "contacts.csv", 3)
    ]
    assert replayed().landed == ()
    inbox()
    assert rows(LANDED) == [("E1", "+79000000001"), ("E2", "+79000000002")]
    assert [number for number in numbers(warehouse) if number == bad] == []
    assert len(numbers(warehouse)) == 1, "the double row is listed once, the corrected one no more"


def test_a_double_row_gets_a_key_of_its_own_and_one_without_an_id_waits_for_its_file(
    warehouse: str, inbox: Callable[..., None], rows: Rows, replayed: Callable[..., Replayed]
) -> None:
    spend = "date_from,date_to,channel,source,amount,currency\n2026-06-01,2026-06-03,offline,radio,much,RUB\n"
    inbox(contacts=CONTACTS.replace("at noon", "2026-06-01 10:30"), ad_spend=spend)
    with psycopg.connect(warehouse) as connection:
        by_stream = {one.stream: one.rejected_row_id for one in waiting(connection)}
    correct(warehouse, by_stream["contacts"], contact_id="E3")
    correct(warehouse, by_stream["ad_spend"], amount="300")

    done = replayed()

    assert done.landed == (by_stream["contacts"],)
    assert "load the file again" in done.waiting[by_stream["ad_spend"]]
    inbox()
    assert rows("select contact_id from staging.files__contacts order by 1") == [("E1",), ("E2",), ("E3",)]
    assert rows("select amount::text from staging.files__ad_spend") == [("300",)]
    assert numbers(warehouse) == []


def test_a_dismissed_row_is_not_listed_again_and_a_wrong_number_or_column_says_so(
    warehouse: str, inbox: Callable[..., None], rows: Rows
) -> None:
    inbox(contacts=CONTACTS)
    bad, _ = numbers(warehouse)
    with psycopg.connect(warehouse) as connection:
        with pytest.raises(ConfigError, match=r"has no colour\. It has: clinic_id"):
            fix(connection, bad, {"colour": "red"})
        dismiss(connection, bad, "a test call", now=NOW)
        with pytest.raises(ConfigError, match=r"No row \d+ waits"):
            fix(connection, bad, {"note": "x"})
    inbox()
    assert rows("select column_name from staging.rejected_rows where resolved_at is null") == [("contact_id",)]
    assert rows("select resolution, fixed_by is not null from staging.rejected_rows where resolved_at is not null") == [
        ("dismissed: a test call", True)
    ]


def test_a_vendors_row_is_landed_when_the_connection_fits_and_a_corrected_one_outlives_the_next_load(
    warehouse: str, load: Load, vendor: Vendor, rows: Rows, replayed: Callable[..., Replayed]
) -> None:
    bad_time, elsewhere = call(2, timestamp=5), call(4, siteId=99)
    vendor.script(page(call(1), bad_time, elsewhere))
    load_calls(load)
    by_call: dict[str, int] = dict(rows("select row ->> 'callId', rejected_row_id from staging.rejected_rows"))

    done = replayed(sites={**SITES, "99": "C9"}, source="calltouch")
    assert done.landed == (by_call["4"],)
    assert done.waiting == {by_call["2"]: "timestamp: 5 seconds since 1970 is no plausible time"}
    assert rows(CALLS) == [("1", "C1"), ("4", "C9")]

    correct(warehouse, by_call["2"], timestamp=call(2)["timestamp"])
    assert replayed().landed == (by_call["2"],)
    assert rows(CALLS) == [("1", "C1"), ("2", "C1"), ("4", "C9")]
    changed = rows("select change, key from ops.changed_keys where run_id = 'replay' order by 2")
    assert changed == [("written", ["2"]), ("written", ["4"])], "the next build is told"

    vendor.script(page(call(1), bad_time))
    result = load_calls(load)
    assert (result.rows_rejected, result.rows_deleted) == (0, 0)
    assert rows(CALLS) == [("1", "C1"), ("2", "C1"), ("4", "C9")]
    assert numbers(warehouse) == []
    # the vendor corrects it by itself: another raw row, to which no correction belongs
    vendor.script(page(call(1), call(2, duration=77)))
    load_calls(load)
    assert rows("select talk_seconds from staging.calltouch__calls where call_id = '2'") == [(77,)]


def test_a_vendors_row_that_nobody_corrected_never_replaces_a_newer_one(
    warehouse: str, load: Load, vendor: Vendor, rows: Rows, replayed: Callable[..., Replayed]
) -> None:
    vendor.script(page(call(1), call(2, siteId=99, duration=5)))
    load_calls(load)
    (number,) = numbers(warehouse)
    vendor.script(page(call(1), call(2, duration=60)))
    load_calls(load)

    done = replayed(sites={**SITES, "99": "C9"})

    assert "is landed already" in done.waiting[number]
    assert rows("select talk_seconds from staging.calltouch__calls where call_id = '2'") == [(60,)]


def test_a_corrected_row_that_cannot_be_read_waits_and_is_listed_once(
    warehouse: str, load: Load, vendor: Vendor, replayed: Callable[..., Replayed]
) -> None:
    vendor.script(page(call(1), call(2, timestamp=5)))
    load_calls(load)
    (number,) = numbers(warehouse)
    correct(warehouse, number, timestamp=6)
    assert "6 seconds since 1970" in replayed(number=number).waiting[number]
    assert load_calls(load).rows_rejected == 1
    assert numbers(warehouse) == [number]


def test_a_nul_byte_in_a_new_field_or_in_a_broken_row_costs_no_other_row(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    """PostgreSQL keeps none, so the whole window would be refused for it."""
    vendor.script(page(call(1, emotion={"ca\x00lm": ["a\x00b"]}), call(2, timestamp="so\x00on"), call(3)))
    assert load("calltouch", "calls", "2026-06-01", "2026-06-01", sites={"11111": "C1"}).rows_rejected == 1
    assert rows("select call_id, _extra from staging.calltouch__calls order by 1") == [
        ("1", {"emotion": {"calm": ["ab"]}}), ("3", None)
    ]
    assert rows("select row ->> 'timestamp' from staging.rejected_rows") == [("soon",)]
