"""Money: rates, VAT and the days of advertising costs. RULES section 3 and section 12, item 17.

Amounts are exact fractions of the reporting currency; rounding belongs to the report.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from tests.oracle.rows import Data, Row
from tests.oracle.sources import Sources, seed

REPORTING_CURRENCY = "RUB"
COUNTRY = "RU"


@dataclass(frozen=True)
class SpendDay:
    day: date
    channel: str
    source: str
    medium: str | None
    campaign: str | None
    clinic_id: str | None
    without_vat: Fraction
    with_vat: Fraction


def half_up(value: Fraction, digits: int = 2) -> Decimal:
    """Rounded half up (away from zero below it) to so many decimals."""
    scaled = abs(value) * 10**digits + Fraction(1, 2)
    whole = scaled.numerator // scaled.denominator
    return Decimal(whole if value >= 0 else -whole).scaleb(-digits)


def rate_of(data: Data, currency: str, day: date) -> Fraction | None:
    """Reporting currency for one unit: the day's rate, else the last earlier one; None where there is none."""
    if currency == REPORTING_CURRENCY:
        return Fraction(1)
    earlier = [row for row in data["currency_rates"] if row["currency"] == currency and row["date"] <= day]
    return Fraction(max(earlier, key=lambda row: row["date"])["rate"]) if earlier else None


def in_reporting_currency(data: Data, amount: Decimal | None, currency: str, day: date) -> Fraction | None:
    rate = rate_of(data, currency, day)
    return Fraction(amount) * rate if amount is not None and rate is not None else None


def vat_rate(rates: list[dict[str, str]], day: date) -> Fraction:
    for row in rates:
        begins = date.fromisoformat(row["valid_from"]) if row["valid_from"] else date.min
        ends = date.fromisoformat(row["valid_to"]) if row["valid_to"] else date.max
        if row["country"] == COUNTRY and begins <= day <= ends:
            return Fraction(row["rate"])
    raise ValueError(f"no VAT rate of {COUNTRY} on {day}")


def kopecks(total: Fraction, day_number: int, days: int) -> Fraction:
    """Kopecks of day `day_number` (from 1) of a period: round(T·k/n) − round(T·(k−1)/n), half up."""
    until_today = half_up(total * day_number / days, 0)
    until_yesterday = half_up(total * (day_number - 1) / days, 0)
    return Fraction(until_today - until_yesterday)


def spend_days(data: Data, sources: Sources) -> list[SpendDay]:
    """Every spend row spread over its days, converted by the day's rate, with and without VAT."""
    rates = seed("vat_rates")
    found = []
    for row in data["ad_spend"]:
        days = (row["date_to"] - row["date_from"]).days + 1
        for number in range(1, days + 1):
            day = row["date_from"] + timedelta(days=number - 1)
            rate = rate_of(data, row["currency"], day)
            if rate is None:
                continue
            amount = kopecks(Fraction(row["amount"]) * 100, number, days) / 100 * rate
            found.append(_spend_day(row, day, amount, 1 + vat_rate(rates, day), sources))
    return found


def _spend_day(row: Row, day: date, amount: Fraction, one_and_vat: Fraction, sources: Sources) -> SpendDay:
    return SpendDay(
        day=day,
        channel=row["channel"] or sources.channel(row["source"], row["medium"], row["campaign"], day),
        source=row["source"],
        medium=row["medium"],
        campaign=row["campaign"],
        clinic_id=row["clinic_id"],
        without_vat=amount / one_and_vat if row["includes_vat"] else amount,
        with_vat=amount if row["includes_vat"] else amount * one_and_vat,
    )
