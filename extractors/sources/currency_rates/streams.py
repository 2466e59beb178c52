"""What is asked of the central bank."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec

from extractors.core.errors import ConfigError, PayloadError
from extractors.core.spec import Context, Page, RowError, StreamSpec, Window
from extractors.core.values import money, needed
from extractors.sources.currency_rates.client import RatesClient, dotted

USUAL = ("USD", "EUR", "CNY", "KZT", "BYN")
# The longest pause between two rates are the January holidays; so the first day of a window has its rate too.
BEFORE = timedelta(days=14)
_CODE = re.compile(r"[A-Z]{3}")


class Rate(msgspec.Struct):
    """A `Record` of a currency, plus which currency that is. Numbers are texts with a comma."""

    currency: str
    number: str
    Date: str
    Nominal: str
    Value: str


def rate_row(record: Rate, context: Context) -> tuple[Any, ...]:
    """Roubles for one unit: `Value` is for `Nominal` units, a power of ten, so the quotient is exact."""
    nominal = _positive(record.Nominal, "Nominal")
    value = _positive(record.Value, "Value")
    if nominal != nominal.to_integral_value():
        raise RowError("Nominal", f"{record.Nominal!r} is no whole number")
    return (
        needed(dotted(record.Date), "Date"),
        record.currency,
        record.number,
        int(nominal),
        value,
        value / nominal,
    )


def _positive(text: str, column: str) -> Decimal:
    """A number with a decimal comma and perhaps spaces between thousands."""
    amount = needed(money(re.sub(r"\s", "", text).replace(",", "."), column), column)
    if amount <= 0:
        raise RowError(column, f"{text!r} is not above zero")
    return amount


def rate_pages(client: RatesClient, window: Window, context: Context) -> Iterator[Page]:
    """One page per currency, from 14 days before the window: those days' rates hold for its first ones.

    Raises PayloadError where a currency of the bank's list has no rate in all these days: it never rests so long.
    """
    where = f"currency_rates rates {window}"
    wider = Window(window.first - BEFORE, window.last)
    for currency, (number, is_listed) in _numbers(client, window, context, where).items():
        rows = client.days(number, wider, where=f"{where} {currency}")
        if is_listed and not rows:
            raise PayloadError(f"{where}: the bank lists {currency} and tells no rate of {wider}. Run it again later.")
        yield [{**row, "currency": currency, "number": number} for row in rows]


def _numbers(client: RatesClient, window: Window, context: Context, where: str) -> Mapping[str, tuple[str, bool]]:
    """The bank's number of each currency of the setting: given there (false), or found in the list of the last day."""
    asked = context.settings.get("currencies") or list(USUAL)
    if isinstance(asked, str):
        asked = [word for word in re.split(r"[\s,;]+", asked) if word]
    codes = [str(code) for code in asked]
    wrong = [code for code in codes if not _CODE.fullmatch(code) or code == "RUB"]
    if wrong or not codes:
        raise ConfigError(
            "currency_rates: the setting `currencies` lists codes of three letters other than RUB, or maps them to the "
            f"bank's numbers; wrong: {', '.join(wrong) or 'nothing is listed'}."
        )
    given = {code: str(asked[code]) for code in codes if asked[code]} if isinstance(asked, Mapping) else {}
    looked_up = [code for code in codes if code not in given]
    found = client.numbers(looked_up, window.last, where=where) if looked_up else {}
    return {code: (given[code], False) if code in given else (found[code], True) for code in codes}


RATES = StreamSpec(
    source="currency_rates",
    name="rates",
    description="Roubles for a unit of a currency, as the central bank set them.",
    columns=(
        ("date", "date"),
        ("currency", "text"),
        ("number", "text"),
        ("nominal", "bigint"),
        ("value", "numeric"),
        ("rate", "numeric"),
    ),
    key=("date", "currency"),
    record=Rate,
    row=rate_row,
    pages=rate_pages,
    # A rate is never taken back, so an answer without a day takes no rate away.
    replace="key",
    window_days=366,
    lookback_days=14,
    skipped=("VunitRate",),
)
