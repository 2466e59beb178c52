"""Which days a source's run loads."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from extractors.core.errors import ConfigError
from extractors.days import lookback, window
from extractors.registry import source

TODAY = date(2026, 6, 30)
# Just after midnight of that day in the zone of the schedules, Moscow.
TICK = datetime(2026, 6, 29, 21, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("read_to", "asked", "expected"),
    [
        pytest.param(None, (None, None), (date(2026, 4, 1), TODAY), id="never read: the first load's days"),
        pytest.param(date(2026, 6, 29), (None, None), (date(2026, 6, 22), TODAY), id="bookmark less the lookback"),
        pytest.param(date(2026, 6, 10), (None, None), (date(2026, 6, 3), TODAY), id="days missed are made up for"),
        pytest.param(date(2026, 7, 2), (None, None), (date(2026, 6, 23), TODAY), id="a bookmark ahead of its day"),
        pytest.param(
            date(2026, 6, 29), (date(2026, 1, 1), date(2026, 1, 31)), (date(2026, 1, 1), date(2026, 1, 31)), id="asked"
        ),
        pytest.param(date(2026, 6, 29), (date(2026, 6, 1), None), (date(2026, 6, 1), TODAY), id="asked from a day on"),
    ],
)
def test_a_run_loads_the_days_it_was_asked_for_or_those_since_the_bookmark(
    read_to: date | None, asked: tuple[date | None, date | None], expected: tuple[date, date]
) -> None:
    assert window(today=TODAY, read_to=read_to, lookback_days=7, first_load_days=90, asked=asked) == expected


@pytest.mark.parametrize(
    ("read_from", "asked", "first"),
    [
        pytest.param(date(2026, 6, 28), (None, None), date(2026, 4, 1), id="a day or two by hand are no first load"),
        pytest.param(date(2026, 4, 1), (None, None), date(2026, 6, 22), id="the first load was made"),
        pytest.param(None, (None, None), date(2026, 6, 22), id="nobody noted it"),
        pytest.param(date(2026, 6, 28), (None, date(2026, 6, 29)), date(2026, 6, 22), id="asked until a day"),
    ],
)
def test_days_of_a_first_load_that_nobody_read_are_still_to_come(
    read_from: date | None, asked: tuple[date | None, date | None], first: date
) -> None:
    found = window(
        today=TODAY, read_to=date(2026, 6, 29), lookback_days=7, first_load_days=90, asked=asked, read_from=read_from
    )
    assert found[0] == first


@pytest.mark.parametrize(
    ("stream", "settings", "asked", "expected"),
    [
        pytest.param("yandex_direct.ad_performance", {}, None, 14, id="the stream's own"),
        pytest.param("yandex_direct.ad_performance", {"lookback_days": 90}, None, 90, id="the connection's"),
        pytest.param("yandex_direct.account_days", {"lookback_days": "90"}, None, 90, id="totals go back as far"),
        pytest.param("yandex_direct.ad_performance", {"lookback_days": 3}, None, 14, id="never shorter than its own"),
        pytest.param("bitrix24.deals", {"lookback_days": 90}, None, 1, id="changes are told by their own date"),
        pytest.param("yandex_direct.ad_performance", {"lookback_days": 90}, 5, 5, id="a run's parameter wins"),
    ],
)
def test_how_far_back_a_daily_run_reads(
    stream: str, settings: dict[str, object], asked: int | None, expected: int
) -> None:
    name, _, one = stream.partition(".")
    assert lookback(source(name).stream(one), settings, asked) == expected


def test_a_setting_of_days_that_is_no_number_is_named() -> None:
    with pytest.raises(ConfigError, match="yandex_direct: the setting `lookback_days` is not a number"):
        lookback(source("yandex_direct").stream("ad_performance"), {"lookback_days": "a month"}, None)


@pytest.mark.parametrize(
    ("params", "run", "expected"),
    [
        pytest.param((None, None), ("scheduled", TICK), (None, None), id="the daily run goes by the bookmark"),
        pytest.param((None, None), ("backfill", TICK), (TODAY, TODAY), id="Airflow's own backfill: its tick's day"),
        pytest.param(
            ("2026-01-01", "2026-01-31"), ("backfill", TICK), (date(2026, 1, 1), date(2026, 1, 31)), id="as asked"
        ),
        pytest.param((None, None), ("backfill", None), (None, None), id="a backfill without a tick"),
    ],
)
def test_a_run_of_airflows_own_backfill_stands_for_the_day_of_its_tick(
    params: tuple[str | None, str | None],
    run: tuple[str, datetime | None],
    expected: tuple[date | None, date | None],
) -> None:
    from dags.common.source_dag import asked_days

    asked = {"date_from": params[0], "date_to": params[1]}
    assert asked_days(asked, SimpleNamespace(run_type=run[0], logical_date=run[1])) == expected


def test_a_connection_without_a_folder_is_told_once_and_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from dags.common.source_dag import load_inbox

    monkeypatch.setenv("AIRFLOW_CONN_FILES", '{"conn_type": "fs"}')
    with pytest.raises(AirflowFailException, match="files: the connection has no `path`"):
        load_inbox({})
