"""Addresses of the central bank's simulator. Bodies are windows-1251, numbers have commas, days are dd.mm.yyyy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from simulators.http import Request, Response, text_response

# Code → the bank's number, its ISO number and its name.
CURRENCIES = {
    "USD": ("R01235", "840", "Доллар США"), "EUR": ("R01239", "978", "Евро"), "CNY": ("R01375", "156", "Юань"),
    "KZT": ("R01335", "398", "Тенге"), "BYN": ("R01090B", "933", "Белорусский рубль"),
    "GBP": ("R01035", "826", "Фунт стерлингов"),
}  # fmt: skip
HEAD = '<?xml version="1.0" encoding="windows-1251"?>'
XML = "application/xml; charset=windows-1251"


@dataclass(frozen=True, slots=True)
class RatesOptions:
    """What the bank's documents leave open.

    `unit_rate`: whether `VunitRate` stands beside the value (newer answers). `day_off`: a day without rates is answered
    with the last earlier one, or with no currency at all. `declared`: the encoding that the first line names.
    """

    unit_rate: bool = True
    day_off: Literal["earlier", "nothing"] = "earlier"
    declared: str = "windows-1251"


class CentralBank:
    """The vendor. `rates`: (code, day) → (nominal, roubles for it); tests may edit them."""

    name = "currency_rates"

    def __init__(self, rates: dict[tuple[str, date], tuple[int, Decimal]], options: RatesOptions) -> None:
        self.rates = rates
        self.options = options

    def handle(self, request: Request) -> Response:
        try:
            if request.path == "/scripts/XML_daily.asp":
                asked = request.get("date_req")
                return self._answer(self._list_of(_day(asked) if asked else date.max))
            if request.path == "/scripts/XML_dynamic.asp":
                first, last = _day(request.get("date_req1")), _day(request.get("date_req2"))
                return self._answer(self._days_of(request.get("VAL_NM_RQ") or "", first, last))
        except ValueError:
            return self._answer("<ValCurs>Error in parameters</ValCurs>")
        return text_response("Not found", 404)

    def unauthorized(self) -> Response:
        return text_response("Forbidden", 403)

    def too_many_requests(self) -> Response:
        return text_response("Too many requests", 429)

    def server_error(self) -> Response:
        return text_response("Server error", 500)

    def without_rows(self, request: Request, good: Response) -> Response:
        head, _, rest = good.body.decode("cp1251").partition("<ValCurs")
        return Response(200, f"{head}<ValCurs{rest.partition('>')[0]}></ValCurs>".encode("cp1251"), good.content_type)

    def _answer(self, root: str) -> Response:
        text = HEAD.replace("windows-1251", self.options.declared) + root
        return Response(200, text.encode("cp1251"), XML)

    def _list_of(self, day: date) -> str:
        """The list that holds on a day; its own date is the day on which it was set."""
        days = [at for _, at in self.rates if at <= day]
        if not days:
            raise ValueError
        at = max(days)
        told = [] if at != day and self.options.day_off == "nothing" and day != date.max else [
            f"<Valute ID={quoteattr(CURRENCIES[code][0])}><NumCode>{CURRENCIES[code][1]}</NumCode>"
            f"<CharCode>{code}</CharCode>{self._rate(nominal, value, CURRENCIES[code][2])}</Valute>"
            for (code, set_on), (nominal, value) in sorted(self.rates.items()) if set_on == at
        ]  # fmt: skip
        return f'<ValCurs Date="{at:%d.%m.%Y}" name="Foreign Currency Market">{"".join(told)}</ValCurs>'

    def _days_of(self, number: str, first: date, last: date) -> str:
        code = next((code for code, (own, _, _) in CURRENCIES.items() if own == number), None)
        if code is None or last < first:
            raise ValueError
        told = [
            f'<Record Date="{at:%d.%m.%Y}" Id={quoteattr(number)}>{self._rate(nominal, value)}</Record>'
            for (own, at), (nominal, value) in sorted(self.rates.items())
            if own == code and first <= at <= last
        ]
        return (
            f'<ValCurs ID={quoteattr(number)} DateRange1="{first:%d.%m.%Y}" DateRange2="{last:%d.%m.%Y}"'
            f' name="Foreign Currency Market Dynamic">{"".join(told)}</ValCurs>'
        )

    def _rate(self, nominal: int, value: Decimal, name: str = "") -> str:
        unit = f"<VunitRate>{_comma(value / nominal)}</VunitRate>" if self.options.unit_rate else ""
        named = f"<Name>{escape(name)}</Name>" if name else ""
        return f"<Nominal>{nominal}</Nominal>{named}<Value>{_comma(value)}</Value>{unit}"


def _comma(number: Decimal) -> str:
    return f"{number:f}".replace(".", ",")


def _day(text: str | None) -> date:
    return datetime.strptime(text or "", "%d/%m/%Y").replace(tzinfo=UTC).date()
