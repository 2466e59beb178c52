"""The one address of the UIS simulator: POST of a JSON-RPC call, answered by HTTP 200 whatever happens."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from simulators.http import HTML_PAGE, Request, Response, json_response, text_response
from simulators.uis import wire
from simulators.uis.state import REPORT_KINDS, UisState

LONGEST = timedelta(days=93)  # "3 months"
LARGEST_OFFSET = 100_000
VISITS = "get.visitor_sessions_report"
PARAMETERS = {
    "access_token", "user_id", "date_from", "date_till", "limit", "offset", "fields", "sort", "filter",
    "include_ongoing_calls", "include_tech_offline_messages",
}


class _RpcError(Exception):
    def __init__(self, code: int, mnemonic: str, message: str, **data: Any) -> None:  # noqa: ANN401
        super().__init__(message)
        self.code = code
        self.data = {"mnemonic": mnemonic, **data}


class Uis:
    """The vendor. Refusals repeat what was sent, token included, as JSON-RPC servers do."""

    name = "uis"

    def __init__(self, state: UisState) -> None:
        self.state = state

    def handle(self, request: Request) -> Response:
        if request.method != "POST" or request.path.rstrip("/") != "/v2.0":
            return text_response(HTML_PAGE, 404, "text/html; charset=utf-8")
        try:
            body = json.loads(request.body)
        except ValueError:
            return self._refused(None, _RpcError(-32700, "parse_error", "Parse error"))
        if isinstance(body, list):
            return self._refused(None, _RpcError(-32099, "batch_operations_not_supported", "Batch is not supported"))
        number = body.get("id")
        try:
            return json_response({"jsonrpc": "2.0", "id": number, "result": self._call(body)})
        except _RpcError as error:
            return self._refused(number, error)

    def unauthorized(self) -> Response:
        return self._refused(None, _wrong_token(""))

    def too_many_requests(self) -> Response:
        return self._refused(None, _RpcError(-32029, "limit_exceeded", "Limit has been exceeded"))

    def server_error(self) -> Response:
        return self._refused(None, _RpcError(-32603, "internal_error", "Internal error"))

    def without_rows(self, request: Request, good: Response) -> Response:
        answer = json.loads(good.body)
        if "result" in answer:
            answer["result"]["data"] = []
            answer["result"]["metadata"]["total_items"] = 0
        return json_response(answer)

    def _refused(self, number: object, error: _RpcError) -> Response:
        data = {**error.data, "metadata": {"limits": self.state.limits()}}
        return json_response(
            {"jsonrpc": "2.0", "id": number, "error": {"code": error.code, "message": str(error), "data": data}}
        )

    def _call(self, body: dict[str, Any]) -> dict[str, Any]:
        if body.get("id") is None or body.get("jsonrpc") != "2.0":
            raise _RpcError(-32600, "invalid_request", "The id or the version is missing")
        params = body.get("params") or {}
        method = body.get("method")
        if params.get("access_token") != self.state.token:
            raise _wrong_token(params.get("access_token"))
        if method not in (*REPORT_KINDS, "get.account", VISITS):
            raise _RpcError(-32601, "method_not_found", "Method not found", value=method)
        if unknown := sorted(params.keys() - PARAMETERS):
            raise _RpcError(-32602, "unexpected_parameters", "Unexpected method parameter(s)", field=unknown[0])
        answer = self._account() if method == "get.account" else self._report(str(method), params)
        if not self.state.spend():
            raise _RpcError(-32029, "limit_exceeded", "Limit has been exceeded")
        answer["metadata"] |= {"limits": self.state.limits()}
        return answer

    def _account(self) -> dict[str, Any]:
        account = {"app_id": 1103, "name": "Clinics", "timezone": self.state.options.time_zone}
        return {"data": [account], "metadata": {"total_items": 1}}

    def _report(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        first, last = (_moment(params, name) for name in ("date_from", "date_till"))
        if last - first > LONGEST:
            raise _RpcError(
                -32602, "date_interval_limit_reached", "Max value of requested date interval is 3 months",
                field="date_till", value=params["date_till"],
            )
        limit, offset = params.get("limit", 1000), params.get("offset", 0)
        for name, value, most in (("limit", limit, 10_000), ("offset", offset, LARGEST_OFFSET)):
            if not isinstance(value, int) or not 0 <= value <= most:
                raise _RpcError(-32602, "invalid_parameter_value", "Invalid parameter value", field=name, value=value)
        rows = self._rows(method, first, last)
        for order in reversed(params.get("sort") or []):
            if order["field"] not in wire.SORTABLE[method]:
                raise _RpcError(-32602, "sort_prohibited", "Sort by parameter is prohibited", field=order["field"])
            rows.sort(key=lambda row: str(row[order["field"]]), reverse=order.get("order") == "desc")
        if params.get("filter"):
            raise _RpcError(-32602, "filter_prohibited", "Filter by parameter is prohibited", field="filter")
        fields = params.get("fields") or wire.DEFAULT[method]
        everything = self._rows(method, datetime.min, datetime.max)  # noqa: DTZ901 - the account's clock has no offset
        known = set(everything[0]) if everything else set(fields)
        if unknown := [name for name in fields if name not in known]:
            raise _RpcError(-32602, "unexpected_parameters", "Unexpected method parameter(s)", field="fields",
                            value=unknown[0])  # fmt: skip
        page = rows[offset : offset + limit]
        return {
            "data": [{name: row[name] for name in fields} for row in page],
            "metadata": {"total_items": self._count(method, first, last), "version": {}},
        }


    def _count(self, method: str, first: datetime, last: datetime) -> int:
        """Rows of a report by the books of the city, whatever its pages show of them."""
        if method == VISITS:
            return sum(first <= self.state.local(one.started_at) <= last for one in self.state.visits)
        books = [contact for contact in self.state.contacts if contact.kind in REPORT_KINDS[method]]
        gone = sum(one.contact_id in self.state.deleted and first <= self.state.local(one.occurred_at) <= last
                   for one in books)  # fmt: skip
        return sum(first <= self.state.local(one.occurred_at) <= last for one in books) - gone

    def _rows(self, method: str, first: datetime, last: datetime) -> list[dict[str, Any]]:
        if method == VISITS:
            return [wire.visit(self.state, one) for one in self.state.visits
                    if first <= self.state.local(one.started_at) <= last]  # fmt: skip
        return [wire.row(self.state, method, contact) for contact in self.state.within(method, first, last)]


def _wrong_token(value: object) -> _RpcError:
    text = f"Access token {value} is invalid"
    return _RpcError(-32001, "access_token_invalid", text, field="access_token", value=value)


def _moment(params: dict[str, Any], name: str) -> datetime:
    text = params.get(name)
    if text is None:
        raise _RpcError(-32602, "required_parameter_missed", "The required parameter has been missed", field=name)
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).replace(tzinfo=None)
    except (TypeError, ValueError):
        raise _RpcError(-32602, "invalid_parameter_value", "Invalid parameter value", field=name, value=text) from None
