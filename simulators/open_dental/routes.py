"""Addresses of the Open Dental simulator under /api/v1. Errors are sentences in plain text."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import datetime

from simulators.http import Request, Response, json_response, text_response
from simulators.open_dental.state import OpenDentalState, Row

PREFIX = "/api/v1/"
# Resource → query parameters that compare for equality. Others are refused, as a misspelt filter should be.
EQUAL = {
    "appointments": ("PatNum", "AptStatus", "Op", "ClinicNum"),
    "patients/Simple": ("PatNum", "LName", "FName", "ClinicNum", "PatStatus"),
    "procedurelogs": ("PatNum", "AptNum", "ClinicNum", "ProcStatus", "CodeNum", "PlannedAptNum"),
    "payments": ("PatNum", "PayType"),
    "paysplits": ("PatNum", "PayNum", "ProcNum"),
    "treatplans": ("PatNum", "TPStatus"),
    "treatplanattaches": ("TreatPlanNum",),
    "proctps": ("TreatPlanNum",),
    "clinics": (),
    "providers": (),
    "appointmenttypes": (),
    "referrals": ("IsHidden", "NotPerson", "IsDoctor", "isPatient"),
    "refattaches": ("PatNum",),
    "patfields": ("PatNum", "FieldName"),
    "histappointments": ("PatNum", "AptNum"),
}
# Resource → (parameter, column) that mean "altered on or after".
SINCE = {
    "appointments": ("DateTStamp", "DateTStamp"),
    "patients/Simple": ("DateTStamp", "DateTStamp"),
    "procedurelogs": ("DateTStamp", "DateTStamp"),
    "providers": ("DateTStamp", "DateTStamp"),
    "payments": ("DateEntry", "DateEntry"),
    "treatplans": ("SecDateTEdit", "SecDateTEdit"),
    "patfields": ("SecDateTEdit", "SecDateTEdit"),
    "histappointments": ("DateTStamp", "DateTStamp"),
}
REQUIRED = {"treatplanattaches": "TreatPlanNum", "proctps": "TreatPlanNum"}
SINGLE = {"appointments": "AptNum", "procedurelogs": "ProcNum", "providers": "ProvNum", "referrals": "ReferralNum"}


class OpenDental:
    name = "open_dental"

    def __init__(self, state: OpenDentalState, clock: Callable[[], float] = time.monotonic) -> None:
        self.state = state
        self._clock = clock
        self._lock = threading.Lock()
        self._last = float("-inf")

    def handle(self, request: Request) -> Response:
        if request.headers.get("authorization") != self.state.authorization:
            return self.unauthorized()
        if self._too_fast():
            refused = self.too_many_requests()
            return Response(429, refused.body, refused.content_type, {"Retry-After": "1"})
        resource = request.path.removeprefix(PREFIX).strip("/")
        if not request.path.startswith(PREFIX) or request.method != "GET":
            return text_response("NotFound: unknown resource", 404)
        name, _, number = resource.rpartition("/")
        if name in SINGLE and number.isdigit():
            found = [row for row in self.state.rows[name] if row[SINGLE[name]] == int(number)]
            return json_response(found[0]) if found else text_response(f"{name} not found", 404)
        if resource not in EQUAL:
            return text_response("NotFound: unknown resource", 404)
        return self._list(resource, request)

    def unauthorized(self) -> Response:
        return text_response("Unauthorized: the API keys are wrong or disabled", 401)

    def too_many_requests(self) -> Response:
        return text_response("Too Many Requests", 429)

    def server_error(self) -> Response:
        return text_response("InternalServerError", 500)

    def without_rows(self, request: Request, good: Response) -> Response:
        return json_response([] if isinstance(json.loads(good.body), list) else {})

    def _too_fast(self) -> bool:
        with self._lock:
            now = self._clock()
            if now - self._last < self.state.options.seconds_between:
                return True
            self._last = now
            return False

    def _list(self, resource: str, request: Request) -> Response:
        rows = self.state.rows[resource]
        offset, limit = 0, self.state.options.largest_page
        needed = REQUIRED.get(resource)
        if needed and request.get(needed) is None:
            return text_response(f"BadRequest: {needed} is required", 400)
        since = SINCE.get(resource)
        for name, value in request.query:
            if name in ("Offset", "Limit"):
                if not value.isdigit():
                    return text_response(f"BadRequest: {name} is invalid", 400)
                if name == "Offset":
                    offset = int(value)
                else:
                    limit = min(limit, int(value))
            elif name in EQUAL[resource]:
                rows = [row for row in rows if str(row[name]) == value]
            elif since is not None and name == since[0]:
                if not _is_time(value):
                    return text_response(f"BadRequest: {name} is invalid", 400)
                rows = [row for row in rows if row[since[1]] >= value]
            elif resource == "appointments" and name in ("date", "dateStart", "dateEnd"):
                if not _is_time(value):
                    return text_response(f"BadRequest: {name} is invalid", 400)
                rows = [row for row in rows if _in_dates(row, name, value)]
            else:
                return text_response(f"BadRequest: {name} is not a valid parameter", 400)
        return json_response(rows[offset : offset + limit])


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _in_dates(row: Row, name: str, value: str) -> bool:
    day = str(row["AptDateTime"])[:10]
    if name == "date":
        return day == value[:10]
    return day >= value[:10] if name == "dateStart" else day <= value[:10]
