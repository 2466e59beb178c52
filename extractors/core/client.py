"""Makes the HTTP client of a source out of its connection's settings: what every vendor has in common."""

from __future__ import annotations

from collections.abc import Mapping

from extractors.core.http import ApiClient, Classify, classify_by_status
from extractors.core.settings import number, required
from extractors.core.spec import Context
from extractors.core.throttle import Throttle


def api_client(
    source: str,
    context: Context,
    *,
    per_second: float,
    burst: int = 1,
    headers: Mapping[str, str] | None = None,
    classify: Classify = classify_by_status,
    base_url: str | None = None,
) -> ApiClient:
    """A client that keeps `per_second` requests (the setting `requests_per_second` overrides it; 0 is no limit).

    `attempts` and `retry_base_seconds` are settings too. Raises ConfigError for a missing base URL.
    """
    settings = context.settings
    rate = number(settings, source, "requests_per_second", per_second)
    return ApiClient(
        base_url or required(settings, source, "base_url"),
        secrets=context.secrets,
        headers=headers,
        throttle=Throttle(rate, burst) if rate > 0 else None,
        classify=classify,
        attempts=int(number(settings, source, "attempts", 6)),
        pause_seconds=number(settings, source, "retry_base_seconds", 1.0),
    )
