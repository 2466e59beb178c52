"""Import files of a clinic whose seasons, subscriptions and channel are worked out by hand.

Three years of sales: ten clients a day of `therapy`, growing to fifteen, a fifth fewer in every August; six a day of
`hygiene`, the same all year. Of 15 subscriptions that end in June 2026 five are not renewed. 40 inquiries cost 100 000
and brought 8 clients.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

FIRST_SALE = date(2023, 7, 1)
LAST_SALE = date(2026, 6, 30)
PERSONS = 600


def therapy_clients(day: date) -> int:
    """Ten a day, growing by a half over the three years; a fifth fewer in August."""
    grown = 10 + 5 * (day - FIRST_SALE).days / 1095
    return round(grown * (0.8 if day.month == 8 else 1.0) + (day.toordinal() * 7 % 5 - 2) / 2)


def sales() -> Iterator[list[object]]:
    number = 0
    for offset in range((LAST_SALE - FIRST_SALE).days + 1):
        day = FIRST_SALE + timedelta(days=offset)
        for item_type, clients, amount in (("therapy", therapy_clients(day), 1000), ("hygiene", 6, 300)):
            for _ in range(clients):
                number += 1
                yield [f"S{number}", f"{day}T12:00:00+03:00", f"P{number % PERSONS}", "C1", "service", item_type,
                       item_type, 1, amount, "RUB", "", "", ""]  # fmt: skip
    for one in range(15):
        yield [f"A{one}", "2026-01-10T12:00:00+03:00", f"A{one}", "C1", "subscription", "yoga", "half a year", 1, 6000,
               "RUB", "2026-01-01", f"2026-06-{one % 3 + 1:02d}", ""]  # fmt: skip
    for one in range(10):
        yield [f"R{one}", "2026-06-03T12:00:00+03:00", f"A{one}", "C1", "subscription", "yoga", "half a year", 1, 6000,
               "RUB", "2026-06-03", "2026-12-31", f"A{one}"]  # fmt: skip


def write_plan_files(folder: Path) -> None:
    """Clinics C1 (all of it) and C2 (nothing but a name)."""
    folder.mkdir(parents=True, exist_ok=True)
    clinics: list[list[object]] = [["C1", "One", "Europe/Moscow"], ["C2", "Two", "Europe/Moscow"]]
    _write(folder, "clinics", "clinic_id,name,time_zone", clinics)
    patients: list[list[object]] = [[f"P{n}", "C1", ""] for n in range(PERSONS)]
    patients += [[f"A{n}", "C1", ""] for n in range(15)]
    patients += [[f"N{n}", "C1", f"+7900000{n:04d}"] for n in range(8)]
    _write(folder, "patients", "patient_id,clinic_id,phones", patients)
    _write(
        folder, "contacts",
        "contact_id,clinic_id,occurred_at,kind,direction,phone,people_group,utm_source,utm_medium,utm_campaign",
        [
            [f"E{n}", "C1", f"2026-05-{n % 20 + 1:02d}T12:00:00+03:00", "call", "inbound", f"+7900000{n:04d}",
             "wants_to_book", "yandex", "cpc", "brand"]
            for n in range(40)
        ],
    )  # fmt: skip
    _write(
        folder, "appointments", "appointment_id,patient_id,clinic_id,created_at,starts_at,status",
        [
            [f"V{n}", f"N{n}", "C1", f"2026-05-{n + 1:02d}T12:30:00+03:00", f"2026-05-{n + 11:02d}T12:00:00+03:00",
             "completed"]
            for n in range(8)
        ],
    )  # fmt: skip
    # the first touch is the call; they pay 10, 11, … 17 days after it
    _write(
        folder, "payments", "payment_id,paid_at,patient_id,clinic_id,amount,currency",
        [
            [f"M{n}", f"{date(2026, 5, n + 1) + timedelta(days=10 + n)}T12:00:00+03:00", f"N{n}", "C1", 5000, "RUB"]
            for n in range(8)
        ],
    )  # fmt: skip
    _write(
        folder, "ad_spend", "date_from,date_to,channel,source,medium,campaign,clinic_id,amount,currency,includes_vat",
        [["2026-05-01", "2026-05-20", "paid_search", "yandex", "cpc", "brand", "C1", 100000, "RUB", "false"]],
    )  # fmt: skip
    _write(
        folder, "sales",
        "sale_id,sold_at,patient_id,clinic_id,item_kind,item_type,item,quantity,amount,currency,valid_from,valid_to,"
        "renews_sale_id",
        sales(),
    )  # fmt: skip


def _write(folder: Path, kind: str, header: str, rows: Iterable[list[object]]) -> None:
    with (folder / f"{kind}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)
