"""Metrica's Logs API: the life of a log, parts that must be whole, and what killed runs leave behind."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.core.errors import ChairsideError, GuardError, PayloadError, RejectedError, TransientError
from extractors.registry import source
from extractors.run import LoadResult, make_context
from extractors.sources.yandex_metrica.client import MetricaClient
from extractors.sources.yandex_metrica.streams import NAMES
from extractors.sources.yandex_metrica.tsv import read_part
from simulators.faults import Fault, FaultKind, Faults
from simulators.http import VendorServer
from simulators.world import build_world
from simulators.world.model import World
from simulators.yandex_metrica import SIMULATOR
from simulators.yandex_metrica.routes import YandexMetrica
from simulators.yandex_metrica.state import MetricaOptions, MetricaState
from simulators.yandex_metrica.wire import escape
from tests.extractors.staging_views import create_views
from tests.extractors.vendor_server import Asked, Reply, Vendor

Load = Callable[..., LoadResult]
Rows = Callable[..., list[tuple[Any, ...]]]
FIELDS = list(NAMES.values())
COUNTERS = {"44": "C2"}
SECRET = "s3cr3t-Value_17"


def line(**cells: str) -> str:
    known = {
        "visit_id": "17", "counter_id": "44", "client_id": "1699600000000000001", "visit_date": "2026-06-01",
        "begun": "2026-06-01 12:00:00", "begun_utc3": "2026-06-01 12:00:00", "is_new_user": "1",
        "start_url": "https://Clinic.example/x?yclid=1", "page_views": "3", "duration_seconds": "95", "is_bounce": "0",
        "utm_source": "yandex",
    } | cells
    return "\t".join(known.get(name, "") for name in NAMES)


def tsv(*lines: str) -> bytes:
    return "".join(f"{one}\n" for one in ("\t".join(FIELDS), *lines)).encode()


class Script:
    """A counter whose log has these parts. `replies` go first, each once, for addresses that end with the key."""

    def __init__(self, *parts: bytes, zone: str = "Europe/Moscow", status: str = "processed", **told: object) -> None:
        self.parts, self.zone, self.status, self.told = parts, zone, status, told
        self.replies: dict[str, list[Reply]] = {}
        self.left: list[dict[str, Any]] = []
        self.evaluation: dict[str, Any] = {"possible": True, "max_possible_day_quantity": 365}

    def __call__(self, asked: Asked) -> Reply:
        for end, replies in self.replies.items():
            if asked.path.endswith(end) and replies:
                return replies.pop(0)
        if asked.path.endswith("/counter/44"):
            return Reply({"counter": {"time_zone_name": self.zone}})
        if asked.path.endswith("/evaluate"):
            return Reply({"log_request_evaluation": self.evaluation})
        if asked.path.endswith("/logrequests"):
            made = {"request_id": 7, "status": "created"}
            return Reply({"log_request": made} if asked.method == "POST" else {"requests": self.left})
        if asked.path.endswith("/download"):
            return Reply(self.parts[int(asked.path.split("/")[-2])])
        if asked.path.endswith(("/clean", "/cancel")):
            return Reply({"log_request": {"request_id": 7, "status": "cleaned_by_user"}})
        sizes = [{"part_number": number, "size": len(part)} for number, part in enumerate(self.parts)]
        number = int(asked.path.rpartition("/")[2])
        told = {"request_id": number, "status": self.status, "parts": sizes, "size": 9, **self.told}
        return Reply({"log_request": told})


def acts(vendor: Vendor) -> list[str]:
    return [asked.path.rpartition("44/")[2] for asked in vendor.asked if asked.method == "POST"]


def load_visits(load: Load, **settings: object) -> LoadResult:
    return load("yandex_metrica", "visits", "2026-06-01", "2026-06-01", **{"counters": COUNTERS, **settings})


def test_a_visit_lands_with_its_client_as_text_and_the_log_is_cleaned(load: Load, vendor: Vendor, rows: Rows) -> None:
    vendor.play = Script(tsv(line(), line(visit_id="18", client_id="0", start_url="", utm_source="")))
    load_visits(load)
    assert rows("select visit_id, client_id, visit_date, started_at, time_zone, site, utm_source, referrer,"
                " is_new_user, page_views from staging.yandex_metrica__visits order by 1") == [
        ("17", "1699600000000000001", date(2026, 6, 1), datetime(2026, 6, 1, 9, tzinfo=UTC), "Europe/Moscow",
         "clinic.example", "yandex", None, True, 3),
        ("18", None, date(2026, 6, 1), datetime(2026, 6, 1, 9, tzinfo=UTC), "Europe/Moscow", None, None, None, True, 3),
    ]
    assert acts(vendor) == ["logrequests", "logrequest/7/clean"]
    ordered = next(asked for asked in vendor.asked if asked.method == "POST")
    assert (ordered.query["date1"], ordered.query["date2"], ordered.query["source"]) == (
        "2026-06-01", "2026-06-01", "visits"
    )
    assert len(ordered.query["fields"]) <= 3000


def test_escaped_cells_are_read_as_the_visitor_wrote_them(load: Load, vendor: Vendor, rows: Rows) -> None:
    body = tsv(line(utm_campaign=r"a\tb\nc\\d\'e", utm_term="яблоко\u2028\r", utm_content=r"\N", utm_medium=r"\\t"))
    vendor.play = Script(body)
    query = "select utm_campaign, utm_term, utm_content, utm_medium from staging.yandex_metrica__visits"
    load_visits(load)
    assert rows(query) == [("a\tb\nc\\d'e", "яблоко", None, "\\t")]
    load_visits(load, escaped=False)
    assert rows(query) == [(r"a\tb\nc\\d\'e", "яблоко", r"\N", r"\\t")]


@given(cells=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=len(FIELDS), max_size=len(FIELDS)))
def test_whatever_a_visitor_writes_comes_out_of_the_log_as_it_was(cells: list[str]) -> None:
    body = tsv("\t".join(map(escape, cells)))
    assert [list(row.values()) for row in read_part(body, FIELDS, size=len(body), escaped=True)] == [cells]


@pytest.mark.parametrize(
    ("begun", "utc", "zone", "moment"),
    [
        ("2026-10-25 02:30:00", "2026-10-25 03:30:00", "Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-10-25 02:30:00", "2026-10-25 04:30:00", "Europe/Berlin", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        ("2026-10-25 02:30:00", "2026-10-25 01:30:00", "Europe/Berlin", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        ("2026-10-25 02:30:00", "", "Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-03-29 02:30:00", "2026-03-29 04:30:00", "Europe/Berlin", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("2026-06-01 12:00:00", "2026-06-01 12:00:00", "Asia/Yekaterinburg", datetime(2026, 6, 1, 7, tzinfo=UTC)),
    ],
    ids=["doubled hour, first", "doubled hour, second", "doubled hour, second, told in UTC", "doubled hour, untold",
         "skipped hour", "another zone"],
)
def test_a_local_time_at_a_clock_change_is_one_moment(
    load: Load, vendor: Vendor, rows: Rows, begun: str, utc: str, zone: str, moment: datetime
) -> None:
    vendor.play = Script(tsv(line(begun=begun, begun_utc3=utc, visit_date=begun[:10])), zone=zone)
    load("yandex_metrica", "visits", begun[:10], begun[:10], counters=COUNTERS, now=datetime(2027, 1, 1, tzinfo=UTC))
    assert rows("select started_at from staging.yandex_metrica__visits") == [(moment,)]


def test_a_counter_that_changed_its_zone_stops_the_stream(load: Load, vendor: Vendor, rows: Rows) -> None:
    vendor.play = Script(tsv(line()))
    load_visits(load)
    vendor.play = Script(tsv(line(visit_id="19")), zone="Asia/Yekaterinburg")
    with pytest.raises(GuardError, match="time_zone"):
        load_visits(load)
    assert rows("select visit_id from staging.yandex_metrica__visits") == [("17",)]


@pytest.mark.parametrize(
    "bad",
    [
        Reply("busy", 429, {"Retry-After": "0"}), Reply("busy", 429), Reply("busy", 420), Reply("oops", 500),
        Reply({"errors": [{"error_type": "backend_error"}]}, 503), Reply("<html>login</html>"),
        Reply(tsv(line(), line(visit_id="18")), cut=True), Reply(tsv(line(), line(visit_id="18"))[:-30]),
        Reply(tsv(line())), Reply(tsv()), Reply(b""), Reply(tsv(line(visit_id="16"))),
        Reply("a\tb\n" + "1\t2\n" * 900),
    ],
    ids=["429 with Retry-After", "429", "420", "500", "busy inside", "HTML", "connection cut", "cut in a line",
         "a line short", "no lines", "nothing", "an earlier part once more", "other columns"],
)
def test_a_part_that_is_not_whole_is_downloaded_again(load: Load, vendor: Vendor, rows: Rows, bad: Reply) -> None:
    script = Script(tsv(line(visit_id="16")), tsv(line(), line(visit_id="18")))
    script.replies["part/1/download"] = [bad]
    vendor.play = script
    assert load_visits(load).rows_written == 3
    assert acts(vendor) == ["logrequests", "logrequest/7/clean"]


def test_a_part_that_stays_short_writes_nothing_and_the_log_is_cleaned_all_the_same(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    vendor.play = Script(tsv(line()), parts=[{"part_number": 0, "size": 100_000}])
    with pytest.raises(PayloadError, match="100000 are announced"):
        load_visits(load)
    assert rows("select count(*) from staging.yandex_metrica__visits") == [(0,)]
    assert acts(vendor) == ["logrequests", "logrequest/7/clean"]
    assert load_visits(load, check_sizes=False).rows_written == 1


def test_a_broken_line_is_set_aside_and_a_field_gone_or_new_is_no_whole_part(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    vendor.play = Script(tsv(line(), "17\t44", line(visit_id="18", begun="soon")))
    assert load_visits(load).rows_rejected == 2
    assert rows("select column_name, reason from staging.rejected_rows order by row_number") == [
        (None, f"2 values for {len(FIELDS)} columns"), ("ym:s:dateTime", "'soon' is no date and time")
    ]
    short = "\t".join(FIELDS[1:]) + "\n"
    vendor.play = Script(short.encode())
    with pytest.raises(PayloadError, match="columns are not the ones"):
        load_visits(load)
    vendor.play = Script(tsv(line()).replace(b"\tym:s:referer", b"").replace(b"yclid=1\t", b"yclid=1"))
    assert load_visits(load, without_fields=["ym:s:referer"]).rows_rejected == 0


def test_a_log_whose_making_failed_is_ordered_again_and_not_for_ever(load: Load, vendor: Vendor) -> None:
    script = Script(tsv(line()))
    script.replies["logrequest/7"] = [Reply({"log_request": {"request_id": 7, "status": word}})
                                      for word in ("created", "awaiting_retry", "processing_failed")]
    vendor.play = script
    assert load_visits(load).rows_read == 1
    assert acts(vendor) == ["logrequests", "logrequests", "logrequest/7/clean"]
    for status, words in (("processing_failed", "failed 3 times"), ("cleaned_by_user", "was cleaned_by_user")):
        vendor.play = Script(tsv(line()), status=status)
        with pytest.raises(TransientError, match=words):
            load_visits(load)


def left(number: int, status: str, first: str = "2026-06-01", **told: object) -> dict[str, Any]:
    return {"request_id": number, "status": status, "source": "visits", "date1": first, "date2": "2026-06-01",
            "fields": FIELDS, **told}


def test_what_a_killed_run_left_is_waited_for_or_given_back_and_others_logs_are_left_alone(
    load: Load, vendor: Vendor
) -> None:
    script = Script(tsv(line()))
    script.left = [
        left(1, "processed", source=["visits"]), left(2, "created", "2026-05-01"), left(3, "cleaned_by_user"),
        left(4, "processed", fields=["ym:s:visitID"]), left(5, "processed", source="hits"), left(6, "awaiting_retry"),
    ]
    vendor.play = script
    assert load_visits(load).rows_read == 1
    assert acts(vendor) == ["logrequest/1/clean", "logrequest/2/cancel", "logrequest/6/clean"]
    assert any(asked.path.endswith("logrequest/6") for asked in vendor.asked)


def test_cleaning_that_fails_does_not_cost_the_load(load: Load, vendor: Vendor) -> None:
    script = Script(tsv(line()))
    script.replies["/clean"] = [Reply("no", 400)]
    vendor.play = script
    assert load_visits(load).rows_written == 1


def test_without_room_the_days_that_fit_are_asked_for_and_none_at_all_stops(load: Load, vendor: Vendor) -> None:
    script = Script(tsv())
    small = {"possible": False, "max_possible_day_quantity": 2}
    script.replies["/evaluate"] = [Reply({"log_request_evaluation": small})]
    vendor.play = script
    load("yandex_metrica", "visits", "2026-06-01", "2026-06-05", counters=COUNTERS)
    ordered = [asked.query for asked in vendor.asked if asked.method == "POST" and asked.query]
    assert [query["date1"][-2:] + "-" + query["date2"][-2:] for query in ordered] == ["01-02", "03-04", "05-05"]
    script.evaluation = {"possible": False, "max_possible_day_quantity": 0}
    with pytest.raises(TransientError, match="no room"):
        load_visits(load)


def test_today_is_not_asked_for(load: Load, vendor: Vendor) -> None:
    vendor.play = Script(tsv(line(visit_date="2026-05-31", begun="2026-05-31 12:00:00")))
    load("yandex_metrica", "visits", "2026-05-30", "2026-06-01", counters=COUNTERS,
         now=datetime(2026, 6, 1, 1, tzinfo=UTC))
    ordered = next(asked.query for asked in vendor.asked if asked.method == "POST")
    assert ordered["date2"] == "2026-05-31"
    vendor.asked.clear()
    load("yandex_metrica", "visits", "2026-06-01", "2026-06-01", counters=COUNTERS,
         now=datetime(2026, 6, 1, 1, tzinfo=UTC))
    assert acts(vendor) == []


def test_the_days_requests_spent_stop_until_midnight_of_greenwich(vendor: Vendor) -> None:
    vendor.script(Reply({"errors": [{"error_type": "quota_requests_by_uid"}]}, 429))
    settings = {"base_url": vendor.url, "token": "t", "counters": COUNTERS, "requests_per_second": 0}
    context = make_context(source("yandex_metrica"), settings, run_id="r", now=datetime(2026, 6, 2, tzinfo=UTC))
    client = MetricaClient(context, clock=lambda: datetime(2026, 6, 2, 22, 30, tzinfo=UTC))
    with pytest.raises(TransientError, match="day are spent") as caught:
        client.time_zone("44", where="yandex_metrica")
    assert caught.value.retry_after == 5400
    assert len(vendor.asked) == 1
    client.close()


def test_a_refusal_is_not_repeated_and_the_token_is_never_told(
    load: Load, vendor: Vendor, rows: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = ""
    for status, kind in ((401, "invalid_token"), (403, "access_denied"), (400, "invalid_parameter"), (404, SECRET)):
        vendor.asked.clear()
        vendor.script(Reply({"errors": [{"error_type": kind, "message": SECRET}], "code": status}, status))
        with pytest.raises(RejectedError, match=str(status)) as caught:
            load_visits(load, token=SECRET)
        assert len(vendor.asked) == 1
        told += "".join(traceback.format_exception(caught.value))
    for reply in (Reply(f"<html>{SECRET}</html>"), Reply(SECRET, 500)):
        vendor.script(reply)
        with pytest.raises(ChairsideError) as failed:
            load_visits(load, token=SECRET)
        told += "".join(traceback.format_exception(failed.value))
    assert SECRET not in told + caplog.text + str(rows("select message from ops.loads"))


def test_a_visits_number_may_come_again_in_another_year(load: Load, vendor: Vendor, warehouse: str, rows: Rows) -> None:
    vendor.play = Script(tsv(line(visit_date="2025-06-01", begun="2025-06-01 12:00:00")))
    load("yandex_metrica", "visits", "2025-06-01", "2025-06-01", counters=COUNTERS)
    vendor.play = Script(tsv(line()))
    load_visits(load)
    create_views(warehouse, "yandex_metrica")
    assert rows("select session_id from staging.stg_yandex_metrica__sessions order by 1") == [
        ("yandex_metrica:17",), ("yandex_metrica:17:44:2026-06-01",)
    ]


# --- against the simulator ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def city() -> World:
    return build_world(5, date_from=date(2026, 8, 1), days=40)


OPTIONS = (
    MetricaOptions(part_rows=7),
    MetricaOptions(part_rows=30, too_many_status=420, escaped=False, utc=0, source_as_list=True, failing=1, max_days=5),
)


@pytest.mark.parametrize("options", OPTIONS)
def test_the_city_arrives_whole_through_every_fault(
    load: Load, rows: Rows, warehouse: str, city: World, options: MetricaOptions
) -> None:
    kinds: tuple[FaultKind, ...] = ("too_many_requests", "server_error", "cut_body", "truncated_json", "html")
    faults = Faults([
        *(Fault(kind, "yandex_metrica", after=after, retry_after=0) for after in (0, 2) for kind in kinds),
        *(Fault(kind, "yandex_metrica", matching="/download", after=after, retry_after=0)
          for after, kind in enumerate((*kinds, "empty_page", "repeated_page"))),
    ])  # fmt: skip
    vendor = SIMULATOR.make(city, options, lambda: 0.0)
    server = VendorServer(vendor, faults)
    server.start()
    endpoint = SIMULATOR.endpoint(city, server.base_url, vendor)
    settings = {**endpoint["settings"], "base_url": endpoint["base_url"], "token": endpoint["token"]}
    state = state_of(vendor)
    quick: dict[str, Any] = {**settings, "poll_seconds": 0.01, "attempts": 12, "escaped": options.escaped,
                             "now": datetime(2026, 9, 12, tzinfo=UTC)}
    try:
        load("yandex_metrica", "visits", "2026-07-25", "2026-09-12", **quick)
        create_views(warehouse, "yandex_metrica")
        truth = city.rows_of("yandex_metrica")["sessions"]
        query = ("select session_id, client_id, started_at, site, landing_page, referrer, utm_term"
                 " from staging.stg_yandex_metrica__sessions order by 1")  # fmt: skip
        assert len(truth) > 100
        assert rows(query) == sorted(
            tuple(row[name] for name in ("session_id", "client_id", "started_at", "site", "landing_page", "referrer",
                                         "utm_term")) for row in truth
        )
        # Later edits: a visit goes on, another turns out to be a robot's; the next load cleans what a lost answer left.
        first, second = list(state.sessions)[:2]
        state.edit(first, utm_term="a\tb" if options.escaped else "a b")
        state.delete(second)
        again = load("yandex_metrica", "visits", "2026-07-25", "2026-09-12", **quick)
        assert (again.rows_written, again.rows_deleted) == (1, 1)
        assert [made for made in state.kept() if made.status == "processed"] == []
    finally:
        server.stop()
    assert len(faults.fired) >= len(kinds)


def state_of(vendor: object) -> MetricaState:
    assert isinstance(vendor, YandexMetrica)
    return vendor.state


@pytest.mark.parametrize(
    "told",
    [{"request_id": 8}, {"date1": "2026-05-01", "date2": "2026-05-01"}, {"parts": None, "size": None}, {"parts": []},
     {"parts": [{"part_number": 1, "size": 1}]}],
    ids=["another log", "other days", "no parts and no size", "no parts", "a part is missing"],
)
def test_a_log_that_is_not_the_one_that_was_ordered_is_not_read(
    load: Load, vendor: Vendor, rows: Rows, told: dict[str, Any]
) -> None:
    vendor.play = Script(tsv(line()), tsv(line(visit_id="18")))
    load_visits(load)
    vendor.play = Script(tsv(line()), tsv(line(visit_id="18")), **told)
    with pytest.raises(PayloadError):
        load_visits(load)
    assert rows("select count(*) from staging.yandex_metrica__visits") == [(2,)]


def test_a_part_with_visits_of_other_days_is_taken_for_another_part(load: Load, vendor: Vendor, rows: Rows) -> None:
    vendor.play = Script(tsv(line()))
    load_visits(load)
    vendor.play = Script(tsv(line(visit_id="18", visit_date="2026-06-02", begun="2026-06-02 12:00:00")))
    with pytest.raises(PayloadError):
        load_visits(load)
    assert rows("select visit_id from staging.yandex_metrica__visits") == [("17",)]


def test_a_log_that_is_said_to_be_of_no_bytes_and_has_no_parts_is_one_of_nothing(
    load: Load, vendor: Vendor, rows: Rows
) -> None:
    vendor.play = Script(tsv(line()))
    load_visits(load)
    vendor.play = Script(parts=None, size=0)
    assert load_visits(load).rows_deleted == 1
