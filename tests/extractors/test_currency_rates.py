"""The central bank's rates: nominals, commas, days without rates, and documents that are not what they seem."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from extractors.core.errors import ChairsideError, ConfigError, PayloadError, RejectedError, TransientError
from extractors.core.http import UnreadableBody
from extractors.run import LoadResult
from extractors.sources.currency_rates.client import document
from simulators.currency_rates.routes import CentralBank, RatesOptions
from simulators.faults import Fault, FaultKind, Faults
from simulators.http import Response, VendorServer

Load = Callable[..., LoadResult]
Rows = Callable[..., list[tuple[Any, ...]]]
FIRST, LAST = date(2026, 6, 1), date(2026, 6, 10)  # a Monday and a Wednesday
TABLE = "staging.currency_rates__rates"
HEAD = '<?xml version="1.0" encoding="windows-1251"?>'


def usual_rates() -> dict[tuple[str, date], tuple[int, Decimal]]:
    days = [date(2026, 5, 15) + timedelta(days=offset) for offset in range(30)]
    return {
        (code, day): (nominal, value + Decimal(day.day) / 10_000)
        for code, nominal, value in (("USD", 1, Decimal("81.2")), ("KZT", 100, Decimal("15.6")))
        for day in days
        if day.weekday() not in (6, 0)
    }


class Bank:
    """A running bank, and how to load from it."""

    def __init__(self, load: Load, options: RatesOptions, faults: tuple[Fault, ...]) -> None:
        self.bank = CentralBank(usual_rates(), options)
        self.server = VendorServer(self.bank, Faults(faults))
        self._load = load

    def load(self, first: date = FIRST, last: date = LAST, **settings: object) -> LoadResult:
        usual = {"base_url": self.server.base_url, "currencies": ["USD", "KZT"]}
        return self._load("currency_rates", "rates", str(first), str(last), **{**usual, **settings})


Start = Callable[..., Any]


@pytest.fixture
def start(load: Load) -> Start:
    @contextmanager
    def run(options: RatesOptions | None = None, faults: tuple[Fault, ...] = ()) -> Iterator[Bank]:
        bank = Bank(load, options or RatesOptions(), faults)
        bank.server.start()
        try:
            yield bank
        finally:
            bank.server.stop()

    return run


def said(matching: str, body: str | bytes, times: int = -1) -> tuple[Fault, ...]:
    text = body if isinstance(body, bytes) else body.encode("cp1251")
    return (Fault("answer", matching=matching, times=times, response=Response(200, text)),)


def days(*records: str, number: str = "R01235") -> str:
    return f'{HEAD}<ValCurs ID="{number}" name="x">{"".join(records)}</ValCurs>'


def record(day: str = "02.06.2026", nominal: str = "1", value: str = "81,5", more: str = "") -> str:
    return f'<Record Date="{day}" Id="R01235"><Nominal>{nominal}</Nominal><Value>{value}</Value>{more}</Record>'


def test_a_rate_is_of_one_unit_and_exact(start: Start, rows: Rows) -> None:
    with start() as bank:
        result = bank.load()
    assert (result.rows_rejected, result.unknown_fields) == (0, ())
    told = rows(
        f'select currency, number, nominal, value, rate from {TABLE} where "date" = %s order by 1', date(2026, 6, 2)
    )
    assert told == [
        ("KZT", "R01335", 100, Decimal("15.6002"), Decimal("0.156002")),
        ("USD", "R01235", 1, Decimal("81.2002"), Decimal("81.2002")),
    ]


def test_the_first_day_of_a_window_has_the_last_earlier_rate_to_hold_on_to(start: Start, rows: Rows) -> None:
    with start() as bank:
        bank.load(FIRST, FIRST)  # a Monday: the bank set nothing, Saturday's holds
    assert rows(f'select max("date"), count(*) from {TABLE} where currency = \'USD\'') == [(date(2026, 5, 30), 10)]


@pytest.mark.parametrize(
    ("options", "last"),
    [
        (RatesOptions(unit_rate=False), LAST),
        (RatesOptions(day_off="earlier"), date(2026, 6, 7)),
        (RatesOptions(declared="utf-8"), LAST),
    ],
    ids=["without the newer field", "a list asked for on a Sunday", "another encoding than declared"],
)
def test_what_the_bank_does_in_either_way_gives_the_same_rates(
    start: Start, rows: Rows, options: RatesOptions, last: date
) -> None:
    with start(options) as bank:
        bank.load(FIRST, last)
    assert rows(f'select count(*), sum(rate) > 0 from {TABLE} where "date" <= \'2026-06-06\'') == [(30, True)]


def test_a_currency_of_the_list_without_any_rate_is_one_whose_days_were_not_told(start: Start, rows: Rows) -> None:
    """A window has two weeks more before it, and the bank never rests so long; numbers of the connection may be old."""
    with start(faults=said("XML_dynamic", days())) as bank:
        with pytest.raises(PayloadError, match="USD"):
            bank.load(currencies=["USD"])
        assert bank.load(currencies={"USD": "R01235"}).rows_read == 0


def test_a_bank_that_lists_nothing_on_a_sunday_is_asked_by_the_numbers_of_the_connection(start: Start) -> None:
    with start(RatesOptions(day_off="nothing")) as bank:
        with pytest.raises(PayloadError, match="USD not among 0 currencies"):
            bank.load(FIRST, date(2026, 6, 7), currencies={"USD": None})
        assert bank.load(FIRST, date(2026, 6, 7), currencies={"USD": "R01235"}).rows_read == 15


def test_the_same_days_again_write_nothing_and_a_corrected_rate_replaces_itself(start: Start, rows: Rows) -> None:
    with start() as bank:
        bank.load()
        assert bank.load().rows_written == 0
        bank.bank.rates["USD", date(2026, 6, 2)] = (1, Decimal("82"))
        bank.bank.rates["KZT", date(2026, 6, 2)] = (1000, Decimal("156.002"))
        del bank.bank.rates["KZT", date(2026, 6, 3)]
        again = bank.load()
    assert (again.rows_written, again.rows_deleted) == (2, 0)
    assert rows(f'select rate from {TABLE} where "date" = \'2026-06-02\' order by currency') == [
        (Decimal("0.156002"),), (Decimal("82"),)
    ]


def test_a_currency_that_the_list_has_not_stops_the_stream_before_anything_is_written(
    start: Start, rows: Rows
) -> None:
    with start() as bank, pytest.raises(PayloadError, match="EUR, GBP not among 2 currencies"):
        bank.load(currencies="USD, EUR GBP")
    assert rows(f"select count(*) from {TABLE}") == [(0,)]


def test_a_currency_missing_once_is_a_cut_list_and_asked_for_again(start: Start) -> None:
    cut = f'{HEAD}<ValCurs Date="10.06.2026"><Valute ID="R01335"><CharCode>KZT</CharCode></Valute></ValCurs>'
    with start(faults=said("XML_daily", cut, times=2)) as bank:
        assert bank.load().rows_read == 34


@pytest.mark.parametrize("currencies", [["usd"], "RUB", {"DOLLAR": "R01235"}, "  ,"])
def test_wrong_codes_are_a_matter_of_the_connection(start: Start, currencies: object) -> None:
    with start() as bank, pytest.raises(ConfigError, match="currencies"):
        bank.load(currencies=currencies)


FAULTS: tuple[FaultKind, ...] = (
    "too_many_requests", "server_error", "cut_body", "truncated_json", "html", "repeated_page", "empty_page"
)


@pytest.mark.parametrize(("matching", "after"), [("XML_daily", 0), ("XML_dynamic", 0), ("XML_dynamic", 1)])
def test_a_fault_once_changes_nothing_in_the_end(start: Start, rows: Rows, matching: str, after: int) -> None:
    for kind in FAULTS:
        with start(faults=(Fault(kind, matching=matching, after=after, retry_after=0),)) as bank:
            bank.load()
            assert len(bank.server.faults.fired) == 1
        taken = rows(f"with taken as (delete from {TABLE} returning 1) select count(*) from taken")
        assert taken == [(34,)], kind


@pytest.mark.parametrize(
    ("kind", "error"), [("server_error", TransientError), ("html", PayloadError), ("unauthorized", RejectedError)]
)
def test_a_fault_that_stays_leaves_the_landed_rates_alone(
    start: Start, rows: Rows, kind: FaultKind, error: type[ChairsideError]
) -> None:
    with start() as bank:
        bank.load()
        bank.server.faults.add(Fault(kind, matching="XML_dynamic", after=1, times=-1))
        with pytest.raises(error):
            bank.load()
    assert rows(f"select count(*) from {TABLE}") == [(34,)]


@pytest.mark.parametrize(
    "body",
    [
        days(record(), number="R01335"),
        days(record("02.07.2026")),
        days(record(value="81,5"), record(value="91,5")),
        days(record())[:-20],
        f"{HEAD}<ValCurs>Error in parameters</ValCurs>",
        f"{HEAD}<Metall></Metall>",
        f'<!DOCTYPE x [<!ENTITY a "aaaa">]>{days(record())}',
        days("<Record Date='02.06.2026'><Nominal>1</Nominal></Record>", "<Record Date='03.06.2026'/>"),
        "",
    ],
    ids=["another currency", "a foreign day", "two rates for a day", "cut", "refused", "metals", "entities",
         "a field gone", "nothing"],
)  # fmt: skip
def test_a_document_that_is_not_what_was_asked_for_is_refused_whole(start: Start, rows: Rows, body: str) -> None:
    with start(faults=said("XML_dynamic", body)) as bank, pytest.raises(PayloadError):
        bank.load(currencies={"USD": "R01235"})
    assert rows(f"select count(*) from {TABLE}") == [(0,)]


@pytest.mark.parametrize(
    ("records", "read", "rejected", "unknown"),
    [
        ((record(), record()), 2, 0, ()),
        ((record(), record("03.06.2026", value="n/a")), 2, 1, ()),
        ((record(), record("03.06.2026", value="0")), 2, 1, ()),
        ((record(), record("03.06.2026", nominal="0,5")), 2, 1, ()),
        ((record(), record("the third")), 2, 1, ()),
        ((record(), '<Record Date="03.06.2026"><Value>81,5</Value></Record>'), 2, 1, ()),
        ((record(value="1 081,50", more="<Trend>up</Trend><VunitRate>1</VunitRate>"),), 1, 0, ("Trend",)),
    ],
    ids=["a repeated day", "no number", "zero", "half a unit", "no day", "a field missing", "a new field"],
)
def test_a_record_that_cannot_be_used_is_set_aside_and_a_new_field_is_kept(
    start: Start, records: tuple[str, ...], read: int, rejected: int, unknown: tuple[str, ...], rows: Rows
) -> None:
    with start(faults=said("XML_dynamic", days(*records))) as bank:
        result = bank.load(currencies={"USD": "R01235"})
    assert (result.rows_read, result.rows_rejected, result.unknown_fields) == (read, rejected, unknown)
    assert rows(f"select count(*) from {TABLE}") == [(1,)]


def test_a_document_is_read_in_windows_1251_whatever_it_declares() -> None:
    text = "<ValCurs><Valute><Name>Тенге</Name></Valute></ValCurs>"
    for declared in ("windows-1251", "utf-8", "ebcdic-of-nobody"):
        root = document(f'<?xml version="1.0" encoding="{declared}"?>{text}'.encode("cp1251"))
        assert root.findtext("Valute/Name") == "Тенге"
    with pytest.raises(UnreadableBody):
        document(text[:-3].encode("cp1251"))
