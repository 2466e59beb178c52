"""UIS: errors inside HTTP 200, points kept ahead of time, spans that are split until an answer is whole."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.core.errors import ChairsideError, GuardError, PayloadError, RejectedError, TransientError
from extractors.core.spec import Window
from extractors.registry import source
from extractors.run import LoadResult, make_context
from extractors.sources.uis.client import Span, UisClient
from simulators.faults import Fault, FaultKind, Faults
from simulators.http import VendorServer
from simulators.uis import SIMULATOR
from simulators.uis.state import UisOptions
from simulators.world import build_world
from simulators.world.model import World
from tests.extractors.vendor_server import Asked, Reply, Vendor

Load = Callable[..., LoadResult]
Rows = Callable[..., list[tuple[Any, ...]]]
SITES = {"21001": "C2"}
SECRET = "secretword"  # as plain as a word of the vendor's own


def call(number: int, at: str = "2026-06-01 12:00:00", **fields: object) -> dict[str, object]:
    return {
        "id": number, "start_time": at, "direction": "in", "source": "dynamic_call_tracking", "is_lost": False,
        "contact_phone_number": "79000000001", "virtual_phone_number": "74950000001", "wait_duration": 5,
        "talk_duration": 66, "clean_talk_duration": 61, "first_answered_employee_id": 500001, "site_id": 21001,
        "utm_source": "yandex", "utm_campaign": "implants", "entrance_page": "https://clinic.example/?yclid=1",
        "yclid": "1", "ym_client_id": "1699600000000000001", "tags": [
            {"tag_name": "звонок", "tag_type": "auto"}, {"tag_name": "group:wants_to_book", "tag_type": "manual"},
            {"tag_name": "topic:implants", "tag_type": "manual"}, {"tag_name": "outcome:maybe", "tag_type": "manual"},
        ], **fields,
    }


Answers = Callable[[Asked], dict[str, Any]]


def rows_of(*calls: dict[str, object], total: int | None = None, **limits: object) -> Answers:
    metadata = {"total_items": len(calls) if total is None else total, "limits": limits}
    return lambda asked: {"jsonrpc": "2.0", "id": asked.json["id"],
                          "result": {"data": list(calls), "metadata": metadata}}


def error_of(code: int, mnemonic: str, **data: object) -> Answers:
    return lambda asked: {
        "jsonrpc": "2.0", "id": None,
        "error": {"code": code, "message": f"said {asked.json['params']['access_token']}",
                  "data": {"mnemonic": mnemonic, "value": asked.json["params"]["access_token"], **data}},
    }


def answer(vendor: Vendor, *answers: Answers | Reply, zone: str = "Europe/Moscow") -> None:
    """The account's zone when asked for it, else these answers in turn, the last one for ever."""
    waiting = list(answers)

    def play(asked: Asked) -> Reply:
        if b"get.account" in asked.body:
            return Reply({"jsonrpc": "2.0", "id": asked.json["id"], "result": {"data": [{"timezone": zone}]}})
        now = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return now if isinstance(now, Reply) else Reply(now(asked))

    vendor.play = play


def reports(vendor: Vendor) -> list[dict[str, Any]]:
    return [asked.json["params"] for asked in vendor.asked if b"get.account" not in asked.body]


def load_calls(load: Load, **settings: object) -> LoadResult:
    return load("uis", "calls", "2026-06-01", "2026-06-01", **{"sites": SITES, **settings})


