"""Addresses of the Yandex.Direct simulator: Reports, and of the other services what a report's reader needs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from simulators.http import HTML_PAGE, Request, Response, json_response, text_response
from simulators.yandex_direct import wire
from simulators.yandex_direct.state import DirectState

TEXTS = {
    52: ("Authorization server temporarily unavailable", "Try again later"),
    58: ("Incomplete registration", "The application's access request is not approved"),
    152: ("Not enough units", "Not enough units on the client's account"),
    506: ("Connection limit exceeded", "Too many simultaneous requests"),
    53: ("Authorization error", "Invalid OAuth token"),
    54: ("No rights", "No rights to the specified client"),
    56: ("Method request limit exceeded", "Wait before the next request"),
    4000: ("Invalid request parameters", "A report with this name already exists with other parameters"),
    8000: ("Invalid request", ""),
    9000: ("Report creation limit exceeded", "Too many reports in the queue"),
    1000: ("Server temporarily unavailable", "Try again later"),
}


def error_response(code: int, detail: str | None = None, status: int = 400) -> Response:
    """The vendor's error body; Reports use HTTP 400 for most of them, also for a full queue."""
    text, usual = TEXTS.get(code, ("Error", ""))
    identity = _request_id()
    error = {
        "request_id": identity["RequestId"],
        "error_code": code,
        "error_string": text,
        "error_detail": usual if detail is None else detail,
    }
    return json_response({"error": error}, status, identity)


class YandexDirect:
    """The vendor. An agency's token; every request names its client in `Client-Login`."""

    name = "yandex_direct"

    def __init__(self, state: DirectState) -> None:
        self.state = state
        self._services: dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]] = {
            "campaigns": self._campaigns,
            "clients": self._clients,
            "changes": self._changes,
        }

    def handle(self, request: Request) -> Response:
        version, _, service = request.path.removeprefix("/json/").partition("/")
        if request.method != "POST" or version not in ("v5", "v501") or service not in {"reports", *self._services}:
            return text_response(HTML_PAGE, 404, "text/html; charset=utf-8")
        reports = service == "reports"
        if request.headers.get("authorization") != f"Bearer {self.state.token}":
            return error_response(53, status=self.state.options.auth_status if reports else 200)
        login = request.headers.get("client-login", "")
        if login not in self.state.logins:
            return error_response(54, status=self.state.options.auth_status if reports else 200)
        try:
            body = json.loads(request.body)
            params = body["params"]
            if not reports:
                return json_response({"result": self._services[service](login, params)}, headers=_request_id())
            if "method" in body:
                raise wire.DefinitionError("Unknown parameter method")
            return self._report(request, login, params)
        except wire.DefinitionError as error:
            return error_response(8000, str(error))
        except (ValueError, KeyError, TypeError):
            return error_response(8000, "The request is not valid JSON with params", 400 if reports else 200)

    def unauthorized(self) -> Response:
        return error_response(53, status=401)

    def too_many_requests(self) -> Response:
        return error_response(self.state.options.rate_code, status=429)

    def server_error(self) -> Response:
        return error_response(1000, status=500)

    def without_rows(self, request: Request, good: Response) -> Response:
        lines = good.body.decode().splitlines()
        kept = [line for line in lines[:2] if not line[:1].isdigit()]
        return Response(200, "".join(f"{line}\n" for line in kept).encode(), good.content_type, good.headers)

    def _report(self, request: Request, login: str, params: dict[str, Any]) -> Response:
        if self.state.too_fast():
            return error_response(self.state.options.rate_code)
        wire.check(params)
        headers = {
            "micros": _flag(request, "returnmoneyinmicros", default=True),
            "skip_header": _flag(request, "skipreportheader"),
            "skip_columns": _flag(request, "skipcolumnheader"),
            "skip_summary": _flag(request, "skipreportsummary"),
        }
        mode = request.headers.get("processingmode", "auto")
        if mode == "auto":
            mode = self.state.options.auto
        in_queue = 0
        if mode == "offline":
            same = json.dumps([params, headers], sort_keys=True)
            answer, in_queue = self.state.poll(login, params["ReportName"], same)
            if answer == "name taken":
                return error_response(self.state.options.reused_name_code)
            if answer == "queue full":
                return error_response(9000)
            if answer != "ready":
                wait = self.state.options.retry_in
                more = {"reportsInQueue": str(in_queue)} | ({} if wait is None else {"retryIn": str(wait)})
                return Response(201 if answer == "created" else 202, headers=_request_id() | more)
        body = wire.report(self.state, login, params, headers)
        more = {"reportsInQueue": str(in_queue)}
        return Response(200, body.encode(), "text/tab-separated-values; charset=utf-8", _request_id() | more)

    def _campaigns(self, login: str, params: dict[str, Any]) -> dict[str, Any]:
        mine = [campaign for campaign in self.state.campaigns.values() if campaign.login == login]
        fields = params.get("FieldNames", ["Id", "Name"])
        rows = [{"Id": c.campaign_id, "Name": c.name, "State": "ON", "Status": "ACCEPTED", "Type": "UNIFIED_CAMPAIGN",
                 "Currency": "RUB"} for c in mine]  # fmt: skip
        return {"Campaigns": [{key: row[key] for key in fields if key in row} for row in rows]} if rows else {}

    def _clients(self, login: str, params: dict[str, Any]) -> dict[str, Any]:
        row = {"ClientId": 116_000 + len(login), "CountryId": 225, "Currency": "RUB", "Login": login}
        fields = params.get("FieldNames", list(row))
        return {"Clients": [{key: row[key] for key in fields if key in row}]}

    def _changes(self, login: str, params: dict[str, Any]) -> dict[str, Any]:
        """`BorderDate` per corrected campaign. The nesting is unconfirmed by the vendor's documents."""
        asked = [number for number in params.get("CampaignIds", []) if number in self.state.campaigns]
        corrected = [{"CampaignId": number, "BorderDate": self.state.corrections[number].isoformat()}
                     for number in asked if number in self.state.corrections]  # fmt: skip
        missing = [number for number in params.get("CampaignIds", []) if number not in self.state.campaigns]
        stamp = self.state.world.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        result: dict[str, Any] = {"Modified": {"CampaignsStat": corrected} if corrected else {}, "Timestamp": stamp}
        return result | ({"NotFound": {"CampaignIds": missing}} if missing else {})


def _request_id() -> dict[str, str]:
    return {"RequestId": str(uuid.uuid4().int)[:19]}


def _flag(request: Request, name: str, *, default: bool = False) -> bool:
    text = request.headers.get(name)
    return default if text is None else text.lower() == "true"
