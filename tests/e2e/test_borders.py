"""What lies on a border, worked out by hand: midnights in four zones, two with half hours, changes of the clock,
the end of a year and of a month under a cost, a window's last moment, a refund, two currencies, a merged card."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest

from tests.e2e.comparing import compare, load
from tests.e2e.july import values

pytestmark = pytest.mark.slow

MOMENT = datetime(2026, 5, 20, 9, tzinfo=UTC)
ZONES = (("C1", "Europe/Moscow"), ("C2", "Asia/Kolkata"), ("C3", "America/New_York"), ("C4", "Australia/Lord_Howe"))
PHONE, TRACKED = "+79000000201", "+74950000009"
UPPER = {"utm_source": "Yandex", "utm_medium": "cpc", "utm_campaign": "x"}
LOWER = {"utm_source": "yandex", "utm_medium": "cpc"}
Row = dict[str, str]


def call(key: str, clinic_id: str, at: str, **told: str) -> Row:
    base = {"contact_id": key, "clinic_id": clinic_id, "occurred_at": at, "kind": "call", "direction": "inbound"}
    return {**base, **told}


def booked(key: str, patient: str, clinic_id: str, created: str, starts: str, status: str = "arrived") -> Row:
    base = {"appointment_id": key, "patient_id": patient, "clinic_id": clinic_id, "status": status}
    return {**base, "created_at": created, "starts_at": starts}


def paid(key: str, patient: str, at: str, amount: str, currency: str, appointment: str = "") -> Row:
    base = {"payment_id": key, "patient_id": patient, "clinic_id": "C1", "paid_at": at, "amount": amount}
    return {**base, "currency": currency, "appointment_id": appointment}


def cost(first: str, last: str, source: str, amount: str, **told: str) -> Row:
    base = {"date_from": first, "date_to": last, "source": source, "amount": amount, "currency": "RUB"}
    return {**base, "clinic_id": "C1", **told}


def deal(key: str, created: str, closed: str, clinic_id: str, kind: str, amount: str, currency: str = "RUB") -> Row:
    base = {"deal_id": key, "name": key, "created_at": created, "closed_at": closed, "created_via": "manual"}
    return {**base, "stage": kind, "stage_kind": kind, "amount": amount, "currency": currency, "clinic_id": clinic_id}


CASE: dict[str, list[Row]] = {
    "clinics": [{"clinic_id": key, "name": key, "time_zone": zone} for key, zone in ZONES],
    "patients": [
        *({"patient_id": f"P{n}", "clinic_id": "C1", "phones": f"+7900000010{n}"} for n in range(1, 10)),
        {"patient_id": "Q1", "clinic_id": "C2", "phones": PHONE, "merged_into_patient_id": "P9"},
    ],
    "currency_rates": [
        {"date": "2025-12-30", "currency": "USD", "rate": "80"},
        {"date": "2026-01-01", "currency": "USD", "rate": "90"},
        {"date": "2026-01-05", "currency": "EUR", "rate": "100"},
    ],
    "ad_spend": [
        cost("2025-12-30", "2026-01-02", "Yandex", "1000.01", medium="cpc", campaign="x", includes_vat="true"),
        cost("2025-12-30", "2026-01-02", "yandex", "100", medium="cpc", currency="usd", clinic_id=""),
        cost("2026-01-31", "2026-02-02", "radio", "0.05", channel="offline"),
    ],
    "tracking_addresses": [
        {
            "address": TRACKED, "channel": "offline", "source": "board",
            "valid_from": "2026-03-01", "valid_to": "2026-03-10",
        },
    ],
    "contacts": [
        call("K1", "C2", "2026-03-01T18:29:59.999+00:00", patient_ids="P1", **UPPER),
        call("K2", "C2", "2026-03-01T18:30:00+00:00", patient_ids="P1", **LOWER),
        # the clock goes forward on 8 March
        call("K3", "C3", "2026-03-08T04:30:00+00:00", patient_ids="P2", **LOWER),
        call("K4", "C3", "2026-03-09T03:59:00+00:00", patient_ids="P2"),
        call("K5", "C3", "2026-03-09T04:00:00+00:00", patient_ids="P2"),
        # the clock goes back by half an hour on 5 April
        call("K6", "C4", "2026-04-05T13:29:59+00:00", patient_ids="P3"),
        call("K7", "C4", "2026-04-05T13:30:00+00:00", patient_ids="P3"),
        call("K8", "C2", "2026-03-10T18:29:00+00:00", patient_ids="P4", called_address=TRACKED),
        call("K9", "C2", "2026-03-10T18:30:00+00:00", patient_ids="P5", called_address=TRACKED),
        call("L1", "C1", "2026-01-01T00:00:00+03:00", patient_ids="P6", **LOWER),
        call("L2", "C1", "2025-12-31T23:59:59.999999+03:00", patient_ids="P7", **UPPER),
        call("L3", "C1", "2026-01-10T12:00:00+03:00", patient_ids="P8", how_learned="advertising"),
        call("L4", "C1", "2026-01-10T12:00:00+03:00", patient_ids="P9", how_learned="signboard"),
        call("L5", "C1", "2026-03-15T09:00:00+03:00", phone=PHONE, **UPPER),
    ],
    "appointments": [
        booked("A1", "P2", "C3", "2026-03-09T03:58:59+00:00", "2026-03-12T15:00:00+00:00"),
        # 168 hours after K7, less a second; and 168 hours
        booked("A2", "P3", "C4", "2026-04-12T13:29:59+00:00", "2026-04-20T00:00:00+00:00"),
        booked("A3", "P3", "C4", "2026-04-12T13:30:00+00:00", "2026-04-21T00:00:00+00:00", "cancelled"),
        booked("A4", "P6", "C1", "2026-01-01T00:00:00+03:00", "2026-01-31T23:59:59.999999+03:00"),
        booked("A5", "P7", "C1", "2026-01-05T23:59:59+03:00", "2026-02-01T00:00:00+03:00"),
        booked("A6", "Q1", "C2", "2026-02-01T10:00:00+05:30", "2026-02-03T10:00:00+05:30", "completed"),
        booked("A7", "P8", "C1", "2026-01-17T12:00:00+03:00", "2026-01-20T12:00:00+03:00"),
    ],
    "payments": [
        paid("M1", "P6", "2026-01-31T23:59:59+03:00", "10", "USD", "A4"),
        paid("M2", "P6", "2026-02-01T00:00:00+03:00", "-10", "USD", "A4"),
        paid("M3", "P6", "2026-02-01T00:00:00+03:00", "1000", "RUB"),
        paid("M4", "P7", "2026-01-05T10:00:00+03:00", "1", "EUR", "A5"),
        paid("M5", "P7", "2026-01-06T10:00:00+03:00", "50", "RUB", "A5"),
    ],
    "deals": [
        deal("D1", "2026-03-01T20:59:59+00:00", "2026-03-31T21:00:00+00:00", "", "won", "100", "USD"),
        deal("D2", "2026-03-01T21:00:00+00:00", "2026-03-31T20:59:59+00:00", "", "won", "9000"),
        deal("D3", "2026-03-01T18:30:00+00:00", "2026-03-31T18:29:59+00:00", "C2", "won", "9000"),
        deal("D4", "2026-03-08T06:30:00+00:00", "2026-03-09T03:30:00+00:00", "C3", "lost", "9000"),
    ],
}


@pytest.fixture(scope="module")
def borders(pg_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("borders")
    for kind, rows in CASE.items():
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with (folder / f"{kind}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute("drop database if exists test_borders with (force)")
        admin.execute("create database test_borders template template0")
    url = pg_server_url.rsplit("/", 1)[0] + "/test_borders"
    load(url, folder, tmp_path_factory.mktemp("dbt"), MOMENT)
    yield url, folder
    with psycopg.connect(pg_server_url, autocommit=True) as admin:
        admin.execute("drop database if exists test_borders with (force)")


def test_a_day_ends_at_the_clinics_midnight(borders: tuple[str, Path]) -> None:
    found = values(
        borders[0],
        "select contact_id, to_char(local_date, 'MM-DD'), is_primary, outcome, source, campaign"
        " from reports.inquiry_history order by 1",
    )
    assert found == [
        ("K1", "03-01", True, "request_saved", "Yandex", "x"),
        ("K2", "03-02", True, "request_saved", "yandex", None),
        ("K3", "03-07", True, "booked", "yandex", None),
        ("K4", "03-08", True, "request_saved", "unknown", None),
        ("K5", "03-09", True, "request_saved", "unknown", None),
        ("K6", "04-05", True, "request_saved", "unknown", None),
        ("K7", "04-06", True, "booked", "unknown", None),
        ("K8", "03-10", True, "request_saved", "board", None),
        ("K9", "03-11", True, "request_saved", "unknown", None),
        ("L1", "01-01", True, "booked", "yandex", None),
        ("L2", "12-31", True, "booked", "Yandex", "x"),
        ("L3", "01-10", True, "request_saved", "unknown", None),
        ("L4", "01-10", True, "request_saved", "signboard", None),
        ("L5", "03-15", False, "request_saved", "Yandex", "x"),  # has visited the other clinic under the merged card
    ]


def test_a_cost_is_spread_over_a_change_of_vat_and_the_end_of_a_month(borders: tuple[str, Path]) -> None:
    found = values(
        borders[0],
        "select source, to_char(spend_date, 'MM-DD'), round(original_amount, 2)::text, round(spend, 3)::text,"
        " round(spend_with_vat, 2)::text from marts.fct_ad_spend order by source collate \"C\", spend_date",
    )
    assert found == [
        ("Yandex", "12-30", "250.00", "208.333", "250.00"),
        ("Yandex", "12-31", "250.01", "208.342", "250.01"),
        ("Yandex", "01-01", "250.00", "204.918", "250.00"),
        ("Yandex", "01-02", "250.00", "204.918", "250.00"),
        ("radio", "01-31", "0.02", "0.020", "0.02"),
        ("radio", "02-01", "0.01", "0.010", "0.01"),
        ("radio", "02-02", "0.02", "0.020", "0.02"),
        ("yandex", "12-30", "25.00", "2000.000", "2400.00"),
        ("yandex", "12-31", "25.00", "2000.000", "2400.00"),
        ("yandex", "01-01", "25.00", "2250.000", "2745.00"),
        ("yandex", "01-02", "25.00", "2250.000", "2745.00"),
    ]


@pytest.mark.parametrize(
    ("period", "basis", "wanted"),
    [
        # P9 is the client of an inquiry that did not book; P8 booked an hour-exact week later, and is one too
        (
            ("2025-12-01", "2026-01-31"), "cohort",
            "Yandex 1 1 1 1 150 1|radio 0 0 0 0 0 0|signboard 1 0 0 1 0 0|unknown 1 0 0 1 0 0|yandex 1 1 1 1 1000 1",
        ),
        (
            ("2026-01-01", "2026-01-31"), "period",
            "Yandex 0 1 0 0 150 1|radio 0 0 0 0 0 0|signboard 1 0 0 0 0 0|unknown 1 0 0 1 0 0|yandex 1 1 1 1 900 0",
        ),
        (
            ("2026-02-01", "2026-02-28"), "period",
            "Yandex 0 0 1 1 0 0|radio 0 0 0 0 0 0|signboard 0 0 0 1 0 0|yandex 0 0 0 0 100 1",
        ),
    ],
)  # fmt: skip
def test_what_happened_lies_on_its_own_day(
    borders: tuple[str, Path], period: tuple[str, str], basis: str, wanted: str
) -> None:
    """Source, inquiries, booked, arrived, clients, revenue, paid visits."""
    row = "concat_ws(' ', source, inquiries, booked, arrived, clients, trim_scale(revenue), paid_visits)"
    ((found,),) = values(
        borders[0],
        f"select string_agg({row}, '|' order by source collate \"C\")"
        f" from reports.channels_and_sources('{period[0]}', '{period[1]}', 'source', basis => '{basis}')",
    )
    assert found == wanted


def test_deals_lie_on_days_of_their_clinic_or_of_the_first(borders: tuple[str, Path]) -> None:
    days = "select deal_id, to_char(created_date, 'MM-DD'), to_char(closed_date, 'MM-DD'), days_to_close, amount::int"
    assert values(borders[0], f"{days} from reports.deal_journal order by 1") == [
        ("D1", "03-01", "04-01", 31, 9000),
        ("D2", "03-02", "03-31", 29, 9000),
        ("D3", "03-02", "03-31", 29, 9000),
        ("D4", "03-08", "03-08", 0, 9000),
    ]
    best = "select deal_id from reports.top_deals('2026-03-01', '2026-03-31')"
    assert values(borders[0], best) == [("D3",), ("D2",)]


def test_the_oracle_says_the_same(borders: tuple[str, Path]) -> None:
    assert list(compare(*borders, date(2025, 12, 1), date(2026, 4, 30), MOMENT)) == []
