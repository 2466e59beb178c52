"""Addresses of the VK Реклама simulator: tokens, the user, lists of objects, statistics v2 and v3."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qsl

from simulators.http import Request, Response, json_response
from simulators.vk_ads import wire
from simulators.vk_ads.state import DAILY_LIMIT, HOURLY_LIMIT, VkState

STATISTICS = re.compile(r"/api/(v2|v3)/statistics/(ad_plans|ad_groups|users)/(day|summary)\.json")
OBJECTS = re.compile(r"/api/v2/(ad_plans|ad_groups)\.json")
MESSAGES = {
    "invalid_token": "Unknown access token", "expired_token": "Access token is expired",
    "invalid_client": "Unknown client", "invalid_user": "User is blocked", "revoked_token": "Token is revoked",
}  # fmt: skip


def token_error(code: str) -> Response:
    """401 in the vendor's words."""
    told = {"code": code, "message": MESSAGES[code]}
    return json_response(told, 401, {"WWW-Authenticate": f'Bearer realm="api", error="{code}"'})


def error_response(status: int, code: str) -> Response:
    return json_response({"error": {"message": code.removeprefix("ERR_").lower(), "code": code}}, status)


class VkAds:
    """The vendor."""

    name = "vk_ads"

    def __init__(self, state: VkState) -> None:
        self.state = state

    def handle(self, request: Request) -> Response:
        if request.path.startswith("/api/v2/oauth2/"):
            return self._tokens(request)
        left = self.state.left_this_second()
        limits = {
            "X-RateLimit-RPS-Limit": str(self.state.options.rps), "X-RateLimit-RPS-Remaining": str(max(0, left)),
            "X-RateLimit-Hourly-Limit": str(HOURLY_LIMIT), "X-RateLimit-Hourly-Remaining": str(HOURLY_LIMIT - 1),
            "X-RateLimit-Daily-Limit": str(DAILY_LIMIT), "X-RateLimit-Daily-Remaining": str(DAILY_LIMIT - 1),
        }  # fmt: skip
        refused = left < 0 and self.state.options.limits
        answer = self.too_many_requests() if refused else self._authorized(request)
        return Response(answer.status, answer.body, answer.content_type, {**limits, **answer.headers})

    def unauthorized(self) -> Response:
        return token_error("expired_token")

    def too_many_requests(self) -> Response:
        return error_response(429, "ERR_TOO_MANY_REQUESTS")

    def server_error(self) -> Response:
        return error_response(500, "ERR_INTERNAL")

    def without_rows(self, request: Request, good: Response) -> Response:
        told = json.loads(good.body)
        return json_response(told | {"items": []}) if "items" in told else good

    def _tokens(self, request: Request) -> Response:
        asked = dict(parse_qsl(request.body.decode()))
        if request.method != "POST":
            return error_response(405, "ERR_WRONG_METHOD")
        if (asked.get("client_id"), asked.get("client_secret")) != (self.state.client_id, self.state.client_secret):
            return token_error("invalid_client")
        if request.path.endswith("/delete.json"):
            if not asked.get("username") and not asked.get("user_id"):
                return error_response(400, "ERR_WRONG_PARAMETER")
            self.state.delete_tokens()
            return Response(204)
        grant = asked.get("grant_type")
        if grant == "refresh_token":
            given = self.state.refresh(asked.get("refresh_token", ""))
            if given is None:
                return token_error("invalid_token")
        elif grant in ("client_credentials", "agency_client_credentials"):
            given = self.state.issue(asked.get("agency_client_name", ""))
            if given is None:
                return json_response({"code": "token_limit_exceeded", "message": "Active token limit reached"}, 403)
        else:
            return json_response({"error": "unsupported_grant_type", "error_description": "Unknown grant"}, 400)
        life = "86400" if self.state.options.expires_in == "text" else 86400
        return json_response({
            "access_token": given[0], "token_type": "bearer", "scope": "read_ads read_payments create_ads",
            "expires_in": life, "refresh_token": given[1],
        })  # fmt: skip

    def _authorized(self, request: Request) -> Response:
        standing = self.state.standing(request.headers.get("authorization", "").removeprefix("Bearer "))
        if standing != "alive":
            return token_error(standing)
        if request.method != "GET":
            return error_response(405, "ERR_WRONG_METHOD")
        query = {name: value for name, value in request.query if value != ""}
        try:
            if request.path == "/api/v2/user.json":
                own = {"id": wire.USER, "username": "simulated@example.org"}
                told = {"currency": self.state.currency} if self.state.options.tells_currency else {}
                return json_response(own | told)
            if found := OBJECTS.fullmatch(request.path):
                return json_response(wire.objects(self.state, found[1], query))
            if found := STATISTICS.fullmatch(request.path):
                if found[2] == "users":
                    return json_response(wire.account_days(self.state, query))
                if found[1] == "v3":
                    return json_response(wire.statistics_v3(self.state, found[2], query))
                return json_response(wire.statistics_v2(self.state, found[2], query, days=found[3] == "day"))
        except wire.Refusal as refusal:
            return error_response(refusal.status, refusal.code)
        return error_response(404, "ERR_WRONG_RESOURCE")
