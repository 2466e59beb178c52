"""What a reader gets from the vendors, by the written mapping, is exactly the city's truth."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from extractors.kinds import KIND_BY_NAME
from simulators.running import SIMULATORS, Simulators
from simulators.world import World
from simulators.world.export import file_rows
from tests.simulators import reading, reading_dental

Row = dict[str, Any]


def same(kind: str, read: list[Row], truth: list[Row]) -> None:
    """Equal as sets of rows; a column that was not read is null."""
    names = [column.name for column in KIND_BY_NAME[kind].columns]

    def keyed(rows: list[Row]) -> list[str]:
        return sorted(repr([_plain(row.get(name)) for name in names]) for row in rows)

    assert truth, f"the city has no {kind}"
    assert keyed(read) == keyed(truth)


def _plain(value: object) -> object:
    """Instants compare as instants and amounts as amounts, however they are written."""
    if isinstance(value, datetime):
        return ("instant", value.timestamp())
    return ("amount", f"{value.normalize():f}") if isinstance(value, Decimal) else value


def test_calls_requests_and_visits_carry_the_truth(city: World, vendors: Simulators) -> None:
    contacts, sessions = reading.calltouch(vendors.endpoints["calltouch"], city.date_from, city.date_to)
    truth = city.neutral_rows()
    same("contacts", contacts, [row for row in truth["contacts"] if row["contact_id"].startswith("calltouch:")])
    same("sessions", sessions, city.rows_of("calltouch")["sessions"])


def test_reports_carry_the_spend_to_the_kopeck(city: World, vendors: Simulators) -> None:
    spend = reading.direct_spend(vendors.endpoints["yandex_direct"], city.date_from, city.date_to)
    same("ad_spend", spend, city.rows_of("yandex_direct")["ad_spend"])


def test_the_portal_carries_deals_with_history_and_products(city: World, vendors: Simulators) -> None:
    read = reading.bitrix(vendors.endpoints["bitrix24"])
    truth = city.neutral_rows()
    for kind in ("deals", "deal_stages", "deal_items"):
        same(kind, read[kind], truth[kind])


def test_the_clinic_system_carries_patients_visits_money_and_plans(city: World, vendors: Simulators) -> None:
    read = reading_dental.open_dental(vendors.endpoints["open_dental"])
    truth = city.neutral_rows()
    for kind in ("patients", "appointments", "sales", "payments", "treatment_stages"):
        same(kind, read[kind], truth[kind])


def test_vendors_and_files_together_are_everything(city: World) -> None:
    files = file_rows(city, SIMULATORS)
    told = [city.rows_of(source) for source in SIMULATORS] + [files]
    for kind, truth in city.neutral_rows().items():
        assert sum(len(rows[kind]) for rows in told) == len(truth), kind
    assert {row["kind"] for row in files["contacts"]} >= {"front_desk", "message", "email", "call"}
    assert city.date_to - city.date_from == timedelta(days=59)
