"""Addresses of the Google Ads simulator: the token's endpoint and `googleAds:searchStream`."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from simulators.google_ads import wire
from simulators.google_ads.state import GoogleAdsState
from simulators.http import HTML_PAGE, Request, Response, json_response, text_response

SEARCH = re.compile(r"^/v\d+/customers/(\d+)/googleAds:searchStream$")
STATUSES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 429: "RESOURCE_EXHAUSTED",
            500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}  # fmt: skip
CLIENT_ID, CLIENT_SECRET = "simulated-client", "simulated-client-secret"


def error_body(status: int, kind: str, code: str, *, retry_delay: str | None = None) -> dict[str, Any]:
    """The vendor's error object. `retry_delay` as protobuf writes it (`1s`)."""
    error: dict[str, Any] = {"errorCode": {kind: code}, "message": f"The request failed: {code}."}
    if retry_delay is not None:
        error["details"] = {"quotaErrorDetails": {"rateScope": "ACCOUNT", "retryDelay": retry_delay}}
    failure = {
        "@type": "type.googleapis.com/google.ads.googleads.v26.errors.GoogleAdsFailure",
        "errors": [error],
        "requestId": "simulated",
    }
    about = {"code": status, "message": code, "status": STATUSES.get(status, "UNKNOWN"), "details": [failure]}
    return {"error": about}


def error_response(
    status: int, kind: str, code: str, *, retry_delay: str | None = None, alone: bool = False
) -> Response:
    body = error_body(status, kind, code, retry_delay=retry_delay)
    return json_response(body if alone else [body], status)


class GoogleAds:
    """The vendor: OAuth and Ads behind one address, which the real one has apart."""

    name = "google_ads"

    def __init__(self, state: GoogleAdsState) -> None:
        self.state = state

    def handle(self, request: Request) -> Response:
        if request.method == "POST" and request.path == "/token":
            return self._token(request)
        found = SEARCH.match(request.path)
        if request.method != "POST" or found is None:
            return text_response(HTML_PAGE, 404, "text/html; charset=utf-8")
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not self.state.token_is_good(given):
            return self.unauthorized()
        manager = request.headers.get("login-customer-id")
        if manager is not None and not re.fullmatch(r"\d{10}", manager):
            return self._error(400, "requestError", "INVALID_CUSTOMER_ID")
        return self._search(found[1], request)

    def unauthorized(self) -> Response:
        return self._error(401, "authenticationError", "OAUTH_TOKEN_EXPIRED")

    def too_many_requests(self) -> Response:
        return self._error(429, "quotaError", "RESOURCE_TEMPORARILY_EXHAUSTED")

    def server_error(self) -> Response:
        return self._error(500, "internalError", "INTERNAL_ERROR")

    def without_rows(self, request: Request, good: Response) -> Response:
        return good if request.path == "/token" else json_response([{"results": []}])

    def _error(self, status: int, kind: str, code: str) -> Response:
        return error_response(status, kind, code, alone=self.state.options.errors == "object")

    def _token(self, request: Request) -> Response:
        given = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if (given.get("client_id"), given.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return json_response({"error": "invalid_client", "error_description": "Unauthorized"}, 401)
        if given.get("grant_type") != "refresh_token" or given.get("refresh_token") != self.state.refresh_token:
            return json_response({"error": "invalid_grant", "error_description": "Token has been revoked."}, 400)
        token = self.state.new_token()
        return json_response(
            {"access_token": token, "expires_in": self.state.options.token_seconds, "token_type": "Bearer"}
        )

    def _search(self, customer: str, request: Request) -> Response:
        if customer not in self.state.customers:
            return self._error(403, "authorizationError", "USER_PERMISSION_DENIED")
        if customer in self.state.disabled:
            return self._error(403, "authorizationError", "CUSTOMER_NOT_ENABLED")
        try:
            text = json.loads(request.body)["query"]
            query = wire.parse(text, self.state.world.date_to + timedelta(days=1))
        except wire.QueryError as error:
            return self._error(400, error.kind, error.code)
        except (ValueError, KeyError, TypeError):
            return self._error(400, "requestError", "UNKNOWN")
        return json_response(wire.batches(self.state, query, wire.rows(self.state, customer, query)))
