"""Puts histories and the rules around them into the landed tables."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
from psycopg import sql

from tests.warehouse.histories import BILLBOARD, KEYS, NURSE, SUPPLIER, SUPPLIERS_EMAIL, History, Row


def land(url: str, histories: list[History]) -> None:
    """The landed tables become what the histories say now."""
    with psycopg.connect(url) as connection:
        for kind in KEYS:
            rows = [row for history in histories for row in history.rows[kind].values()]
            connection.execute(sql.SQL("truncate {}").format(sql.Identifier("staging", f"files__{kind}")))
            _insert(connection, kind, rows)


def land_rules(url: str) -> None:
    """Clinics in two zones, the staff and a supplier, the number on a billboard, some spend, a rate."""
    with psycopg.connect(url) as connection:
        _insert(connection, "clinics", [
            {"clinic_id": "C1", "name": "One", "time_zone": "Europe/Moscow"},
            {"clinic_id": "C2", "name": "Two", "time_zone": "Asia/Vladivostok"},
        ])  # fmt: skip
        _insert(connection, "employees", [
            {"employee_id": "A1", "full_name": "First", "clinic_id": "C1", "phones_e164": [NURSE]},
            {"employee_id": "A2", "full_name": "Second", "clinic_id": "C2", "phones_e164": []},
        ])  # fmt: skip
        _insert(connection, "counterparties", [
            {"name": "Supplier", "phones_e164": [SUPPLIER], "emails": [SUPPLIERS_EMAIL]},
        ])  # fmt: skip
        _insert(connection, "tracking_addresses", [
            {"address": BILLBOARD, "address_e164": BILLBOARD, "source": "billboard", "campaign": "road"},
        ])  # fmt: skip
    spend(url, date(2026, 5, 1), "yandex", "implants", None)
    rate(url, date(2026, 5, 1), 90)


def spend(url: str, day: date, source: str, campaign: str | None, channel: str | None) -> None:
    """A day's cost of a campaign; its channel, if named, is that of every touch of the campaign."""
    with psycopg.connect(url) as connection:
        _insert(connection, "ad_spend", [{
            "date_from": day, "date_to": day, "source": source, "campaign": campaign, "channel": channel,
            "amount": 100, "currency": "RUB", "includes_vat": False,
        }])  # fmt: skip


def take_spend(url: str, day: date) -> None:
    """What was said of the costs of a day is gone."""
    with psycopg.connect(url) as connection:
        connection.execute("delete from staging.files__ad_spend where date_from = %s", (day,))


def take_channel(url: str, source: str) -> None:
    """The costs of a source name no channel of its campaigns any more."""
    with psycopg.connect(url) as connection:
        connection.execute("update staging.files__ad_spend set channel = null where source = %s", (source,))


def rate(url: str, day: date, value: int) -> None:
    """What a euro costs from that day on, whatever was said of that day before."""
    with psycopg.connect(url) as connection:
        connection.execute("delete from staging.files__currency_rates where date = %s", (day,))
        _insert(connection, "currency_rates", [{"date": day, "currency": "EUR", "rate": value}])


def take_last_rate(url: str) -> None:
    """What was said of the last day of which anything was said is gone."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "delete from staging.files__currency_rates"
            " where date = (select max(date) from staging.files__currency_rates)"
        )


def _insert(connection: psycopg.Connection[Any], kind: str, rows: list[Row]) -> None:
    if not rows:
        return
    columns = list(rows[0])
    statement = sql.SQL("insert into {} ({}) values ({})").format(
        sql.Identifier("staging", f"files__{kind}"),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(sql.Placeholder() * len(columns)),
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, [[row[column] for column in columns] for row in rows])
