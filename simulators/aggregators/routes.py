"""Addresses of the aggregators' feed: `/requests` (JSON, pages by cursor) and `/requests.csv` (all at once)."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from simulators.http import Request, Response, json_response, text_response

ZONE = ZoneInfo("Europe/Moscow")


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """What a feed may choose: rows a page, whether times carry their offset, and how its CSV is written."""

    page_rows: int = 50
    offsets: bool = True
    separator: str = ","
    encoding: str = "utf-8"


class AggregatorsFeed:
    """The vendor. `rows`: requests with `at` as a moment; tests may edit them."""

    name = "aggregators"

    def __init__(self, token: str, rows: list[dict[str, Any]], options: FeedOptions) -> None:
        self.token = token
        self.rows = rows
        self.options = options

    def handle(self, request: Request) -> Response:
        if request.path not in ("/requests", "/requests.csv"):
            return json_response({"error": "no such feed"}, 404)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return self.unauthorized()
        try:
            first, last = (date.fromisoformat(request.get(name) or "") for name in ("from", "to"))
            start = int(request.get("cursor") or 0)
        except ValueError:
            return json_response({"error": "from and to are needed, as YYYY-MM-DD"}, 400)
        found = [row for row in self.rows if first <= row["at"].astimezone(ZONE).date() <= last]
        found.sort(key=lambda row: (row["at"], str(row["id"])))
        written = [{**row, "at": self._time(row)} for row in found]
        if request.path.endswith(".csv"):
            return self._csv(written, f"{first}..{last}")
        page = written[start : start + self.options.page_rows]
        more = start + len(page) < len(written)
        return json_response({
            "from": str(first), "to": str(last), "count": len(written), "requests": page,
            "next": str(start + len(page)) if more else None,
        })  # fmt: skip

    def unauthorized(self) -> Response:
        return json_response({"error": "unknown token"}, 401)

    def too_many_requests(self) -> Response:
        return json_response({"error": "too many requests"}, 429)

    def server_error(self) -> Response:
        return text_response("error", 500)

    def without_rows(self, request: Request, good: Response) -> Response:
        if request.path.endswith(".csv"):
            lines = good.body.splitlines(keepends=True)
            days = lines[-1].decode().partition(":")[0]
            return Response(200, lines[0] + f"{days}: 0 rows\n".encode(), good.content_type)
        return json_response(json.loads(good.body) | {"requests": [], "next": None})

    def _time(self, row: dict[str, Any]) -> str:
        local = row["at"].astimezone(ZONE)
        return str(local.isoformat() if self.options.offsets else local.replace(tzinfo=None).isoformat(" "))

    def _csv(self, rows: list[dict[str, Any]], days: str) -> Response:
        out = io.StringIO()
        names = list(self.rows[0]) if self.rows else ["id", "aggregator", "at"]
        writer = csv.DictWriter(out, names, delimiter=self.options.separator, lineterminator="\n")
        writer.writeheader()
        writer.writerows([{**row, "tags": ";".join(row.get("tags") or ())} for row in rows])
        out.write(f"# {days}: {len(rows)} rows\n")
        body = out.getvalue().encode(self.options.encoding)
        return Response(200, body, f"text/csv; charset={self.options.encoding}")
