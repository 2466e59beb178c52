"""The central bank's two documents: the list of a day (which number each currency has), and a currency's days.

Traps: a day without rates is answered with the day before it; a mistake of ours is answered with status 200 and the
words "Error in parameters"; numbers have a decimal comma; a rate may be of 10, 100 or 10,000 units.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from xml.etree import ElementTree

from extractors.core.client import api_client
from extractors.core.http import UnreadableBody
from extractors.core.spec import Context, Window

_DECLARATION = re.compile(rb"^\s*<\?xml[^>]*\?>")
# The bank has been seen to refuse clients that name no browser; unconfirmed, so it is a setting.
USER_AGENT = "Mozilla/5.0 (compatible; Chairside)"


class RatesClient:
    """Asks the bank. State: the HTTP session."""

    def __init__(self, context: Context) -> None:
        agent = str(context.settings.get("user_agent") or USER_AGENT)
        self._http = api_client("currency_rates", context, per_second=1.0, headers={"User-Agent": agent})

    def close(self) -> None:
        self._http.close()

    def numbers(self, currencies: Sequence[str], day: date, *, where: str) -> dict[str, str]:
        """ISO code → the bank's number of the currency, of those asked for.

        Raises PayloadError when one of them is not in the bank's list, three times.
        """

        def decode(body: bytes) -> dict[str, str]:
            found = {
                text_of(item, "CharCode"): item.get("ID", "").strip() for item in document(body).findall("Valute")
            }
            missing = [code for code in currencies if not found.get(code)]
            if missing:
                raise UnreadableBody(f"{', '.join(missing)} not among {len(found)} currencies of the list")
            return {code: found[code] for code in currencies}

        return self._http.send(
            "GET", "/scripts/XML_daily.asp", where=where, params={"date_req": slashed(day)}, decode=decode
        )

    def days(self, number: str, window: Window, *, where: str) -> list[Mapping[str, Any]]:
        """The days of a currency for which the bank set a rate, as it writes them. An empty answer is doubted once."""

        def decode(body: bytes) -> list[Mapping[str, Any]]:
            root = document(body)
            if root.get("ID", "").strip() != number:
                raise UnreadableBody("another currency than was asked for")
            rows = [{**item.attrib, **{part.tag: part.text for part in item}} for item in root.findall("Record")]
            for row in rows:
                row.pop("Id", None)
            check_days(rows, window)
            return list(rows)

        params = {"date_req1": slashed(window.first), "date_req2": slashed(window.last), "VAL_NM_RQ": number}

        def ask() -> list[Mapping[str, Any]]:
            return self._http.send("GET", "/scripts/XML_dynamic.asp", where=where, params=params, decode=decode)

        return ask() or ask()


def document(body: bytes) -> ElementTree.Element:
    """The root of the bank's document. Raises UnreadableBody for anything else.

    The encoding that the first line names is tried first, then windows-1251, which the bank writes whatever it names.
    Documents with a DOCTYPE are refused: the bank has none, and entities can be made to grow without end.
    """
    if b"<!DOCTYPE" in body[:1000].upper():
        raise UnreadableBody("a document with a DOCTYPE")
    root = _parsed(body)
    if root is None:
        root = _parsed(_DECLARATION.sub(b"", body).decode("cp1251", "replace").encode())
    if root is None:
        raise UnreadableBody("no whole XML")
    if root.tag != "ValCurs":
        raise UnreadableBody("no ValCurs")
    if not len(root) and (root.text or "").strip():
        raise UnreadableBody("the bank refuses the parameters")
    return root


def _parsed(body: bytes) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(body)  # noqa: S314 - no DOCTYPE gets here
    except (ElementTree.ParseError, LookupError, ValueError):
        return None


def check_days(rows: Sequence[Mapping[str, Any]], window: Window) -> None:
    """Raises UnreadableBody for a day that was not asked for, and for two different rates of one day."""
    seen: dict[date, tuple[object, object]] = {}
    for row in rows:
        day = dotted(row.get("Date"))
        if day is None:
            continue  # the row's own trouble
        if not window.first <= day <= window.last:
            raise UnreadableBody("a day that was not asked for")
        said = (row.get("Nominal"), row.get("Value"))
        if seen.setdefault(day, said) != said:
            raise UnreadableBody(f"two rates for {day}")


def dotted(value: object) -> date | None:
    """A day as the bank writes it, dd.mm.yyyy; null for anything else."""
    try:
        return datetime.strptime(str(value).strip(), "%d.%m.%Y").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def slashed(day: date) -> str:
    """A day as the bank is asked, dd/mm/yyyy."""
    return f"{day:%d/%m/%Y}"


def text_of(item: ElementTree.Element, name: str) -> str:
    return (item.findtext(name) or "").strip()
