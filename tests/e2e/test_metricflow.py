"""`mf query` answers the numbers of the reports, in the invented city."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from extractors.core.errors import ConfigError
from runtime.metrics import run_mf
from tests.city import FIRST, LAST, City

PERIOD = f"date '{FIRST}', date '{LAST}'"


def asked(city: City, folder: Path, report: str, metrics: list[str], by: str | None) -> dict[str, tuple[Decimal, ...]]:
    """The metrics of a report by a dimension, as MetricFlow answers them; without one under the key ''."""
    file = folder / "answer.csv"
    query = ["query", "--metrics", ",".join(f"{report}_{name}" for name in metrics), "--csv", str(file)]
    query += ["--start-time", FIRST.isoformat(), "--end-time", LAST.isoformat()]
    query += ["--group-by", by] if by else []
    done = run_mf(city.url, city.dbt, folder / "project", query, quiet=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with file.open(encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    return {
        row[by] if by else "": tuple(round(Decimal(row[f"{report}_{name}"] or "NaN"), 2) for name in metrics)
        for row in rows
    }


def reported(city: City, query: str) -> dict[str, tuple[Decimal, ...]]:
    with psycopg.connect(city.url) as connection:
        return {
            row[0] or "": tuple(round(Decimal("NaN" if value is None else value), 2) for value in row[1:])
            for row in connection.execute(query.encode())
        }


def as_text(answer: dict[str, tuple[Decimal, ...]]) -> dict[str, list[str]]:
    """Comparable: an unknown figure is equal to an unknown one."""
    return {key: [str(value) for value in values] for key, values in answer.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("report", "metrics", "by", "query"),
    [
        (
            "administrator_conversion",
            ["inquiries", "booked", "booked_percent", "booked_or_waiting_percent", "arrived_of_due_percent"],
            "inquiry__administrator_id",
            "select administrator_id, {} from reports.administrator_conversion({}) where administrator_id is not null",
        ),
        (
            "ad_payback",
            ["spend", "clicks", "inquiries", "deals", "won", "revenue", "roi_percent"],
            "source_of_a_day__channel",
            "select channel, {} from reports.ad_payback({}, 'channel')",
        ),
        (
            "service_sales",
            ["sales", "quantity", "amount", "buyers"],
            None,
            "select '', {} from reports.service_sales({}, grain => 'period', level => 'total')",
        ),
        (
            "lead_plan",
            ["history_spend", "history_inquiries", "history_clients"],
            "channel_of_a_day__channel",
            "select channel, {} from (select channel, spend as history_spend, inquiries as history_inquiries,"
            " clients as history_clients from reports.channels_and_sources({}, 'channel', with_referrals => true))",
        ),
    ],
)
def test_mf_query_answers_what_the_report_shows(
    city: City, tmp_path: Path, report: str, metrics: list[str], by: str | None, query: str
) -> None:
    answer = asked(city, tmp_path, report, metrics, by)
    assert answer
    assert as_text(answer) == as_text(reported(city, query.format(", ".join(metrics), PERIOD)))


def test_without_a_build_there_is_nothing_to_ask(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no metrics yet"):
        run_mf("postgresql://nobody@127.0.0.1:1/none", tmp_path, tmp_path / "project", ["list", "metrics"])
