"""The amoCRM simulator's addresses: /api/v4/{list} by GET, /oauth2/access_token by POST."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlencode

from simulators.amocrm.state import AmocrmState
from simulators.amocrm.wire import ACCOUNT
from simulators.http import HTML_PAGE, Request, Response, json_response, text_response

Row = dict[str, Any]
PREFIX = "/api/v4"
LISTS = {
    "/leads": "leads",
    "/contacts": "contacts",
    "/events": "events",
    "/leads/pipelines": "pipelines",
    "/leads/loss_reasons": "loss_reasons",
    "/users": "users",
    "/sources": "sources",
}
BOUND = re.compile(r"^filter\[(created_at|updated_at)\]\[(from|to)\]$")
ORDER = re.compile(r"^order\[(created_at|updated_at|id)\]$")


class Amocrm:
    name = "amocrm"

    def __init__(self, state: AmocrmState) -> None:
        self.state = state

    def handle(self, request: Request) -> Response:
        if self.state.blocked:
            return text_response("<html><body><h1>403 Forbidden</h1></body></html>", 403, "text/html")
        if self.state.too_fast():
            return self.too_many_requests()
        if request.path == "/oauth2/access_token":
            return self._renew(request)
        if request.headers.get("authorization") != f"Bearer {self.state.token}":
            return self.unauthorized()
        path = request.path.removeprefix(PREFIX)
        if path == "/account":
            return json_response(
                {"id": ACCOUNT, "name": "Clinics", "subdomain": "example", "currency": self.state.options.currency}
            )
        if path not in LISTS or not request.path.startswith(PREFIX):
            return _problem(404, "Not Found", f"Cannot GET {request.path}!")
        return self._list(request, LISTS[path])

    def unauthorized(self) -> Response:
        return _problem(401, "Unauthorized", "The resource owner or authorization server denied the request.")

    def too_many_requests(self) -> Response:
        """No JSON: the balancer answers."""
        return text_response("<html><body><h1>429 Too Many Requests</h1></body></html>", 429, "text/html")

    def server_error(self) -> Response:
        return text_response(HTML_PAGE, 500, "text/html; charset=utf-8")

    def without_rows(self, request: Request, good: Response) -> Response:
        return Response(204)

    def _renew(self, request: Request) -> Response:
        given = json.loads(request.body or b"{}")
        pair = self.state.renew(str(given.get("refresh_token"))) if given.get("grant_type") == "refresh_token" else None
        if pair is None:
            return _problem(400, "Error", "Token has been revoked", hint="Token has been revoked")
        return json_response(pair)

    def _list(self, request: Request, name: str) -> Response:
        rows = self.state.rows[name]
        types = {value for key, value in request.query if key.startswith("filter[type]")}
        if name == "events":
            rows = [row for row in rows if not types or row["type"] in types]
        for key, value in request.query:
            if bound := BOUND.match(key):
                column, side = bound.groups()
                if not value.lstrip("-").isdigit():
                    return _problem(400, "Bad Request", "Request validation failed", code="InvalidType", path=key)
                limit = int(value)
                rows = [row for row in rows if (row[column] >= limit if side == "from" else row[column] <= limit)]
        rows = self._ordered(request, name, rows)
        largest = self.state.options.largest_event_page if name == "events" else self.state.options.largest_page
        each = min(int(request.get("limit") or 50), largest)
        page = int(request.get("page") or 1)
        shown = rows[(page - 1) * each : page * each]
        if not shown:
            return Response(204)
        if name in ("leads", "contacts"):
            more = (request.get("with") or "").split(",")
            shown = [self._asked(row, more) for row in shown]
        links: Row = {"self": {"href": f"{request.path}?{urlencode(request.query)}"}}
        if page * each < len(rows):
            query = [(key, value) for key, value in request.query if key != "page"]
            links["next"] = {"href": f"{request.path}?{urlencode([*query, ('page', page + 1)])}"}
        return json_response({"_page": page, "_links": links, "_embedded": {name: shown}})

    def _ordered(self, request: Request, name: str, rows: list[Row]) -> list[Row]:
        if name == "events":
            return sorted(rows, key=lambda row: (row["created_at"], row["id"]), reverse=True)
        for key, value in request.query:
            if order := ORDER.match(key):
                column = order[1]
                return sorted(rows, key=lambda row: (row[column], row["id"]), reverse=value == "desc")
        return sorted(rows, key=lambda row: row["id"])

    def _asked(self, row: Row, more: list[str]) -> Row:
        """The row with what is told only where `with` names it: contacts, and where a lead came from."""
        told = {name: value for name, value in row.items() if name != "source_id" or name in more}
        embedded = {name: value for name, value in row["_embedded"].items() if name != "contacts" or name in more}
        return {**told, "_embedded": embedded}


def _problem(status: int, title: str, detail: str, **more: str) -> Response:
    body = {"title": title, "type": "https://httpstatus.es", "status": status, "detail": detail, **more}
    return Response(status, json.dumps(body).encode(), "application/problem+json")
