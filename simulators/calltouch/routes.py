"""Addresses of the Calltouch simulator. The token is the query parameter `clientApiId`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from simulators.calltouch import wire
from simulators.calltouch.state import CalltouchState
from simulators.http import Request, Response, json_response, text_response
from simulators.world.model import Contact

CALLS = re.compile(r"^/calls-service/RestAPI/(\d+)/calls-diary/calls$")
ORDERS = re.compile(r"^/calls-service/RestAPI/(\d+)/orders-diary/orders$")
RECORDING = re.compile(r"^/calls-service/RestAPI/(\d+)/calls-diary/calls/(\d+)/download$")
REQUESTS = re.compile(r"^/calls-service/RestAPI/requests/?$")
LONGEST_PERIOD = 93  # days; "3 months" (a client's note, see the API notes)
LARGEST_PAGE = 1000


_Writer = Callable[[CalltouchState, Contact, frozenset[str]], dict[str, Any]]


class _BadRequestError(Exception):
    """The text goes into a 400."""


class Calltouch:
    """The vendor. Unknown addresses lead to a page for people, as the real ones do (302)."""

    name = "calltouch"

    def __init__(self, state: CalltouchState) -> None:
        self.state = state

    def handle(self, request: Request) -> Response:
        routes = (
            (CALLS, self._calls),
            (ORDERS, self._orders),
            (RECORDING, self._recording),
            (REQUESTS, self._requests),
        )
        for pattern, route in routes:
            found = pattern.match(request.path)
            if found is None or request.method != "GET":
                continue
            if request.get("clientApiId") != self.state.token:
                return self.unauthorized()
            site = int(found.group(1)) if found.groups() else None
            if site is not None and site not in self.state.sites:
                return json_response({"message": "No rights on this site"}, 403)
            try:
                return route(request, site)
            except _BadRequestError as error:
                return json_response({"message": str(error)}, 400)
        return Response(302, headers={"Location": "/login.html"}, content_type="text/html; charset=utf-8")

    def unauthorized(self) -> Response:
        return json_response({"message": "Unauthorized: clientApiId is wrong or absent"}, 401)

    def too_many_requests(self) -> Response:
        return json_response({"message": "Too many requests"}, 429)

    def server_error(self) -> Response:
        return text_response("Internal Server Error", 500)

    def without_rows(self, request: Request, good: Response) -> Response:
        answer = json.loads(good.body)
        if isinstance(answer, dict):
            answer["records"] = []
        return json_response(answer if isinstance(answer, dict) else [])

    def _record(self, write: _Writer, contact: Contact, asked: frozenset[str]) -> dict[str, Any]:
        return write(self.state, contact, asked) | self.state.edits.get(contact.vendor_num, {})

    def _calls(self, request: Request, site: int | None) -> Response:
        first, last = _period(request, "%d/%m/%Y")
        asked = _switches(request)
        assert site is not None  # noqa: S101 - the route's pattern has it
        contacts = self.state.within(self.state.calls, {self.state.sites[site]}, first, last)
        page, limit = request.get("page"), request.get("limit")
        if page is None or limit is None:
            if first != last:
                raise _BadRequestError("Without page and limit only one day is allowed: dateFrom must equal dateTo")
            return json_response([self._record(wire.call, contact, asked) for contact in contacts])
        number, size = _whole(page, "page"), _whole(limit, "limit")
        if size > LARGEST_PAGE:
            raise _BadRequestError(f"limit must not exceed {LARGEST_PAGE}")
        total = -(-len(contacts) // size) or self.state.options.empty_page_total
        rows = contacts[(number - 1) * size : number * size]
        return json_response(
            {
                "page": number,
                "pageTotal": total,
                "pageSize": size,
                self.state.options.total_key: self.state.count(self.state.sites[site], first, last),
                "records": [self._record(wire.call, contact, asked) for contact in rows],
            }
        )

    def _requests(self, request: Request, site: int | None) -> Response:
        first, last = _period(request, "%m/%d/%Y")
        site_id = request.get("siteId")
        if site_id is None and self.state.options.site_required:
            raise _BadRequestError("siteId is required")
        if site_id is not None and int(site_id) not in self.state.sites:
            return json_response({"message": "No rights on this site"}, 403)
        clinics = set(self.state.sites.values()) if site_id is None else {self.state.sites[int(site_id)]}
        contacts = self.state.within(self.state.requests, clinics, first, last)
        page, limit = request.get("page"), request.get("limit")
        if self.state.options.requests_paged and page and limit:
            size = _whole(limit, "limit")
            contacts = contacts[(_whole(page, "page") - 1) * size :][:size]
        return json_response([self._record(wire.request, contact, _switches(request)) for contact in contacts])

    def _orders(self, request: Request, site: int | None) -> Response:
        """The clinics of the city keep their deals in the CRM; nothing reaches this journal."""
        _period(request, "%d/%m/%Y")
        size = _whole(request.get("limit") or "1000", "limit")
        return json_response({"page": 1, "pageTotal": 0, "pageSize": size, "recordsTotal": 0, "records": []})

    def _recording(self, request: Request, site: int | None) -> Response:
        return Response(200, b"ID3\x03\x00\x00\x00\x00\x00\x00", "audio/mpeg")


def _switches(request: Request) -> frozenset[str]:
    return frozenset(key for key, value in request.query if key.startswith("with") and value.lower() == "true")


def _whole(text: str, name: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise _BadRequestError(f"{name} must be a whole number of at least 1")
    return int(text)


def _period(request: Request, form: str) -> tuple[date, date]:
    days = []
    for name in ("dateFrom", "dateTo"):
        text = request.get(name)
        if text is None:
            raise _BadRequestError(f"{name} is required")
        try:
            days.append(datetime.strptime(text, form).replace(tzinfo=UTC).date())
        except ValueError:
            raise _BadRequestError(f"{name} has a wrong format") from None
    if days[1] < days[0] or (days[1] - days[0]).days > LONGEST_PERIOD:
        raise _BadRequestError("The period must be at most 3 months and dateFrom not after dateTo")
    return days[0], days[1]
