"""Methods of the Bitrix24 simulator: /rest/{user}/{code}/{method}[.json], GET or POST."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from simulators.bitrix24 import query, wire
from simulators.bitrix24.query import CallError
from simulators.bitrix24.state import BitrixState
from simulators.http import Request, Response, json_response

Row = dict[str, Any]
ADDRESS = re.compile(r"^/rest/(\d+)/([^/]+)/([a-z0-9.]+?)(?:\.json)?/?$")
LARGEST_BATCH = 50
MULTIPLE = ("PHONE", "EMAIL")


class Bitrix24:
    name = "bitrix24"

    def __init__(self, state: BitrixState) -> None:
        self.state = state
        self._methods: dict[str, Callable[[Row], Row]] = {
            "crm.deal.list": self._deals,
            "crm.deal.get": self._deal,
            "crm.item.list": self._items,
            "crm.contact.list": self._contacts,
            "crm.lead.list": self._leads,
            "crm.stagehistory.list": self._history,
            "crm.status.list": self._statuses,
            "crm.category.list": self._categories,
            "crm.deal.productrows.get": self._products,
            "user.get": self._users,
            "profile": lambda params: {"result": {"ID": str(state.user_id), "ADMIN": True}},
        }

    def handle(self, request: Request) -> Response:
        started = time.time()
        found = ADDRESS.match(request.path)
        if found is None:
            return _error(401, "NO_AUTH_FOUND", "Wrong authorization data")
        user, code, method = found.groups()
        if int(user) != self.state.user_id or code != self.state.code:
            return _error(403, "INVALID_CREDENTIALS", "Invalid request credentials")
        if self.state.too_fast():
            return self.too_many_requests()
        try:
            params = query.parameters(request)
            answer = self._batch(params) if method == "batch" else self._call(method, params)
        except CallError as error:
            return _error(error.status, error.code, error.text)
        return json_response({**answer, "time": _time(started)})

    def unauthorized(self) -> Response:
        return _error(401, "expired_token", "The access token provided has expired.")

    def too_many_requests(self) -> Response:
        return _error(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")

    def server_error(self) -> Response:
        return _error(500, "INTERNAL_SERVER_ERROR", "Internal server error")

    def without_rows(self, request: Request, good: Response) -> Response:
        answer = json.loads(good.body)
        result = answer["result"]
        answer["result"] = {key: [] for key in result} if isinstance(result, dict) else []
        return json_response(answer)

    def _call(self, method: str, params: Row) -> Row:
        if method not in self._methods:
            raise CallError(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
        return self._methods[method](params)

    def _batch(self, params: Row) -> Row:
        """HTTP 200 even when commands fail. PHP writes an empty map as a list."""
        commands = params.get("cmd") or {}
        if isinstance(commands, list):
            commands = {str(index): text for index, text in enumerate(commands)}
        if len(commands) > LARGEST_BATCH:
            raise CallError(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
        if self.state.options.empty_batch:
            return {"result": {"result": {}}}
        parts: dict[str, Row] = {
            "result": {},
            "result_error": {},
            "result_total": {},
            "result_next": {},
            "result_time": {},
        }
        halt = str(params.get("halt", 0)) in ("1", "True", "true")
        for label, text in commands.items():
            method, arguments = query.command(text)
            started = time.time()
            try:
                if method == "batch":
                    raise CallError(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")
                answer = self._call(method, arguments)
            except CallError as error:
                parts["result_error"][label] = {"error": error.code, "error_description": error.text}
                if halt:
                    break
                continue
            parts["result"][label] = answer["result"]
            parts["result_time"][label] = _time(started)
            for name in ("total", "next"):
                if name in answer:
                    parts[f"result_{name}"][label] = answer[name]
        return {"result": {name: part or [] for name, part in parts.items()}}

    def _paged(self, rows: list[Row], params: Row) -> tuple[list[Row], Row]:
        return query.page_of(query.select_rows(rows, params), params)

    def _deals(self, params: Row) -> Row:
        if not self.state.options.may_read_deals:
            raise CallError(400, "", "Access denied.")
        rows, paging = self._paged(self.state.rows["deals"], params)
        return {"result": query.columns(rows, params), **paging}

    def _deal(self, params: Row) -> Row:
        found = [row for row in self.state.rows["deals"] if row["ID"] == str(params.get("id", params.get("ID")))]
        if not found:
            raise CallError(400, "", "Not found")
        return {"result": found[0]}

    def _items(self, params: Row) -> Row:
        if str(params.get("entityTypeId")) != "2":
            raise CallError(400, "NOT_FOUND", "Smart process not found")
        rows = [wire.item(row) for row in self.state.rows["deals"]]
        if params.get("useOriginalUfNames") == "Y":
            for row in rows:
                row["UF_CRM_TAGS"], row["UF_CRM_LOST_REASON"] = row.pop("ufCrmTags"), row.pop("ufCrmLostReason")
        fields = set(rows[0]) if rows else None
        rows, paging = query.page_of(query.select_rows(rows, params, fields=fields), params)
        return {"result": {"items": query.columns(rows, params)}, **paging}

    def _contacts(self, params: Row) -> Row:
        rows, paging = self._paged(self.state.rows["contacts"], params)
        return {"result": query.columns(rows, params, multiple=MULTIPLE), **paging}

    def _leads(self, params: Row) -> Row:
        """None in a portal that works without leads, which the city's does."""
        rows, paging = self._paged(self.state.rows["leads"], params)
        return {"result": query.columns(rows, params, multiple=MULTIPLE), **paging}

    def _history(self, params: Row) -> Row:
        if str(params.get("entityTypeId")) != "2":
            raise CallError(400, "INVALID_ARG_VALUE", "entityTypeId is not supported")
        rows, paging = self._paged(self.state.rows["history"], params)
        return {"result": {"items": query.columns(rows, params)}, **paging}

    def _statuses(self, params: Row) -> Row:
        rows = query.select_rows(self.state.rows["statuses"], params)
        return {"result": rows, "total": len(rows)}

    def _categories(self, params: Row) -> Row:
        if str(params.get("entityTypeId")) != "2":
            raise CallError(400, "NOT_FOUND", "Entity type not found")
        rows = self.state.rows["categories"]
        return {"result": {"categories": rows}, "total": len(rows)}

    def _products(self, params: Row) -> Row:
        number = str(params.get("id", params.get("ID", "")))
        if not any(row["ID"] == number for row in self.state.rows["deals"]):
            raise CallError(400, "", "Access denied.")
        return {"result": self.state.products.get(int(number), [])}

    def _users(self, params: Row) -> Row:
        lowered = {key.lower(): value for key, value in params.items()}
        rows, paging = self._paged(self.state.rows["users"], lowered)
        return {"result": rows, **paging}


def _error(status: int, code: str | int, text: str) -> Response:
    return json_response({"error": code, "error_description": text}, status)


def _time(started: float) -> Row:
    finished = time.time()
    duration = max(0.0, finished - started)
    return {
        "start": started,
        "finish": finished,
        "duration": duration,
        "processing": duration,
        "date_start": _iso(started),
        "date_finish": _iso(finished),
        "operating_reset_at": int(started) + 600,
        "operating": round(duration, 6),
    }


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
