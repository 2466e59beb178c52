"""Settings out of connections, rates kept ahead of time, pauses that vendors ask for, phones in one form."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from extractors.core.errors import ConfigError
from extractors.core.http import retry_after
from extractors.core.phones import e164
from extractors.core.said import said
from extractors.core.settings import WATCHED, Asked, settings_from_connection, settings_from_environment
from extractors.core.spec import RowError, Window
from extractors.core.throttle import Throttle
from extractors.core.values import local_time, money, offset_time, text
from extractors.registry import SOURCES, all_streams, source
from extractors.run import split


def test_a_connection_gives_the_same_settings_as_uri_and_as_json() -> None:
    expected = {"base_url": "http://127.0.0.1:8081/api/v1", "token": "p/w", "clinics": {"1": "C1"}, "login": "me"}
    assert settings_from_connection(
        "http://me:p%2Fw@127.0.0.1:8081/api%2Fv1?__extra__=%7B%22clinics%22%3A+%7B%221%22%3A+%22C1%22%7D%7D"
    ) == expected
    assert settings_from_connection(
        '{"conn_type": "http", "host": "127.0.0.1", "port": 8081, "schema": "api/v1", "login": "me",'
        ' "password": "p/w", "extra": "{\\"clinics\\": {\\"1\\": \\"C1\\"}}"}'
    ) == expected


@pytest.mark.parametrize("given", ["{not json", "no scheme", '{"host": "h", "extra": "[1]"}', "http://[bad"])
def test_a_connection_that_cannot_be_read_says_so_without_repeating_itself(given: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_from_connection(given)
    assert given not in str(caught.value)


def test_the_environment_serves_where_there_is_no_airflow() -> None:
    assert settings_from_environment(
        "calltouch", {"CHAIRSIDE_CALLTOUCH_TOKEN": "t", "CHAIRSIDE_CALLTOUCH_SITES": '{"1": "C1"}', "OTHER": "x"}
    ) == {"token": "t", "sites": {"1": "C1"}}
    with pytest.raises(ConfigError, match="AIRFLOW_CONN_CALLTOUCH"):
        settings_from_environment("calltouch", {})


def test_a_connection_of_the_environment_that_cannot_be_read_is_named_and_not_quoted() -> None:
    with pytest.raises(ConfigError, match="AIRFLOW_CONN_CALLTOUCH") as refused:
        settings_from_environment("calltouch", {"AIRFLOW_CONN_CALLTOUCH": '{"password": "sesame"'})
    assert "sesame" not in str(refused.value)


def test_a_misspelt_setting_is_one_that_nobody_asks_for_and_whose_like_is_missing() -> None:
    settings = Asked({"sitse": {}, "time_zone": "UTC", "tokens": "x", "token": "y", "note": "of the administrator"})
    for _ in range(WATCHED):
        assert settings.get("time_zone") == "UTC"
        assert settings.get("sites") is None
    assert settings["token"] == "y"
    assert settings.get("region", "RU") == "RU"
    assert settings.misspelt() == {"sitse": "sites"}


def test_a_throttle_waits_before_the_vendor_complains() -> None:
    now = [0.0]
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    throttle = Throttle(2.0, 3, monotonic=lambda: now[0], sleep=sleep)
    for _ in range(4):
        throttle.wait()
    assert pauses == [0.5, 0.5, 0.5]  # one at once: what the run before has used up is not known
    now[0] += 60
    for _ in range(3):
        throttle.wait()
    assert len(pauses) == 3


def test_retry_after_is_read_as_seconds_and_as_a_date() -> None:
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert retry_after({"Retry-After": "7"}) == 7
    assert retry_after({"Retry-After": "Mon, 01 Jun 2026 12:00:30 GMT"}, noon) == 30
    assert retry_after({"Retry-After": "Mon, 01 Jun 2026 12:00:30 -0000"}, noon) == 30  # UTC, and nobody knows whose
    assert retry_after({"Retry-After": "Mon, 01 Jun 99999 12:00:30 GMT"}) is None
    assert retry_after({"Retry-After": "soon"}) is None
    assert retry_after({}) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("+7 900 000-00-01", "+79000000001"), ("89000000001", "+79000000001"), ("9000000001", "+79000000001"),
        ("sip:74950000001@192.0.2.1", "+74950000001"), ("+44 20 7946 0000", "+442079460000"), ("anonymous", None),
        ("", None), (None, None), ("12", None),
    ],
)
def test_a_phone_has_one_form(given: str | None, expected: str | None) -> None:
    assert e164(given) == expected


def test_words_for_nothing_are_nothing() -> None:
    assert [text(word) for word in ("<не указано>", "(not set)", " ", None, "x ")] == [None, None, None, None, "x"]


def test_a_clinics_wall_clock_is_read_in_its_own_zone_even_when_the_clock_changes() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert local_time("2026-10-25 02:30:00", berlin, "x") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert local_time("2026-03-29 02:30:00", berlin, "x") == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert local_time("0001-01-01 00:00:00", berlin, "x") is None
    with pytest.raises(RowError):
        local_time("31/12/2026", berlin, "x")
    with pytest.raises(RowError, match="offset"):
        offset_time("2026-01-01T00:00:00", "x")
    with pytest.raises(RowError):
        money("NaN", "x")


def test_a_long_span_is_read_in_windows_that_cover_each_day_once() -> None:
    calls = source("calltouch").stream("calls")
    windows = list(split(calls, Window(date(2026, 1, 1), date(2026, 3, 15))))
    days = [day for window in windows for day in range(window.first.toordinal(), window.last.toordinal() + 1)]
    assert days == list(range(date(2026, 1, 1).toordinal(), date(2026, 3, 15).toordinal() + 1))


def test_every_stream_lands_in_a_table_named_after_its_source_and_is_described() -> None:
    tables = [stream.table for stream in all_streams()]
    assert len(tables) == len(set(tables)) > 20
    for name, spec in SOURCES.items():
        assert all(stream.table.startswith(f"{name}__") and stream.description for stream in spec.streams)
    with pytest.raises(ConfigError, match="Known"):
        source("nowhere")
    with pytest.raises(ConfigError, match="Known"):
        source("calltouch").stream("nothing")


def test_patients_named_by_tags_all_count_and_other_words_only_the_last() -> None:
    by_hand = ("topic:therapy", "patient:open_dental:7", "topic:hygiene", "patient: open_dental:8 ", "patient:", "vip")
    found = said([*((tag, True) for tag in by_hand), ("patient:open_dental:7", True), ("patient:open_dental:9", False)])
    assert found.topic == "hygiene"
    assert found.patient_ids == ["open_dental:7", "open_dental:8"]
    assert found.tags == ["patient:", "vip", "patient:open_dental:9"]
    assert said([("vip", True)]).patient_ids is None
