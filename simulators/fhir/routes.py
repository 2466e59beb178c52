"""The FHIR simulator's addresses: /fhir/{Kind}, /fhir/{Kind}/_history, /fhir?_getpages=…, /fhir/metadata, /token."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from simulators.fhir.state import FhirState
from simulators.fhir.wire import instant
from simulators.http import Request, Response, json_response

Resource = dict[str, Any]
PREFIX = "/fhir"
FHIR_JSON = "application/fhir+json; charset=utf-8"


class Fhir:
    name = "fhir"

    def __init__(self, state: FhirState) -> None:
        self.state = state

    def handle(self, request: Request) -> Response:
        if request.path == "/token":
            return self._token(request)
        if request.headers.get("authorization") != f"Bearer {self.state.token}":
            return self.unauthorized()
        path = request.path.removeprefix(PREFIX).strip("/")
        if not path and request.get("_getpages"):
            return self._next_page(request)
        if path == "metadata":
            return _answer({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "status": "active"})
        kind, _, rest = path.partition("/")
        if kind not in self.state.resources or rest not in ("", "_history"):
            return _outcome(404, "not-supported", f"Unknown resource {kind}")
        if rest:
            return self._history(request, kind)
        return self._page(request, self.state.remember((kind, request.query, self._found(kind, request.query))), 0)

    def unauthorized(self) -> Response:
        return _outcome(401, "login", "The access token expired.")

    def too_many_requests(self) -> Response:
        return _outcome(429, "throttled", "Too many requests.")

    def server_error(self) -> Response:
        return _outcome(500, "exception", "Internal error.")

    def without_rows(self, request: Request, good: Response) -> Response:
        bundle = json.loads(good.body)
        bundle.pop("entry", None)
        return _answer(bundle)

    def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        signed = form.get("client_assertion_type", "").endswith("jwt-bearer") and form.get("client_assertion")
        if form.get("grant_type") != "client_credentials" or not (
            signed or form.get("client_secret") == self.state.secret
        ):
            return json_response({"error": "invalid_client"}, 401)
        return json_response({"access_token": self.state.grant(), "token_type": "Bearer", "expires_in": 300})

    def _found(self, kind: str, query: tuple[tuple[str, str], ...]) -> list[Resource]:
        rows = list(self.state.resources[kind].values())
        for name, value in query:
            if name == "_lastUpdated":
                bound = datetime.fromisoformat(value[2:])
                rows = [row for row in rows if _holds(_updated(row), value[:2], bound)]
        return sorted(rows, key=lambda row: (_updated(row), row["id"]))

    def _next_page(self, request: Request) -> Response:
        name = request.get("_getpages") or ""
        if self.state.searches.get(name) is None:
            return _outcome(410, "not-found", "The search expired.")
        return self._page(request, name, int(request.get("_getpagesoffset") or 0))

    def _page(self, request: Request, name: str, offset: int) -> Response:
        options = self.state.options
        kind, query, rows = self.state.searches[name]
        if options.paging == "counted":
            rows = self._found(kind, query)
        wanted = dict(query)
        each = min(int(wanted.get("_count") or options.largest_page), options.largest_page)
        shown = rows[offset : offset + each]
        elements = wanted.get("_elements")
        if elements:
            kept = {"resourceType", *elements.split(",")}
            shown = [{field: value for field, value in row.items() if field in kept} for row in shown]
        base = f"http://{options.link_host or request.headers.get('host')}{PREFIX}"
        links = [{"relation": "self", "url": f"{base}/{kind}"}]
        if offset + each < len(rows):
            links.append({"relation": "next", "url": f"{base}?_getpages={name}&_getpagesoffset={offset + each}"})
        entries = [
            {"fullUrl": f"{base}/{kind}/{row['id']}", "resource": row, "search": {"mode": "match"}} for row in shown
        ]
        if entries and options.chatter:
            issue = {"severity": "information", "code": "informational"}
            remark = {"resourceType": "OperationOutcome", "issue": [issue]}
            entries.append({"resource": remark, "search": {"mode": "outcome"}})
        bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "link": links}
        if options.total != "none":
            bundle["total"] = len(rows) + (3 if options.total == "guess" else 0)
        if entries:  # an empty page has no `entry` at all
            bundle["entry"] = entries
        return _answer(bundle)

    def _history(self, request: Request, kind: str) -> Response:
        """Versions since a moment, newest first. A deletion has no resource."""
        if not self.state.options.history:
            return _outcome(404, "not-supported", "History is not kept.")
        since = datetime.fromisoformat(request.get("_since") or "0001-01-01T00:00:00+00:00")
        entries: list[tuple[datetime, Resource]] = [
            (
                _updated(row),
                {"resource": row, "request": {"method": "PUT", "url": f"{kind}/{row['id']}"},
                 "response": {"status": "200", "lastModified": row["meta"]["lastUpdated"]}},
            )
            for row in self.state.resources[kind].values()
        ]  # fmt: skip
        entries += [
            (
                at,
                {"request": {"method": "DELETE", "url": f"{kind}/{number}"},
                 "response": {"status": "204", "lastModified": instant(at)}},
            )
            for deleted, number, at in self.state.deleted
            if deleted == kind
        ]  # fmt: skip
        told = [entry for at, entry in sorted(entries, key=lambda one: one[0], reverse=True) if at >= since]
        bundle: Resource = {"resourceType": "Bundle", "type": "history", "total": len(told), "link": []}
        if told:
            bundle["entry"] = told
        return _answer(bundle)


def _updated(row: Resource) -> datetime:
    return datetime.fromisoformat(row["meta"]["lastUpdated"])


def _holds(moment: datetime, operator: str, bound: datetime) -> bool:
    return {"ge": moment >= bound, "gt": moment > bound, "le": moment <= bound, "lt": moment < bound}[operator]


def _answer(resource: Resource, status: int = 200) -> Response:
    return Response(status, json.dumps(resource, ensure_ascii=False).encode(), FHIR_JSON)


def _outcome(status: int, code: str, text: str) -> Response:
    issue = {"severity": "error", "code": code, "diagnostics": text}
    return _answer({"resourceType": "OperationOutcome", "issue": [issue]}, status)
