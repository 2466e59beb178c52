"""From one cell to one value. Every function raises CellError with a reason that a clinic's employee understands.

A cell of a CSV file is text; a cell of a workbook may be a number, a date or a truth value already. Empty text and
`NULL` mean nothing. Reasons never hold a phone, a name or an address.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal

from extractors.phones import is_scientific

Cell = str | int | float | bool | Decimal | datetime | date | time | None

FIRST_YEAR = 1900  # nobody treated or billed is older; spreadsheets write 1899-12-30 for "no date"
LAST_MOMENT_YEAR = 2100  # moments; days may say 9999-12-31 for "for ever"
LONGEST_EXACT = 10**15  # a spreadsheet keeps 15 digits of a number and turns the rest into zeros
_LARGEST_INTEGER = 2**63 - 1
_MOST_DIGITS = 30  # before the point: more is no amount but a slip

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]|\Z)|\d{8}(?:T|\Z)")
_CLOCK = r"(?:[T ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,6}))?)?\s*(Z|[+-]\d{2}:?\d{2}|[+-]\d{2})?)?\Z"
_DAY_FIRST = re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})(?:\s*г\.?)?" + _CLOCK)
_YEAR_FIRST = re.compile(r"(?P<year>\d{4})[-./](?P<month>\d{1,2})[-./](?P<day>\d{1,2})" + _CLOCK)
_SPACES = re.compile(r"[\s'’]")
_MARK = r"(?:₽|\$|€|£|руб(?:\.|лей|ля|ль)?|р\.?|RUB|USD|EUR)"
_CURRENCY_MARK = re.compile(rf"\A\s*{_MARK}|{_MARK}\s*\Z", re.IGNORECASE)
_SPACED = re.compile(r"\d{1,3}(?:[\s'’]\d{3})+(?:[.,]\d+)?\Z")
_PLAIN = re.compile(r"\d+(?:\.\d+)?\Z|\.\d+\Z")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+\Z")
_MAYBE_GROUPED = re.compile(r"[1-9]\d{0,2},\d{3}\Z")
_SHEET_ERROR = re.compile(r"#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|Н/Д|ССЫЛКА!|ЗНАЧ!|ИМЯ\?|ДЕЛ/0!|ЧИСЛО!)\Z")
_YES = frozenset({"true", "1", "yes", "y", "t", "да", "д", "истина", "с ндс", "отвечен", "принят"})
_NO = frozenset({"false", "0", "no", "n", "f", "нет", "н", "ложь", "без ндс", "не отвечен", "пропущен"})


class CellError(ValueError):
    """The cell cannot be understood; the text is the reason."""


def shown(text: str) -> str:
    """A cell as it may stand in a reason: short, on one line, its own quotation marks not those around it."""
    flat = " ".join(text.split()).replace("'", "’")
    return f"'{flat[:40]}…'" if len(flat) > 40 else f"'{flat}'"


def to_text(cell: Cell) -> str | None:
    """A cell as text without spaces at its ends; null when it holds nothing. A whole number loses its `.0`."""
    if cell is None:
        return None
    if isinstance(cell, str):
        text = cell.strip().strip("\ufeff\u200b")
        if not text or text == "NULL":
            return None
        if text[0] == "#" and _SHEET_ERROR.match(text):
            raise CellError(f"the spreadsheet shows an error ({text}); repair the formula and save the file again")
        if "\x00" in text:
            raise CellError("the cell holds a nul character; save the file again from the program it came from")
        return text
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        if cell != cell or cell in (float("inf"), float("-inf")):
            raise CellError("not a number")
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    return format(cell, "f") if isinstance(cell, Decimal) else str(cell)


def to_id(cell: Cell) -> str | None:
    """An id as written. Numbers that a spreadsheet rounded are refused, they would name somebody else."""
    if isinstance(cell, int | float) and not isinstance(cell, bool) and abs(cell) >= LONGEST_EXACT:
        raise CellError("a spreadsheet rounded the id (it keeps 15 digits); format the column as text, enter it again")
    text = to_text(cell)
    if text is None:
        return None
    if is_scientific(text):
        raise CellError("a spreadsheet turned the id into scientific notation; format the column as text")
    if "\n" in text or "\r" in text:
        raise CellError("the id holds a line break; is a quotation mark missing above?")
    return text


def to_phone(cell: Cell) -> str | None:
    """A phone as written."""
    text = to_text(cell)
    if text is None:
        return None
    if is_scientific(text):
        raise CellError("a spreadsheet turned the phone into scientific notation; format the column as text")
    return text


def split_list(cell: Cell, separators: str = ";") -> list[str]:
    """The parts of a list cell, without empty ones."""
    text = to_text(cell)
    if text is None:
        return []
    return [part for piece in re.split(f"[{separators}]", text) if (part := piece.strip())]


def to_decimal(cell: Cell, *, money: bool = False) -> Decimal | None:
    """A number, exact. `1 234,56`, `1234.56`, `1,234.56`, `1.234,56`, `(100)` for minus, `₽` are understood.

    Of two different separators the last is the decimal one. A single comma before exactly three digits may be either:
    as `money` it is refused, otherwise it is a decimal comma, as Russian spreadsheets write.
    """
    if isinstance(cell, bool | datetime | date | time):
        raise CellError(f"{shown(str(cell))} is no number")
    text = to_text(cell)
    if text is None:
        return None
    if is_scientific(text):
        raise CellError("a spreadsheet turned the number into scientific notation; format the column as a number")
    body = text.replace("\u2212", "-")
    if money:
        body = _CURRENCY_MARK.sub("", body)
    body = body.strip()
    negative = body.startswith("-")
    if body.startswith("(") and body.endswith(")"):
        negative, body = True, body[1:-1].strip()
    elif body[:1] in ("-", "+"):
        body = body[1:].strip()
    if _SPACES.search(body):
        if not _SPACED.match(body):
            raise CellError(f"{shown(text)} is no number")
        body = _SPACES.sub("", body).replace(",", ".")
    plain = _without_groups(body, money=money)
    if plain is None or not plain.isascii() or not _PLAIN.match(plain):
        raise CellError(f"{shown(text)} is no number")
    if len(plain.partition(".")[0]) > _MOST_DIGITS:
        raise CellError(f"{shown(text)} is too large a number")
    number = Decimal(plain)
    return -number if negative else number


def _without_groups(body: str, *, money: bool) -> str | None:
    """`body` with at most one point in it, or null when its separators make no sense."""
    commas, points = body.count(","), body.count(".")
    if commas and points:
        decimal, group = (".", ",") if body.rfind(".") > body.rfind(",") else (",", ".")
        whole, _, fraction = body.rpartition(decimal)
        if not _GROUPED.match(whole.replace(group, ",")):
            return None
        return whole.replace(group, "") + "." + fraction
    if commas > 1 or points > 1:
        return body.replace(",", "").replace(".", "") if _GROUPED.match(body.replace(".", ",")) else None
    if commas:
        if money and _MAYBE_GROUPED.match(body):
            raise CellError(f"'{body}' may be thousands or a fraction; write it with two decimals or without a comma")
        return body.replace(",", ".")
    return body


def to_integer(cell: Cell) -> int | None:
    number = to_decimal(cell)
    if number is None:
        return None
    if number != number.to_integral_value():
        raise CellError(f"{number} is no whole number")
    if abs(number) > _LARGEST_INTEGER:
        raise CellError("too large a number")
    return int(number)


def to_boolean(cell: Cell) -> bool | None:
    if isinstance(cell, bool):
        return cell
    text = to_text(cell)
    if text is None:
        return None
    word = text.casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise CellError(f"{shown(text)} is neither yes nor no; write true or false, 1 or 0, да or нет")


def to_day(cell: Cell, formats: Sequence[str] = ()) -> date | None:
    """A calendar day. Of a time only its midnight is a day."""
    moment = to_moment(cell, formats)
    if moment is None:
        return None
    if moment.timetz() != time(0):
        raise CellError(f"{shown(str(cell))} is a moment, a day is wanted here")
    return moment.date()


def to_moment(cell: Cell, formats: Sequence[str] = ()) -> datetime | None:
    """A moment; without an offset it is left naive, the caller knows the clinic. A day alone is its midnight.

    Understood: ISO 8601 and `DD.MM.YYYY[ HH:MM[:SS]]`, or `formats` (of strptime) and nothing else when given.
    """
    if isinstance(cell, datetime):
        return _plausible(cell)
    if isinstance(cell, date):
        return _plausible(datetime(cell.year, cell.month, cell.day))  # noqa: DTZ001  naive is meant
    if isinstance(cell, bool | float | Decimal | time) or (isinstance(cell, int) and not formats):
        raise CellError(f"{shown(str(cell))} is no date; format the column as a date")
    text = to_text(cell)
    if text is None:
        return None
    for given in formats:
        try:
            return _plausible(datetime.strptime(text, given))  # noqa: DTZ007
        except ValueError as error:
            if isinstance(error, CellError):
                raise
    if formats:
        raise CellError(f"{shown(text)} is no date of the form {' or '.join(formats)}")
    if _ISO.match(text):
        try:
            return _plausible(datetime.fromisoformat(text))  # by far the most common case
        except CellError:
            raise
        except ValueError:
            pass  # a spelling that fromisoformat refuses, or a day that does not exist
    match = _DAY_FIRST.match(text) or _YEAR_FIRST.match(text)
    if match is None:
        raise CellError(f"{shown(text)} is no date; write 2026-06-30T09:00 or 30.06.2026 09:00")
    hour, minute, second, fraction, offset = match.groups()[3:]
    iso = f"{match['year']}-{int(match['month']):02}-{int(match['day']):02}T{int(hour or 0):02}:{minute or '00'}"
    try:
        moment = datetime.fromisoformat(f"{iso}:{second or '00'}.{fraction or '0':0<6}{offset or ''}")
    except ValueError:
        raise CellError(f"{shown(text)} is a date that does not exist") from None
    return _plausible(moment)


def _plausible(moment: datetime) -> datetime:
    if moment.year < FIRST_YEAR:
        raise CellError(f"the year {moment.year} is before {FIRST_YEAR}")
    return moment