def test_a_call_lands_with_its_talk_its_administrator_and_the_administrators_words(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    answer(vendor, rows_of(call(1), call(2, is_lost=True, clean_talk_duration=0, first_answered_employee_id=None,
                                         tags=None, direction="out", site_id=None)))
    load_calls(load, employees={"500001": "admin4"}, numbers={"74950000001": "C3"})
    assert rows("select call_id, clinic_id, occurred_at, report_date, direction, phone_e164, called_number_e164,"
                " is_answered, talk_seconds, administrator_id, people_group, topic, outcome, tags, ym_client_id"
                " from staging.uis__calls order by 1") == [
        ("1", "C3", datetime(2026, 6, 1, 9, tzinfo=UTC), date(2026, 6, 1), "inbound", "+79000000001", "+74950000001",
         True, 61, "admin4", "wants_to_book", "implants", None, ["звонок", "outcome:maybe"], "1699600000000000001"),
        ("2", "C3", datetime(2026, 6, 1, 9, tzinfo=UTC), date(2026, 6, 1), "outbound", "+79000000001", "+74950000001",
         False, None, None, None, None, None, None, "1699600000000000001"),
    ]
    asked = reports(vendor)[0]
    assert (asked["date_from"], asked["date_till"]) == ("2026-06-01 00:00:00", "2026-06-01 23:59:59")
    assert {"id", "tags", "clean_talk_duration"} <= set(asked["fields"])


def test_an_unmapped_employee_keeps_the_vendors_id_and_an_unmapped_site_is_set_aside(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    answer(vendor, rows_of(call(1), call(2, site_id=9)))
    assert load_calls(load).rows_rejected == 1
    assert rows("select administrator_id from staging.uis__calls") == [("uis:500001",)]
    assert rows("select column_name from staging.rejected_rows") == [("site_id",)]


@pytest.mark.parametrize(
    ("written", "moment"),
    [("2026-10-25 02:30:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # doubled: the earlier one
     ("2026-03-29 02:30:00", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # skipped: moves forward
     ("2026-06-01T09:00:00Z", datetime(2026, 6, 1, 9, tzinfo=UTC))],
)
def test_a_local_time_at_a_clock_change_is_one_moment(
    load: Load, vendor: Vendor, rows: Rows, written: str, moment: datetime
) -> None:
    answer(vendor, rows_of(call(1, written)), zone="Europe/Berlin")
    load("uis", "calls", written[:10], written[:10], sites=SITES, time_zone="Europe/Berlin")
    assert rows("select occurred_at, report_date from staging.uis__calls") == [
        (moment, date.fromisoformat(written[:10]))
    ]


def test_another_zone_than_the_accounts_stops_the_stream_before_anything_is_written(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    answer(vendor, rows_of(call(1)), zone="Asia/Yekaterinburg")
    with pytest.raises(GuardError, match="Asia/Yekaterinburg"):
        load_calls(load)
    assert rows("select count(*) from staging.uis__calls") == [(0,)]


def test_a_span_with_more_rows_than_an_answer_holds_is_asked_for_in_shorter_ones(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    calls = [call(hour + 1, f"2026-06-01 {hour:02}:30:00") for hour in range(24)]

    def play(asked: Asked) -> dict[str, Any]:
        params = asked.json["params"]
        inside = [one for one in calls if params["date_from"] <= str(one["start_time"]) <= params["date_till"]]
        return rows_of(*inside[: params["limit"]], total=len(inside))(asked)

    answer(vendor, play)
    assert load_calls(load, page_rows=5).rows_read == 24
    assert rows("select count(*) from staging.uis__calls") == [(24,)]
    assert all(params["offset"] == 0 for params in reports(vendor))
    calls[:] = [call(number) for number in range(6)]
    with pytest.raises(PayloadError, match="6 rows in one second"):
        load_calls(load, page_rows=5)


def test_a_long_period_is_asked_for_a_month_at_a_time(load: Load, vendor: Vendor) -> None:
    answer(vendor, rows_of())
    load("uis", "chats", "2026-01-01", "2026-03-15", sites=SITES)
    assert [params["date_till"][:10] for params in reports(vendor)] == [
        "2026-01-31", "2026-01-31", "2026-03-03", "2026-03-03", "2026-03-15", "2026-03-15"
    ]


@pytest.mark.parametrize(
    "fault",
    [
        Reply("busy", 429, {"Retry-After": "0"}), Reply("busy", 429), Reply("oops", 500), Reply("<html>login</html>"),
        Reply('{"jsonrpc": "2.0", "id": "get.ca'), Reply(json.dumps({"result": "x" * 4000}), cut=True),
        error_of(-32603, "internal_error"),
        error_of(-32029, "limit_exceeded", metadata={"limits": {"minute_reset": 0, "day_remaining": 700}}),
        rows_of(total=1), rows_of(call(1), call(1)), rows_of(call(1, "2026-05-31 23:59:59")), rows_of(),
        lambda asked: {"jsonrpc": "2.0", "id": "another",
                       "result": {"data": [call(9)], "metadata": {"total_items": 1}}},
    ],
    ids=["429 with Retry-After", "429", "500", "HTML", "half an answer", "connection cut", "internal error",
         "minute spent", "fewer rows than announced", "a row twice", "another span", "an empty answer",
         "the answer to another request"],
)
def test_a_passing_fault_is_ridden_out(load: Load, vendor: Vendor, rows: Rows, fault: Answers | Reply) -> None:
    answer(vendor, fault, rows_of(call(1)))
    assert load_calls(load).rows_written == 1
    assert len(reports(vendor)) == 2
    assert rows("select call_id from staging.uis__calls") == [("1",)]


@pytest.mark.parametrize(
    ("code", "mnemonic", "says"),
    [(-32001, "access_token_expired", "token"), (-32003, "ip_not_whitelisted", "allowed addresses"),
     (-32009, "account_inactive", "rights"), (-32602, "date_interval_limit_reached", "field date_till")],
)
def test_a_refusal_is_not_repeated_and_never_tells_the_token(
    load: Load, vendor: Vendor, rows: Rows, caplog: pytest.LogCaptureFixture, code: int, mnemonic: str, says: str
) -> None:
    caplog.set_level(logging.DEBUG)
    answer(vendor, error_of(code, mnemonic, field="date_till"))
    with pytest.raises(RejectedError, match=says) as caught:
        load_calls(load)
    told = "".join(traceback.format_exception(caught.value)) + caplog.text + str(rows("select message from ops.loads"))
    assert mnemonic in told
    assert "secret-token-1" not in told
    assert len(reports(vendor)) == 1


def test_the_token_stays_untold_whatever_comes_back(
    load: Load, vendor: Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = ""
    for fault in (Reply(SECRET, 500), Reply(f'{{"access_token": "{SECRET}", "x'), Reply("secret", 403),
                  error_of(-32029, "limit_exceeded"), error_of(-32602, SECRET, field=SECRET)):
        answer(vendor, fault)
        with pytest.raises(ChairsideError) as caught:
            load_calls(load, token=SECRET)
        told += "".join(traceback.format_exception(caught.value))
    assert SECRET not in told + caplog.text


def test_the_load_pauses_before_the_minute_is_spent_and_stops_when_the_day_is(vendor: Vendor) -> None:
    pauses: list[float] = []
    context = make_context(
        source("uis"), {"base_url": vendor.url, "token": "t", "user_id": 5, "requests_per_second": 0}, run_id="r",
        now=datetime(2026, 6, 2, tzinfo=UTC),
    )
    client = UisClient(context, sleep=pauses.append)
    day = Window(date(2026, 6, 1), date(2026, 6, 1))
    answer(vendor, rows_of(call(1), minute_remaining=5, minute_reset=17, day_remaining=100),
           rows_of(call(1), minute_remaining=100, minute_reset=17, day_remaining=0, day_reset=7000))
    list(client.report("get.calls_report", day, ["id"], where="uis calls"))
    assert pauses == []
    list(client.report("get.calls_report", day, ["id"], where="uis calls"))
    assert pauses == [17]
    with pytest.raises(TransientError, match="points of the day") as caught:
        list(client.report("get.calls_report", day, ["id"], where="uis calls"))
    assert caught.value.retry_after == 7000
    assert reports(vendor)[0]["user_id"] == 5
    client.close()


def test_a_new_field_is_kept_a_missing_one_stops_and_a_refused_one_can_be_left_out(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    answer(vendor, rows_of(call(1, emotion="calm", is_lost=0, talk_duration="66", id="1")))
    assert load_calls(load, without_fields=["gclid"]).unknown_fields == ("emotion",)
    assert "gclid" not in reports(vendor)[0]["fields"]
    renamed = [{("begun" if name == "start_time" else name): value for name, value in call(n).items()} for n in (1, 2)]
    answer(vendor, rows_of(*renamed))
    with pytest.raises(PayloadError, match="start_time"):
        load_calls(load)
    assert rows("select _extra from staging.uis__calls") == [({"emotion": "calm"},)]


def test_site_visits_are_only_asked_for_where_the_connection_wants_them(load: Load, vendor: Vendor) -> None:
    answer(vendor, rows_of())
    load("uis", "sessions", "2026-06-01", "2026-06-01", sites=SITES)
    assert vendor.asked == []
    load("uis", "sessions", "2026-06-01", "2026-06-01", sites=SITES, site_visits=True, check_time_zone=False)
    assert [asked.json["method"] for asked in vendor.asked] == ["get.visitor_sessions_report"] * 2


@given(days=st.integers(0, 40), wanted=st.integers(1, 500))
def test_the_parts_of_a_span_are_the_span_second_for_second(days: int, wanted: int) -> None:
    span = Span(datetime(2026, 3, 1), datetime(2026, 3, 1, 23, 59, 59) + timedelta(days=days))  # noqa: DTZ001
    parts = span.parts(wanted)
    assert (parts[0].first, parts[-1].last) == (span.first, span.last)
    assert all(after.first - before.last == timedelta(seconds=1) for before, after in pairwise(parts))
    assert all(part.first <= part.last for part in parts)
    assert len(parts) >= 2


def test_a_row_that_vanished_goes_from_the_window_that_was_read(load: Load, vendor: Vendor, rows: Rows) -> None:
    answer(vendor, rows_of(call(1), call(2), call(3, "2026-06-02 10:00:00")))
    load("uis", "calls", "2026-06-01", "2026-06-02", sites=SITES)
    answer(vendor, rows_of(call(2)))
    assert load_calls(load).rows_deleted == 1
    assert rows("select call_id from staging.uis__calls order by 1") == [("2",), ("3",)]


# --- against the simulator ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def city() -> World:
    return build_world(5, date_from=date(2026, 8, 1), days=20)


def serve(world: World, options: UisOptions, faults: Faults) -> tuple[VendorServer, dict[str, Any]]:
    seconds = iter(range(1_000_000))
    simulator = SIMULATOR.make(world, options, lambda: float(next(seconds)))
    server = VendorServer(simulator, faults)
    server.start()
    endpoint = SIMULATOR.endpoint(world, server.base_url, simulator)
    return server, {**endpoint["settings"], "base_url": endpoint["base_url"], "token": endpoint["token"]}


@pytest.mark.parametrize(
    "options", [UisOptions(no_tags="map", minute_reset=0), UisOptions(times="iso", no_tags="list", minute_reset=0)]
)
def test_the_city_arrives_whole_through_every_fault_and_short_answers(
    load: Load, rows: Rows, city: World, options: UisOptions
) -> None:
    kinds: tuple[FaultKind, ...] = (
        "too_many_requests", "server_error", "cut_body", "truncated_json", "html", "empty_page", "repeated_page"
    )
    faults = Faults(Fault(kind, "uis", after=2, times=1) for kind in kinds)
    server, settings = serve(city, options, faults)
    try:
        for stream in ("calls", "offline_messages", "chats", "sessions"):
            load("uis", stream, "2026-07-25", "2026-08-22", page_rows=20, attempts=8, site_visits=True, **settings)
    finally:
        server.stop()
    found = rows("select 'uis:call:' || call_id, occurred_at, phone_e164, administrator_id, outcome, kind, direction"
                 " from staging.uis__calls union all"
                 " select 'uis:request:' || message_id, occurred_at, phone_e164, administrator_id, outcome, kind,"
                 " 'inbound' from staging.uis__offline_messages union all"
                 " select 'uis:chat:' || chat_id, occurred_at, phone_e164, administrator_id, outcome, kind, direction"
                 " from staging.uis__chats order by 1")
    truth = sorted(
        (c.contact_id, c.occurred_at, c.phone, c.administrator_id, c.outcome, c.kind, c.direction)
        for c in city.contacts if c.contact_id.startswith("uis:")
    )
    visits = city.rows_of("yandex_metrica")["sessions"]  # of the same sites: both trackers see the same people
    assert rows("select client_id, started_at, site, landing_page, utm_campaign from staging.uis__sessions"
                " order by 2, 1") == sorted(
        ((row["client_id"], row["started_at"], row["site"], row["landing_page"], row["utm_campaign"])
         for row in visits), key=lambda row: (row[1], row[0]),
    )
    assert len(truth) > 50
    assert [row[0] for row in found] == [row[0] for row in truth]
    assert found == truth
    assert len(faults.fired) >= len(kinds)


def test_the_simulator_refuses_what_the_vendor_does(load: Load, city: World) -> None:
    server, settings = serve(city, UisOptions(minute_reset=0), Faults())
    try:
        with pytest.raises(RejectedError, match="-32001 access_token_invalid"):
            load("uis", "calls", "2026-08-01", "2026-08-02", **{**settings, "token": "other"})
        with pytest.raises(RejectedError, match="unexpected_parameters, field fields"):
            client = UisClient(make_context(source("uis"), settings, run_id="r", now=datetime.now(UTC)))
            list(client.report("get.calls_report", Window(date(2026, 8, 1), date(2026, 8, 1)), ["nothing"], where="x"))
        with pytest.raises(RejectedError, match="date_interval_limit_reached"):
            list(client.report("get.calls_report", Window(date(2026, 1, 1), date(2026, 8, 1)), ["id"], where="x"))
        client.close()
    finally:
        server.stop()


@pytest.mark.parametrize("result", [{}, {"metadata": {}}, {"data": None}, None, []])
def test_a_result_without_its_rows_is_no_empty_report(
    load: Load, vendor: Vendor, rows: Rows, result: object
) -> None:
    answer(vendor, rows_of(call(1)))
    load_calls(load)
    answer(vendor, lambda asked: {"jsonrpc": "2.0", "id": asked.json["id"], "result": result})
    with pytest.raises(PayloadError):
        load_calls(load)
    assert rows("select count(*) from staging.uis__calls") == [(1,)]


def test_every_way_to_write_nothing_is_nothing(load: Load, vendor: Vendor, rows: Rows) -> None:
    """Empty values come as null, [] or {}, whatever the field's type [§2.1]."""
    empty = call(1, utm_source=[], utm_campaign={}, yclid=[], tags={}, finish_reason={})
    answer(vendor, rows_of(empty, call(2, tags=[]), call(3, tags=None)))
    assert load_calls(load).rows_rejected == 0
    assert rows("select call_id, utm_source, utm_campaign, tags from staging.uis__calls order by 1") == [
        ("1", None, None, None), ("2", "yandex", "implants", None), ("3", "yandex", "implants", None)
    ]
