"""Addresses of the Metrica simulator: a counter, and the life of a log request."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta

from simulators.http import Request, Response, json_response
from simulators.yandex_metrica import wire
from simulators.yandex_metrica.state import MetricaState, OrderedLog

COUNTER = re.compile(r"^/management/v1/counter/(\d+)(/.*)?$")
ONE_LOG = re.compile(r"^/logrequest/(\d+)(?:/part/(\d+)/(download)|/(clean|cancel))?$")
LONGEST, LONGEST_FIELDS = 365, 3000
NOT_READY = "Only log of requests in status 'processed' can be downloaded"


class _RefusedError(Exception):
    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class YandexMetrica:
    """The vendor."""

    name = "yandex_metrica"

    def __init__(self, state: MetricaState) -> None:
        self.state = state

    def handle(self, request: Request) -> Response:
        if request.headers.get("authorization") not in (f"OAuth {self.state.token}", f"Bearer {self.state.token}"):
            return self.unauthorized()
        found = COUNTER.match(request.path)
        try:
            if found is None:
                raise _RefusedError(404, "not_found", "Not found")
            counter = int(found.group(1))
            if counter not in self.state.counters:
                raise _RefusedError(403, "access_denied", "Access is denied")
            return self._route(request, counter, found.group(2) or "")
        except _RefusedError as error:
            return _refused(error.status, error.kind, str(error))

    def unauthorized(self) -> Response:
        return _refused(401, "invalid_token", "Invalid oauth_token")

    def too_many_requests(self) -> Response:
        return _refused(self.state.options.too_many_status, "quota_requests_by_ip", "Quota exceeded")

    def server_error(self) -> Response:
        return _refused(503, "backend_error", "Backend error")

    def without_rows(self, request: Request, good: Response) -> Response:
        if good.content_type.startswith("text/tab"):
            return Response(200, good.body.split(b"\n", 1)[0] + b"\n", good.content_type)
        answer = json.loads(good.body)
        if answer.get("log_request", {}).get("parts"):
            answer["log_request"]["parts"] = []
        return json_response(answer)

    def _route(self, request: Request, counter: int, rest: str) -> Response:
        ask = (request.method, rest)
        if ask == ("GET", ""):
            told = {"id": counter, "status": "Active", "time_zone_name": self.state.options.time_zone,
                    "site": f"{self.state.counters[counter].lower()}.clinic.example"}  # fmt: skip
            return json_response({"counter": told})
        if ask == ("GET", "/logrequests"):
            mine = [made for made in self.state.logs.values() if made.counter == counter]
            return json_response({"requests": [wire.log_request(self.state, made) for made in mine]})
        if ask == ("GET", "/logrequests/evaluate"):
            return json_response({"log_request_evaluation": self._evaluate(*_period(request))})
        if ask == ("POST", "/logrequests"):
            return self._create(request, counter)
        found = ONE_LOG.match(rest)
        made = self.state.logs.get(int(found.group(1))) if found else None
        if found is None or made is None or made.counter != counter:
            raise _RefusedError(404, "not_found", "Log request not found")
        number, download, act = found.group(2), found.group(3), found.group(4)
        if act is not None and request.method == "POST":
            return self._end(made, act)
        if download is not None:
            return self._download(made, int(number))
        self.state.look(made)
        return json_response({"log_request": wire.log_request(self.state, made)})

    def _evaluate(self, first: date, last: date) -> dict[str, object]:
        most = LONGEST if self.state.options.max_days is None else self.state.options.max_days
        return {"possible": (last - first).days + 1 <= most, "max_possible_day_quantity": most}

    def _create(self, request: Request, counter: int) -> Response:
        first, last = _period(request)
        fields = tuple((request.get("fields") or "").split(","))
        if request.get("source") != "visits" or len(",".join(fields)) > LONGEST_FIELDS:
            raise _RefusedError(400, "invalid_parameter", "Wrong parameter")
        if not wire.FIELDS.issuperset(fields):
            raise _RefusedError(400, "invalid_parameter", "Wrong parameter: fields")
        if self.state.options.today is not None and last >= self.state.options.today:
            raise _RefusedError(400, "invalid_parameter", "Wrong parameter: date2")
        if not self._evaluate(first, last)["possible"]:
            raise _RefusedError(400, "invalid_parameter", "The request is too big")
        made = self.state.order(counter, first, last, fields)
        return json_response({"log_request": wire.log_request(self.state, made)})

    def _end(self, made: OrderedLog, act: str) -> Response:
        allowed = ("processed",) if act == "clean" else ("created", "awaiting_retry")
        if made.status not in allowed:
            raise _RefusedError(400, "invalid_parameter", f"Cannot {act} a request in status '{made.status}'")
        made.status = "cleaned_by_user" if act == "clean" else "canceled"
        return json_response({"log_request": wire.log_request(self.state, made)})

    def _download(self, made: OrderedLog, number: int) -> Response:
        if made.status != "processed":
            raise _RefusedError(400, "invalid_parameter", NOT_READY)
        if number >= len(made.parts):
            raise _RefusedError(404, "not_found", "No such part")
        return Response(200, wire.part(self.state, made, number), "text/tab-separated-values; charset=utf-8")


def _period(request: Request) -> tuple[date, date]:
    try:
        first, last = (date.fromisoformat(request.get(name) or "") for name in ("date1", "date2"))
    except ValueError:
        raise _RefusedError(400, "invalid_parameter", "Wrong parameter: date1 or date2") from None
    if last < first or last - first > timedelta(days=LONGEST):
        raise _RefusedError(400, "invalid_parameter", "Wrong parameter: date2")
    return first, last


def _refused(status: int, kind: str, message: str) -> Response:
    error = {"error_type": kind, "message": message, "location": "request"}
    return json_response({"errors": [error], "code": status, "message": message}, status)
