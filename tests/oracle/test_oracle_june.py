"""The oracle gives every figure of the June case that was worked out by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.oracle.deals import deals_of_period, won_deals
from tests.oracle.desk_reports import administrator_conversion, inquiry_history
from tests.oracle.reports import channels_and_sources
from tests.oracle.rows import Data, read_folder
from tests.oracle.world import world

FOLDER = Path(__file__).resolve().parents[1] / "cases" / "june"
JUNE = (date(2026, 6, 1), date(2026, 6, 30))


@pytest.fixture(scope="module")
def june() -> Data:
    return read_folder(FOLDER)


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / "expected.yml").read_text(encoding="utf-8"))
    return loaded


def only(rows: list[dict[str, Any]], **wanted: str | None) -> dict[str, Any]:
    found = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    assert len(found) == 1, f"{len(found)} rows with {wanted}"
    return found[0]


def assert_figures(row: dict[str, Any], expected: dict[str, Any]) -> None:
    wanted = {name: None if value is None else Decimal(str(value)) for name, value in expected.items()}
    assert {name: row[name] for name in wanted} == wanted


def test_inquiries_of_june(june: Data, expected: dict[str, Any]) -> None:
    inquiries = world(june).inquiries
    wants = [inquiry for inquiry in inquiries if inquiry.counts]
    history = inquiry_history(june)
    assert {
        "contacts": len({row["contact_id"] for row in history}),
        "inquiries_of_any_group": len(inquiries),
        "wants_to_book": len(wants),
        "primary": sum(inquiry.is_primary for inquiry in wants),
        "repeat": sum(not inquiry.is_primary for inquiry in wants),
        "shared_phone_call_E7": [
            row["person_key"].removeprefix("patient:") for row in history if row["contact_id"] == "E7"
        ],
    } == expected["inquiries"]


def test_channels_and_sources_of_june(june: Data, expected: dict[str, Any]) -> None:
    figures = expected["channels_and_sources"]
    assert_figures(only(channels_and_sources(june, *JUNE, level="total")), figures["total"])
    by_source = channels_and_sources(june, *JUNE, level="source")
    for source in ("yandex", "vk", "banner"):
        assert_figures(only(by_source, source=source), figures[source])
    assert len(by_source) == 3
    extra = dict(figures["with_referrals_extra_row"])
    with_referrals = channels_and_sources(june, *JUNE, with_referrals=True)
    assert_figures(only(with_referrals, channel=extra.pop("channel")), extra)
    week = channels_and_sources(june, date(2026, 6, 3), date(2026, 6, 9), level="source")
    assert_figures(only(week, source="yandex"), figures["period_2026_06_03_to_09_yandex"])


def test_administrator_conversion_of_june(june: Data, expected: dict[str, Any]) -> None:
    figures = expected["administrator_conversion"]
    rows = administrator_conversion(june, *JUNE)
    assert_figures(only(rows, administrator_id=None), figures["all"])
    for administrator in ("anna", "boris"):
        assert_figures(only(rows, administrator_id=administrator), figures[administrator])
    for name, options in {
        "primary": {"audience": "primary"},
        "hide_employee_referrals": {"hide_employee_referrals": True},
        "topic_implants": {"topic": "implants"},
    }.items():
        filtered = administrator_conversion(june, *JUNE, **options)  # type: ignore[arg-type]
        assert_figures(only(filtered, administrator_id=None), figures[name])


def test_spend_of_the_banner_sums_to_what_was_entered(june: Data, expected: dict[str, Any]) -> None:
    days = [day for day in world(june).spend if day.source == "banner"]
    assert len(days) == 30
    assert sum(day.without_vat for day in days) == expected["spend_of_banner_per_day_sums_to"]


def test_deals_of_june(june: Data, expected: dict[str, Any]) -> None:
    figures = expected["deal_journal"]
    deals = deals_of_period(june, *JUNE)
    won = won_deals(june, *JUNE)
    assert {
        "deals": len(deals),
        "won": len(won),
        "revenue": sum(deal["amount"] for deal in won),
        "revenue_by_contact_kind": {
            kind: sum(deal["amount"] for deal in won if deal["contact_kind"] == kind)
            for kind in figures["revenue_by_contact_kind"]
        },
        "top_deals": [deal["deal_id"] for deal in won[:3]],
        "created_via": {way: sum(deal["created_via"] == way for deal in deals) for way in figures["created_via"]},
        "sessions_before_contact_of_D1": only(deals, deal_id="D1")["sessions_before_contact"],
        "days_to_close_of_won": [deal["days_to_close"] for deal in deals if deal in won],
        "hot_won": sum("hot" in deal["tags"] for deal in won),
    } == figures
