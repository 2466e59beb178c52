"""Rates of the central bank of Russia (ЦБ РФ): roubles for a unit of a foreign currency, day by day.

XML over GET from https://www.cbr.ru/scripts, windows-1251, decimal commas, no token. One request for the bank's numbers
of the currencies, one per currency and window. No limit is published; one request a second is kept. There is no rate
on days that follow a day off: the last earlier one holds (RULES.md 12.17). A rate once set is not taken back.

Data flow: GET XML_daily.asp, XML_dynamic.asp → staging.currency_rates__rates → stg_currency_rates__currency_rates.
By hand: python -m extractors currency_rates rates --from 2026-06-01 --to 2026-06-30
Not taken: precious metals, interest rates, currencies that nobody asked for.
"""

from extractors.core.spec import SourceSpec
from extractors.sources.currency_rates.client import RatesClient
from extractors.sources.currency_rates.streams import RATES

SOURCE = SourceSpec(
    name="currency_rates",
    description="Daily rates of the central bank of Russia",
    streams=(RATES,),
    client=RatesClient,
    time_zone="Europe/Moscow",
)
