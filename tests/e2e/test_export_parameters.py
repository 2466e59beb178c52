"""`make export` takes a report's own parameters, and says which there are where one is missing or unknown."""

from __future__ import annotations

import csv
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from extractors.core.errors import ConfigError
from runtime.__main__ import parser, run
from runtime.export import known, parameters_of, query_of
from runtime.progress import Progress
from tests.city import FIRST, LAST, City

PERIOD: dict[str, object] = {"date_from": FIRST, "date_to": LAST}


def exported(city: City, report: str, given: dict[str, object]) -> list[tuple[Any, ...]]:
    with psycopg.connect(city.url) as connection:
        return connection.execute(query_of(connection, report, given)).fetchall()


def test_a_parameter_reaches_the_report(city: City) -> None:
    by_channel = exported(city, "channels_and_sources", PERIOD)
    by_campaign = exported(city, "channels_and_sources", parameters_of("level=campaign clinic=C1") | PERIOD)
    assert {row[3] for row in by_channel} == {None}
    assert len(by_campaign) > len(by_channel)
    with psycopg.connect(city.url) as connection:
        someone = connection.execute("select person_key from reports.inquiry_history limit 1").fetchone()
    assert someone is not None
    assert exported(city, "client_path", {"person_key": someone[0]})


@pytest.mark.parametrize(
    ("report", "given", "said"),
    [
        ("channels_and_sources", {}, "wants FROM=… TO=…"),
        ("channels_and_sources", {"date_from": FIRST}, "wants TO=…"),
        ("client_path", {}, "wants WITH=person_key=…"),
        ("top_deals", PERIOD | {"how_mny": "5"}, "has no how_mny. It has: date_from, date_to, how_many"),
        ("service_dips_checked", PERIOD, "has no period; leave FROM and TO out"),
        ("inquiry_history", {"topic": "implants"}, "has no parameters; leave out: WITH=topic"),
        ("chanels", PERIOD, "There is no report 'chanels'. Known: ad_payback, "),
        ("nothing_daily", {}, "service_sales_daily"),
    ],
)
def test_a_wrong_question_is_answered_by_what_can_be_asked(
    city: City, report: str, given: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        exported(city, report, given)
    assert said in str(refused.value)
    assert "_trace" not in str(refused.value)


def test_a_report_that_knows_days_is_cut_to_the_period(city: City) -> None:
    one_day = exported(city, "inquiry_history", {"date_from": FIRST, "date_to": FIRST})
    assert 0 < len(one_day) < len(exported(city, "inquiry_history", {"date_to": LAST}))
    assert {row[4] for row in one_day} == {date(2026, 8, 1)}


@pytest.mark.parametrize(("report", "day"), [("deal_journal", "created_date"), ("deal_summary_daily", "day")])
def test_deals_and_days_are_cut_to_the_period_too(city: City, report: str, day: str) -> None:
    """Every report is asked with FROM and TO; deals of a period are those created in it (RULES 12.25)."""
    inside: dict[str, object] = {"date_from": date(2026, 8, 10), "date_to": date(2026, 8, 16)}
    with psycopg.connect(city.url) as connection:
        wanted = connection.execute(
            f"select * from reports.{report} where {day} between '2026-08-10' and '2026-08-16'".encode()
        ).fetchall()
        names = connection.execute(f"select * from reports.{report} limit 0".encode()).description
    found = exported(city, report, inside)
    assert sorted(found, key=str) == sorted(wanted, key=str)
    place = [column.name for column in names or ()].index(day)
    assert found == sorted(found, key=lambda row: (row[place], row[0]))
    assert 0 < len(found) < len(exported(city, report, {}))


def test_what_can_be_exported_is_what_rights_are_given_on(city: City) -> None:
    """The list comes of the catalog, as far as a login may read; rights know reports by name."""
    with psycopg.connect(city.url) as connection:
        listed = set(known(connection))
        reports = {name for (name,) in connection.execute("select report from access.known_reports").fetchall()}
        opened = {
            name
            for (name,) in connection.execute(
                "select relation_name from access.relations where schema_name = 'reports' and report <> '*'"
            ).fetchall()
        }
    assert reports - {"marts", "deal_entry"} <= listed
    assert listed <= opened


@pytest.mark.parametrize("text", ["campaign", "level=", "level='a", "=x"])
def test_parameters_are_names_with_values(text: str) -> None:
    if text == "level=":
        assert parameters_of(text) == {"level": ""}
    else:
        with pytest.raises(ConfigError, match="WITH is like"):
            parameters_of(text)


def test_times_of_a_file_are_on_the_clinics_clock(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_URL", city.url)
    monkeypatch.setenv("CHAIRSIDE_HOME", str(tmp_path / "home"))
    out = tmp_path / "history.csv"
    words = ("export", "--report", "inquiry_history", "--from", str(FIRST), "--to", str(FIRST), "--out", str(out))
    assert run(parser().parse_args(words), Progress()) == 0
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with psycopg.connect(city.url) as connection:
        zones = connection.execute("select time_zone from marts.dim_clinics order by clinic_id").fetchall()
    for row in rows:
        moment = datetime.fromisoformat(row["occurred_at"])
        assert moment.utcoffset() == moment.astimezone(ZoneInfo(zones[0][0])).utcoffset() != timedelta(0)
    # the past is a file too; a day that is not kept is told with the oldest one
    too_early = ("export", "--report", "inquiry_history_as_of", "--with", "as_of_day=2020-01-01")
    with pytest.raises(ConfigError, match=r"no publication of 2020-01-01 or before is kept\. History begins on 20"):
        run(parser().parse_args(too_early), Progress())
