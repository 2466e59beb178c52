"""Changes the rows of an answer without knowing the vendor: JSON, tab-separated text and XML, wherever the rows are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from xml.sax.saxutils import escape, unescape

from simulators.http import Response

Row = dict[str, Any]
Change = Callable[[list[Row]], list[Row]]
# An element of a list that only wraps a row, or rows of its own.
WRAPPERS = ("resource", "results", "rows")
NO_ROWS = ("link",)  # addresses of other pages
_ELEMENT = re.compile(r"<(Record|Valute)\b([^>]*)>(.*?)</\1>", re.DOTALL)
_PART = re.compile(r"<(\w+)>(.*?)</\1>", re.DOTALL)


def changed(response: Response, change: Change) -> Response:
    """The answer with other rows; itself where it has none."""
    text = response.body.decode("cp1251" if "xml" in response.content_type else "utf-8")
    if "xml" in response.content_type:
        body = _xml(text, change).encode("cp1251")
    elif "tab-separated" in response.content_type:
        body = _tabs(text, change).encode()
    elif text[:1] in ("{", "["):
        body = json.dumps(_json(json.loads(text), change), ensure_ascii=False).encode()
    else:
        return response
    return Response(response.status, body, response.content_type, response.headers)


def rows_of(response: Response) -> list[Row]:
    """All rows of an answer."""
    seen: list[Row] = []

    def look(rows: list[Row]) -> list[Row]:
        seen.extend(rows)
        return rows

    changed(response, look)
    return seen


def texts_of(value: Any) -> Iterator[str]:  # noqa: ANN401 - a tree of JSON
    """Every text within a row."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts_of(part)


def with_texts(value: Any, change: Callable[[str], str]) -> Any:  # noqa: ANN401 - a tree of JSON
    """The row with every text within it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: with_texts(part, change) for name, part in value.items()}
    return [with_texts(part, change) for part in value] if isinstance(value, list) else value


def _json(value: Any, change: Change) -> Any:  # noqa: ANN401 - a tree of JSON
    if isinstance(value, dict):
        return {name: part if name in NO_ROWS else _json(part, change) for name, part in value.items()}
    if not (isinstance(value, list) and value and all(isinstance(one, dict) for one in value)):
        return value
    wrapper = next((name for name in WRAPPERS if all(name in one for one in value)), None)
    if wrapper is None:
        return change(value)
    if all(isinstance(one[wrapper], dict) for one in value):
        inner = change([one[wrapper] for one in value])
        if len(inner) == len(value):
            return [{**one, wrapper: row} for one, row in zip(value, inner, strict=True)]
        return [{wrapper: row} for row in inner]
    return [{**one, wrapper: _json(one[wrapper], change)} for one in value]


def _tabs(text: str, change: Change) -> str:
    """Lines before the column names and after the rows have no tab."""
    lines = text.split("\n")
    at = next((place for place, line in enumerate(lines) if "\t" in line), None)
    if at is None:
        return text
    names = lines[at].split("\t")
    end = next((place for place in range(at + 1, len(lines)) if "\t" not in lines[place]), len(lines))
    rows = change([dict(zip(names, line.split("\t"), strict=False)) for line in lines[at + 1 : end]])
    columns = list(rows[0]) if rows else names
    told = ["\t".join(str(row.get(name, "")) for name in columns) for row in rows]
    # Direct counts its rows in the last line.
    tail = [re.sub(r"\d+$", str(len(rows)), line) if line.startswith("Total rows") else line for line in lines[end:]]
    return "\n".join([*lines[:at], "\t".join(columns), *told, *tail])


def _xml(text: str, change: Change) -> str:
    found = list(_ELEMENT.finditer(text))
    if not found:
        return text
    given = [{name: unescape(value) for name, value in _PART.findall(one.group(3))} for one in found]
    kept = {id(row): one for row, one in zip(given, found, strict=True)}
    rows = change(given)
    told = []
    for place, row in enumerate(rows):
        one = kept.get(id(row), found[min(place, len(found) - 1)])
        parts = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in row.items())
        told.append(f"<{one.group(1)}{one.group(2)}>{parts}</{one.group(1)}>")
    return text[: found[0].start()] + "".join(told) + text[found[-1].end() :]
