"""Addresses of the Meta simulator: an account's facts, reports of insights, their status and their pages."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from simulators.http import HTML_PAGE, Request, Response, json_response, text_response
from simulators.meta_ads import wire
from simulators.meta_ads.state import MetaState

PATH = re.compile(r"^/v\d+\.\d+/(?:act_(?P<account>\d+)|(?P<run>\d+))(?P<insights>/insights)?$")


def error_response(code: int, subcode: int | None = None, message: str = "", status: int = 400,
                   transient: bool | None = None) -> Response:  # fmt: skip
    """The vendor's error body; HTTP 400 for most of them, full accounts included."""
    error: dict[str, object] = {"message": message or f"Error {code}", "type": "OAuthException", "code": code}
    if subcode is not None:
        error["error_subcode"] = subcode
    if transient is not None:
        error["is_transient"] = transient
    return json_response({"error": {**error, "fbtrace_id": "simulated"}}, status)


class MetaAds:
    """The vendor."""

    name = "meta_ads"

    def __init__(self, state: MetaState) -> None:
        self.state = state

    def handle(self, request: Request) -> Response:
        found = PATH.match(request.path)
        if found is None:
            return text_response(HTML_PAGE, 404, "text/html; charset=utf-8")
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if not self._known(request, form):
            return self.unauthorized()
        try:
            if found["account"] is not None:
                answer = self._account(request, found["account"], form, insights=found["insights"] is not None)
            else:
                answer = self._run(request, found["run"], insights=found["insights"] is not None)
        except wire.ParameterError as error:
            answer = error_response(100, message=str(error))
        return Response(answer.status, answer.body, answer.content_type, {**answer.headers, **self._usage()})

    def unauthorized(self) -> Response:
        return error_response(190, 463, "Error validating access token: Session has expired", 401)

    def too_many_requests(self) -> Response:
        return error_response(17, 2446079, "User request limit reached", 429)

    def server_error(self) -> Response:
        return error_response(1, 99, "An unknown error occurred", 500)

    def without_rows(self, request: Request, good: Response) -> Response:
        body = json.loads(good.body)
        return json_response({**body, "data": []}) if "data" in body else good

    def _known(self, request: Request, form: dict[str, str]) -> bool:
        options = self.state.options
        in_header = request.headers.get("authorization") == f"Bearer {self.state.token}"
        in_query = self.state.token in (request.get("access_token"), form.get("access_token"))
        return (in_header and options.accepts != "query") or (in_query and options.accepts != "header")

    def _usage(self) -> dict[str, str]:
        used = self.state.options.usage
        business = {"type": "ads_insights", "call_count": used, "total_cputime": 1, "total_time": 1,
                    "estimated_time_to_regain_access": 0}  # fmt: skip
        return {
            "x-business-use-case-usage": json.dumps({"1": [business]}),
            "x-fb-ads-insights-throttle": json.dumps({"app_id_util_pct": 0, "acc_id_util_pct": used,
                                                      "ads_api_access_tier": "standard_access"}),
        }  # fmt: skip

    def _account(self, request: Request, account: str, form: dict[str, str], *, insights: bool) -> Response:
        state = self.state
        if account not in state.accounts:
            return error_response(100, 33, "Unsupported get request")
        if not insights:
            facts = {"currency": state.currency[account], "timezone_name": state.time_zone[account]}
            asked = (request.get("fields") or "").split(",")
            return json_response({name: facts[name] for name in asked if name in facts} | {"id": f"act_{account}"})
        if request.method != "POST":
            params = dict(request.query)
            if params.get("level") != "account":
                return error_response(2, 1504018, "Use an asynchronous report")
            wire.check(params)
            days = wire.span(params, state.world.date_to + timedelta(days=1))
            return self._page(request, wire.account_days(state, account, params, *days))
        wire.check(form)
        first, last = wire.span(form, state.world.date_to + timedelta(days=1))
        return json_response({"report_run_id": state.make(account, form, (last - first).days + 1)})

    def _run(self, request: Request, number: str, *, insights: bool) -> Response:
        state = self.state
        run = state.run(number)
        if run is None:
            return error_response(100, 33, "Unsupported get request")
        if not insights:
            status = state.look(run)
            if status is None:
                return error_response(100, 33, "Unsupported get request")
            body = {"id": number, "account_id": run.account, "async_status": status,
                    "async_percent_completion": 0 if status == "Job Not Started" else 100}  # fmt: skip
            failed = {"error_code": -2, "error_subcode": 2490547} if status == "Job Failed" else {}
            return json_response(body | failed)
        if run.rows is None:
            days = wire.span(run.params, state.world.date_to + timedelta(days=1))
            run.rows = wire.rows(state, run.account, run.params, *days)
        return self._page(request, run.rows)

    def _page(self, request: Request, rows: list[dict[str, Any]]) -> Response:
        state = self.state
        limit = int(request.get("limit") or 25)
        if state.options.most_limit is not None and limit > state.options.most_limit:
            text = "Please reduce the amount of data you're asking for, then retry your request"
            return error_response(1, message=text, status=500)
        address = f"https://{request.headers.get('host', '')}{request.path}"
        return json_response(wire.page(state, address, rows, limit, request.get("after")))
