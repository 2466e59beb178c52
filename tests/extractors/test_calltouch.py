"""Calltouch: calls in pages, requests by day, visits behind both, tags that carry what the administrator knows."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from extractors.core.errors import ConfigError, PayloadError, RejectedError, TransientError
from extractors.run import LoadResult
from tests.extractors.vendor_server import Asked, Reply, Vendor

Load = Callable[..., LoadResult]
Rows = Callable[..., list[tuple[Any, ...]]]
SITES = {"11111": "C1"}
NOON = 1780304400  # 2026-06-01 12:00 at UTC+3


def call(number: int, **fields: object) -> dict[str, object]:
    return {
        "callId": number, "timestamp": NOON, "date": "01/06/2026 12:00:00", "siteId": 11111, "duration": 60,
        "callerNumber": "79000000001", "phoneNumber": "74950000001", "successful": True, "manager": "anna",
        "utmSource": "yandex", "utmMedium": "cpc", "utmCampaign": "implants", "utmContent": "<не указано>",
        "utmTerm": "(not set)", "url": "https://clinic.example/?yclid=1", "yaClientId": "1699600000000000001",
        "ctClientId": 800000000800000001, "callTags": [
            {"category": "", "type": "AUTO-PN", "names": ["звонок", "динамика"]},
            {"category": "", "type": "MANUAL", "names": ["group:wants_to_book", "topic:implants", "outcome:maybe"]},
        ], **fields,
    }


def page(*calls: dict[str, object], number: int = 1, of: int = 1, total: int | None = None) -> Reply:
    return Reply({"page": number, "pageTotal": of, "pageSize": 1000,
                  "recordsTotal": len(calls) if total is None else total, "records": list(calls)})


def load_calls(load: Load, **settings: object) -> LoadResult:
    return load("calltouch", "calls", "2026-06-01", "2026-06-01", **{"sites": SITES, **settings})


def test_a_call_lands_with_its_source_its_normalised_phone_and_the_administrators_words(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    vendor.script(page(call(1)))
    load_calls(load)
    assert rows("select clinic_id, occurred_at, diary_date, phone, phone_e164, called_number_e164, people_group, topic,"
                " outcome, tags, utm_source, utm_content, utm_term, ya_client_id, ct_client_id, manager"
                " from staging.calltouch__calls") == [
        ("C1", datetime(2026, 6, 1, 9, 0, tzinfo=UTC), date(2026, 6, 1), "79000000001", "+79000000001", "+74950000001",
         "wants_to_book", "implants", None, ["звонок", "динамика", "outcome:maybe"], "yandex", None, None,
         "1699600000000000001", "800000000800000001", "anna")
    ]
    assert vendor.asked[0].query["dateFrom"] == "01/06/2026"


def test_a_typing_error_in_the_connection_is_told(
    load: Load, vendor: Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.script(page(call(1)))
    load_calls(load, tiem_zone="UTC")
    assert "calltouch: nobody reads the setting `tiem_zone` of the connection; `time_zone`?" in caplog.text
    with pytest.raises(ConfigError, match="names nothing to read"):
        load("calltouch", "calls", "2026-06-01", "2026-06-01", sitse=SITES)
    assert "`sitse` of the connection; `sites`?" in caplog.text
    with pytest.raises(ConfigError, match="`map_visits_clock` is 12h or 24h"):
        load_calls(load, map_visits_clock="25h")


def test_a_static_number_has_no_utm_and_a_negative_duration_is_none(load: Load, vendor: Vendor, rows: Rows) -> None:
    vendor.script(page(call(1, medium="offline", source="74950000001", utmSource="74950000001", duration=-30)))
    load_calls(load)
    assert rows("select utm_source, talk_seconds, called_number from staging.calltouch__calls") == [
        (None, None, "74950000001")
    ]


def test_all_pages_are_read_and_an_empty_span_ends_whatever_its_page_total(load: Load, vendor: Vendor) -> None:
    vendor.script(page(call(1), of=3, total=2), page(of=3, number=2, total=2), page(call(2), of=3, number=3, total=2))
    assert load_calls(load).rows_written == 2
    for total in (0, 1):
        vendor.script(page(of=total))
        assert load("calltouch", "calls", "2026-05-01", "2026-05-01", sites=SITES).rows_read == 0


def test_a_page_that_comes_twice_makes_the_span_be_read_again_until_every_call_is_there(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    first, second = page(call(1), of=2, total=2), page(call(2), of=2, number=2, total=2)
    vendor.script(first, first, first, second)
    load_calls(load)
    assert rows("select call_id from staging.calltouch__calls order by 1") == [("1",), ("2",)]
    vendor.script(first)
    with pytest.raises(PayloadError, match="another page"):
        load_calls(load)
    unnumbered = Reply(first.bytes.replace(b'"page": 1, ', b""))
    vendor.script(unnumbered)
    with pytest.raises(TransientError, match="1 calls came where the vendor counts 2"):
        load_calls(load)


def test_a_call_that_vanished_goes_only_from_the_window_that_was_read(load: Load, vendor: Vendor, rows: Rows) -> None:
    vendor.script(page(call(1), call(2), call(3, date="02/06/2026 12:00:00", timestamp=NOON + 86400)))
    load("calltouch", "calls", "2026-06-01", "2026-06-02", sites=SITES)
    vendor.script(page(call(2)))
    assert load_calls(load).rows_deleted == 1
    assert rows("select call_id from staging.calltouch__calls order by 1") == [("2",), ("3",)]


def test_a_row_that_cannot_be_understood_is_set_aside_with_its_reason_and_the_others_load(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    bad_time, no_time, elsewhere = call(2, timestamp=5), call(3), call(4, siteId=99)
    del no_time["timestamp"]
    vendor.script(page(call(1), bad_time, no_time, elsewhere))
    for _ in range(2):
        assert load_calls(load).rows_rejected == 3
    assert rows("select column_name, reason, row ->> 'callId' from staging.rejected_rows order by 3") == [
        ("timestamp", "5 seconds since 1970 is no plausible time", "2"),
        ("timestamp", "the field is missing", "3"),
        ("siteId", "the connection maps the vendor's 99 to no clinic", "4"),
    ]


def test_a_field_that_nobody_declared_is_kept_and_told(load: Load, vendor: Vendor, rows: Rows) -> None:
    vendor.script(page(call(1, emotion="calm", duration="75"), call(2)))
    assert load_calls(load).unknown_fields == ("emotion",)
    assert rows("select call_id, _extra, talk_seconds from staging.calltouch__calls order by 1") == [
        ("1", {"emotion": "calm"}, 75), ("2", None, 60)
    ]
    assert rows("select message from ops.loads") == [
        ("account 11111: Undeclared fields are kept in _extra: emotion.",)
    ]


def test_a_required_field_gone_from_every_row_stops_the_stream_before_anything_is_written(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    vendor.script(page(call(1), call(2)))
    load_calls(load)
    renamed = [{("call_id" if name == "callId" else name): value for name, value in call(n).items()} for n in (1, 2)]
    vendor.script(page(*renamed, total=0))
    with pytest.raises(PayloadError, match="callId"):
        load_calls(load)
    assert rows("select count(*) from staging.calltouch__calls") == [(2,)]


def test_requests_are_asked_for_day_by_day_with_the_month_first(load: Load, vendor: Vendor, rows: Rows) -> None:
    request = {
        "requestId": 7, "date": NOON * 1000, "siteId": 11111, "subject": "Запись", "manager": None,
        "session": {"sessionId": 5, "utmSource": "yandex", "yaClientId": "17", "url": "https://clinic.example/"},
        "client": {"phones": [{"phoneNumber": "89000000002"}],
                   "contacts": [{"contactType": "EMAIL", "contactValue": "a@example.org"}]},
        "RequestTags": [{"category": "", "type": "AUTO-CT", "names": ["Обратный звонок с формы"]}],
    }
    vendor.play = lambda asked: Reply([request] if asked.query["dateFrom"] == "06/01/2026" else [])
    load("calltouch", "requests", "2026-06-01", "2026-06-02", sites=SITES)
    assert [asked.query["dateTo"] for asked in vendor.asked] == [
        "06/01/2026", "06/02/2026", "06/02/2026"  # an empty day is asked for twice before it is believed
    ]
    assert rows("select kind, phone_e164, email, ya_client_id, utm_source, tags from staging.calltouch__requests") == [
        ("callback_order", "+79000000002", "a@example.org", "17", "yandex", ["Обратный звонок с формы"])
    ]


def test_a_visit_under_several_contacts_is_one_session(load: Load, vendor: Vendor, rows: Rows) -> None:
    visit = {"sessionId": 5, "sessionDate": "01/06/2026 11:30:00", "url": "https://Clinic.example/x?yclid=1",
             "ref": "", "utmSource": "yandex"}

    def play(asked: Asked) -> Reply:
        if asked.path.endswith("/requests"):
            return Reply([{"requestId": 7, "date": NOON * 1000, "siteId": 11111, "mapVisits": [visit],
                           "session": {"yaClientId": "17"}}])
        return page(call(1, mapVisits=[visit], yaClientId="17"), call(2))

    vendor.play = play
    load("calltouch", "sessions", "2026-06-01", "2026-06-01", sites=SITES)
    assert all(asked.query["withMapVisits"] == "true" for asked in vendor.asked)
    assert rows("select session_id, client_id, started_at, site, referrer, utm_source"
                " from staging.calltouch__sessions") == [
        ("5", "17", datetime(2026, 6, 1, 8, 30, tzinfo=UTC), "clinic.example", None, "yandex")
    ]


def test_on_a_twelve_hour_clock_a_visit_began_before_its_contact(load: Load, vendor: Vendor, rows: Rows) -> None:
    def play(asked: Asked) -> Reply:
        return Reply([]) if asked.path.endswith("/requests") else page(
            call(1, mapVisits=[{"sessionId": 1, "sessionDate": "01/06/2026 12:37:24"},
                               {"sessionId": 2, "sessionDate": "31/05/2026 06:51:57"},
                               {"sessionId": 3, "sessionDate": "01/06/2026 11:59:00"}]))

    vendor.play = play
    load("calltouch", "sessions", "2026-06-01", "2026-06-01", sites=SITES, map_visits_clock="12h")
    assert [at for (at,) in rows("select started_at from staging.calltouch__sessions order by session_id")] == [
        datetime(2026, 5, 31, 21, 37, 24, tzinfo=UTC),
        datetime(2026, 5, 31, 15, 51, 57, tzinfo=UTC),
        datetime(2026, 6, 1, 8, 59, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    "fault",
    [Reply("busy", 429, {"Retry-After": "0"}), Reply("busy", 429), Reply("oops", 500), Reply("<html>", 502),
     Reply(page(call(1)).body, cut=True),
     Reply('{"records": [{"callId": 1, "times'), Reply("<html>login</html>")],
    ids=["429 with Retry-After", "429", "500", "502", "connection cut", "half a page", "HTML for JSON"],
)
def test_a_passing_fault_is_ridden_out(load: Load, vendor: Vendor, fault: Reply) -> None:
    vendor.script(fault, page(call(1)))
    assert load_calls(load).rows_written == 1
    assert len(vendor.asked) == 2


@pytest.mark.parametrize(("status", "tries"), [(401, 1), (403, 1), (302, 1), (400, 1)])
def test_a_refusal_is_not_repeated(load: Load, vendor: Vendor, status: int, tries: int) -> None:
    vendor.script(Reply("no", status, {"Location": "/login"}))
    with pytest.raises(RejectedError, match=str(status)):
        load_calls(load)
    assert len(vendor.asked) == tries


@pytest.mark.parametrize(
    "answer",
    [{"page": 1, "pageTotal": 1}, {"page": 1, "pageTotal": 3, "pageSize": 1000}, {"pageTotal": 1, "records": None},
     {"page": 2, "pageTotal": 1, "records": []}, {"pageTotal": 1, "recordsCount": 2, "records": [call(1)]}],
    ids=["no records", "no records of three pages", "null", "another page", "fewer than counted"],
)
def test_a_page_without_its_calls_is_no_empty_diary(
    load: Load, vendor: Vendor, rows: Rows, answer: dict[str, Any]
) -> None:
    """`recordsTotal` is `recordsCount` at some, and neither may be there [§1.2]."""
    vendor.script(page(call(1), call(2)))
    load_calls(load)
    vendor.script(Reply(answer))
    with pytest.raises((PayloadError, TransientError)):
        load_calls(load)
    assert rows("select count(*) from staging.calltouch__calls") == [(2,)]


def test_calls_of_other_days_are_not_this_windows(load: Load, vendor: Vendor, rows: Rows) -> None:
    vendor.script(page(call(1)))
    load_calls(load)
    vendor.script(page(call(2, date="01/05/2026 12:00:00", timestamp=NOON - 31 * 86400)))
    with pytest.raises(PayloadError):
        load_calls(load)
    assert rows("select call_id from staging.calltouch__calls") == [("1",)]
    vendor.script(page(call(1), call(3, date="31/05/2026 23:30:00", timestamp=NOON - 45000)))
    assert load_calls(load).rows_read == 2, "the diary's days may be another clock's"


def test_a_request_that_does_not_name_its_site_is_of_the_site_that_was_asked_for(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    """`siteId` stands in newer answers only [§1.3]."""
    vendor.play = lambda asked: Reply([{"requestId": int(asked.query["siteId"]), "date": NOON * 1000}])
    load("calltouch", "requests", "2026-06-01", "2026-06-01", sites={"11111": "C1", "22222": "C2"})
    assert rows("select request_id, site_id, clinic_id from staging.calltouch__requests order by 1") == [
        ("11111", "11111", "C1"), ("22222", "22222", "C2")
    ]


def test_half_an_emoji_costs_a_sign_and_not_the_page(load: Load, vendor: Vendor, rows: Rows) -> None:
    """As a text cut at a number of signs ends: no JSON, strictly, and it would come again for 30 days."""
    body = json.dumps(page(call(1, manager="HALF"), call(2, manager="\U0001f600 \\ud83d")).body)
    vendor.script(Reply(body.replace("HALF", "anna \\ud83d")))
    assert load_calls(load).rows_rejected == 0
    assert rows("select call_id, manager from staging.calltouch__calls order by 1") == [
        ("1", "anna \ufffd"), ("2", "\U0001f600 \\ud83d")
    ]
    vendor.script(Reply(body.replace("HALF", "anna \\ud83d")[:-3]))
    with pytest.raises(PayloadError):
        load_calls(load)
