"""Parameters, filters, order and paging of the list methods."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from simulators.http import Request

Row = dict[str, Any]
PAGE = 50
PREFIXES = (">=", "<=", "!=", "!@", "!%", "=%", ">", "<", "!", "@", "%", "=")


class CallError(Exception):
    """An error envelope: HTTP status, code and text."""

    def __init__(self, status: int, code: str | int, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


def parameters(request: Request) -> Row:
    """Query and body together: JSON, or PHP-style `filter[>ID]=5&select[]=ID`."""
    collected = php(request.query)
    if request.body:
        if "json" in request.headers.get("content-type", ""):
            try:
                body = json.loads(request.body)
            except ValueError:
                raise CallError(400, "INVALID_REQUEST", "The request body is not JSON") from None
            if isinstance(body, dict):
                collected |= body
        else:
            collected |= php(parse_qsl(request.body.decode(), keep_blank_values=True))
    return collected


def command(text: str) -> tuple[str, Row]:
    """One command of a batch: `crm.deal.list?filter[>ID]=0`."""
    parts = urlsplit(text)
    return parts.path, php(parse_qsl(parts.query, keep_blank_values=True))


def php(pairs: Iterable[tuple[str, str]]) -> Row:
    tree: Row = {}
    for key, value in pairs:
        names = [key.split("[")[0], *re.findall(r"\[([^\]]*)\]", key)]
        node = tree
        for name in names[:-1]:
            node = node.setdefault(name, {})
        last = names[-1] or str(len(node))
        node[last] = value
    return {key: _lists(value) for key, value in tree.items()}


def _lists(value: Any) -> Any:  # noqa: ANN401 - a tree of texts
    if not isinstance(value, dict):
        return value
    inner = {key: _lists(one) for key, one in value.items()}
    return list(inner.values()) if inner and all(key.isdigit() for key in inner) else inner


def select_rows(rows: list[Row], params: Row, *, fields: set[str] | None = None) -> list[Row]:
    """Filter and order, without paging. An unknown filter field is refused where `fields` are given."""
    wanted = params.get("filter") or {}
    for key, value in wanted.items():
        operator = next((prefix for prefix in PREFIXES if key.startswith(prefix)), "")
        field = key.removeprefix(operator)
        if fields is not None and field not in fields:
            raise CallError(400, "INVALID_ARG_VALUE", f"Invalid filter: field '{field}' is not allowed in filter")
        rows = [row for row in rows if _holds(row.get(field), operator, value)]
    order = params.get("order") or {}
    for field, way in reversed(list(order.items())):
        rows = sorted(rows, key=lambda row: _sortable(row.get(field)), reverse=str(way).upper() == "DESC")
    return rows


def page_of(rows: list[Row], params: Row) -> tuple[list[Row], Row]:
    """The rows of the page, and the `next` and `total` that go with it."""
    try:
        start = int(params.get("start") or 0)
    except ValueError:
        raise CallError(400, "INVALID_ARG_VALUE", "start must be a number") from None
    if start < 0:
        return rows[:PAGE], {"total": 0}
    start -= start % PAGE
    more = {"next": start + PAGE} if start + PAGE < len(rows) else {}
    return rows[start : start + PAGE], {**more, "total": len(rows)}


def columns(rows: list[Row], params: Row, *, multiple: tuple[str, ...] = ()) -> list[Row]:
    """`select`. Multiple fields (phones, e-mails) come only by name, and only where filled."""
    asked = params.get("select") or ["*"]
    if isinstance(asked, str):
        asked = [asked]
    every = "*" in asked
    return [
        {
            name: value
            for name, value in row.items()
            if name in asked
            or name in ("ID", "id")
            or (every and name not in multiple and not name.startswith("UF_"))
            or ("UF_*" in asked and name.startswith("UF_"))
        }
        for row in rows
    ]


def _holds(value: Any, operator: str, wanted: Any) -> bool:  # noqa: ANN401 - any field's value
    if operator in ("@", "!@") or (operator in ("", "=", "!") and isinstance(wanted, list)):
        options = wanted if isinstance(wanted, list) else [wanted]
        return (_sortable(value) in [_sortable(one) for one in options]) != operator.startswith("!")
    if operator in ("%", "=%"):
        return str(wanted).strip("%").lower() in str(value or "").lower()
    left, right = _sortable(value), _sortable(wanted)
    match operator:
        case ">":
            return left > right
        case ">=":
            return left >= right
        case "<":
            return left < right
        case "<=":
            return left <= right
        case "!" | "!=":
            return left != right
        case _:
            return left == right


def _sortable(value: Any) -> tuple[int, float, str]:  # noqa: ANN401 - any field's value
    """Numbers as numbers, moments as moments, the rest as text; nothing first."""
    if value is None or value == "":
        return 0, 0.0, ""
    text = str(value)
    try:
        return 1, float(text), ""
    except ValueError:
        pass
    if re.match(r"^\d{4}-\d\d-\d\d", text):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return 2, 0.0, text
        return 1, (moment if moment.tzinfo else moment.astimezone()).timestamp(), ""
    return 2, 0.0, text
