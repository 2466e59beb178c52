"""The feed of requests: JSON page by page, or CSV in one piece. Both say how many rows there are, so that a cut answer
cannot be taken for a short one."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from extractors.core.client import api_client
from extractors.core.errors import PayloadError, TransientError
from extractors.core.http import UnreadableBody
from extractors.core.settings import required
from extractors.core.spec import BROKEN, Context, Page, Window

SHIFTED_TRIES = 3
_LAST_LINE = re.compile(r"# (\d{4}-\d\d-\d\d\.\.\d{4}-\d\d-\d\d): (\d+) rows?")


class _Page(msgspec.Struct):
    """`first` and `last` are what was asked for."""

    requests: msgspec.Raw
    count: int
    first: str = msgspec.field(name="from")
    last: str = msgspec.field(name="to")
    next: str | None = None


class _Id(msgspec.Struct):
    id: int | str | None = None


_PAGE = msgspec.json.Decoder(_Page)
_IDS = msgspec.json.Decoder(list[_Id])


class FeedClient:
    """Asks one feed. State: the HTTP session."""

    def __init__(self, context: Context) -> None:
        token = required(context.settings, "aggregators", "token")
        self._http = api_client(
            "aggregators", context, per_second=2.0, headers={"Authorization": f"Bearer {token}"}
        )

    def close(self) -> None:
        self._http.close()

    def json_pages(self, path: str, window: Window, *, where: str) -> Iterator[msgspec.Raw]:
        """Pages of a window's requests, each the JSON array of its rows.

        Pages may shift while they are read. If fewer different requests came than the feed counts, all is read again,
        three times at most; then TransientError.
        """
        for _ in range(SHIFTED_TRIES):
            seen: set[str] = set()
            cursor: str | None = None
            while True:
                page = self._page(path, window, cursor, seen, where)
                seen.update(ids_of(page.requests))
                yield page.requests
                if page.next is None:
                    break
                if page.next == cursor:
                    raise PayloadError(f"{where}: the feed names the same next page for ever. Ask whoever made it.")
                cursor = page.next
            if len(seen) >= page.count:
                return
        raise TransientError(
            f"{where}: {len(seen)} requests came where the feed counts {page.count}; the pages shift while they are "
            "read. Run it again later."
        )

    def _page(self, path: str, window: Window, cursor: str | None, seen: set[str], where: str) -> _Page:
        def decode(body: bytes) -> _Page:
            page = _PAGE.decode(body)
            ids = ids_of(page.requests)
            if f"{page.first}..{page.last}" != str(window):
                raise UnreadableBody("requests of other days")
            if ids and ids <= seen:
                raise UnreadableBody("a page that has come before")
            if not ids and page.next is None and page.count > len(seen):
                raise UnreadableBody("an empty page before the last")
            return page

        params = {**_span(window), **({"cursor": cursor} if cursor else {})}
        return self._http.send("GET", path, where=where, params=params, decode=decode)

    def csv_page(self, path: str, window: Window, *, where: str) -> Page:
        """All requests of a window. An answer without any is doubted once."""

        def ask() -> list[Mapping[str, Any]]:
            return self._http.send(
                "GET", path, where=where, params=_span(window), decode=lambda body: csv_rows(body, window)
            )

        return ask() or ask()


def ids_of(rows: msgspec.Raw) -> set[str]:
    """Ids of a page's rows. A page whose rows are no list of objects does not decode, and is asked for again."""
    return {str(row.id) for row in _IDS.decode(rows)}


def _span(window: Window) -> dict[str, str]:
    return {"from": str(window.first), "to": str(window.last)}


def csv_rows(body: bytes, window: Window) -> list[Mapping[str, Any]]:
    """Rows of a CSV feed by its header; UTF-8 or windows-1251, comma or semicolon.

    Raises UnreadableBody where the last line is not `# <first day>..<last day>: <number> rows` of the rows and the
    days that were asked for. A line with more or fewer cells than the header is set aside whole.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("cp1251", "replace")
    # Not by `splitlines`: signs inside a note, such as U+2028, would end a line too.
    lines = [f"{line}\n" for line in text.replace("\r\n", "\n").rstrip().split("\n")]
    told = _LAST_LINE.fullmatch(lines[-1].strip())
    if told is None:
        raise UnreadableBody("the last line does not tell the days and the number of rows")
    if told[1] != str(window):
        raise UnreadableBody("requests of other days")
    separator = ";" if lines[0].count(";") > lines[0].count(",") else ","
    try:
        cells = [row for row in csv.reader(lines[:-1], delimiter=separator, strict=True) if row]
    except csv.Error:
        raise UnreadableBody("no CSV") from None
    names = [name.strip() for name in cells[0]] if cells else []
    if "id" not in names or "at" not in names:
        raise UnreadableBody("the first line does not name the columns")
    rows = [_csv_row(names, row) for row in cells[1:]]
    if len(rows) != int(told[2]):
        raise UnreadableBody(f"{len(rows)} rows instead of {told[2]}")
    return rows


def _csv_row(names: Sequence[str], cells: Sequence[str]) -> Mapping[str, Any]:
    if len(cells) != len(names):
        return {BROKEN: f"{len(cells)} values for {len(names)} columns", "line": list(cells)}
    return {name: cell.strip() or None for name, cell in zip(names, cells, strict=True)}
