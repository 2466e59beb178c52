"""What Meta's errors and usage headers mean: HTTP 400 is a mistake of ours, a full account or a passing fault, and only
`code` and `error_subcode` tell [ADS_APIS.md §3.4, §3.5]."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from extractors.core.errors import ChairsideError, RejectedError, TransientError
from extractors.core.http import Answer, classify_by_status, retry_after

# Too many calls: of the app (4), the user or account (17), a page (32), an account's own limit (613), a business use
# case (80000 and on). Only time helps.
RATE_CODES = {4, 17, 32, 613, 80000, 80001, 80002, 80003, 80004, 80005, 80006, 80008, 80009, 80014}
PASSING_CODES = {-2, 1, 2, 104, 341, 960}
TOKEN_CODES = {102, 190}
RIGHTS_CODES = {3, 10, 200, 294}
FINAL = {(1, 2853001), (2, 1504041), (2, 1504042), (100, 2446289)}
TOO_MUCH = {(2, 1504038), (100, 1504018)}
TOO_MUCH_TEXT = "reduce the amount of data"  # it has no code of its own

BUSY_PERCENT, BUSY_SECONDS = 85.0, 120.0
FULL_PERCENT, FULL_SECONDS = 95.0, 600.0
LONGEST_PAUSE_SECONDS = 900.0


class TooMuchData(RejectedError):
    """The answer would be too large or too slow: ask for less at once."""


class NotVisible(RejectedError):
    """The object is not there, not ours, or was made only a moment ago."""


class _Error(msgspec.Struct):
    code: int = 0
    error_subcode: int | None = None
    message: str = ""
    is_transient: bool = False


class _Body(msgspec.Struct):
    error: _Error


class _Usage(msgspec.Struct):
    call_count: float = 0
    total_cputime: float = 0
    total_time: float = 0
    estimated_time_to_regain_access: float = 0
    acc_id_util_pct: float = 0
    app_id_util_pct: float = 0
    reset_time_duration: float = 0


_BODY = msgspec.json.Decoder(_Body, strict=False)


def classify(answer: Answer, where: str, *, rate_seconds: float) -> ChairsideError | None:
    """Meta's statuses and codes in our errors. `rate_seconds`: how long to wait where no header says."""
    if 200 <= answer.status < 300:
        return None
    try:
        error = _BODY.decode(answer.body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return classify_by_status(answer, where)
    return by_code(
        error.code, error.error_subcode, where, text=error.message, passing=error.is_transient, status=answer.status,
        wait=_wait(answer.headers), rate_seconds=rate_seconds,
    )


def by_code(
    code: int,
    subcode: int | None,
    where: str,
    *,
    text: str = "",
    passing: bool = False,
    status: int = 400,
    wait: float | None = None,
    rate_seconds: float = BUSY_SECONDS,
) -> ChairsideError:
    """The error of a code and subcode. Meta's own text is not repeated: it may name people and things."""
    told = f"error {code}" + (f", subcode {subcode}" if subcode else "")
    pair = (code, subcode or 0)
    if code in RATE_CODES:
        return TransientError(
            f"{where}: Meta is asked too often ({told}).", retry_after=rate_seconds if wait is None else wait
        )
    if TOO_MUCH_TEXT in text or pair in TOO_MUCH:
        return TooMuchData(f"{where}: Meta finds this too much at once ({told}). Set a smaller `job_days`.")
    if passing:
        return TransientError(f"{where}: Meta failed for a moment ({told}).", retry_after=wait)
    if pair == (100, 33):
        return NotVisible(f"{where}: Meta shows no such object ({told}). Check `accounts` and the token's rights.")
    if pair not in FINAL and (code in PASSING_CODES or status >= 500 or status == 429):
        return TransientError(f"{where}: Meta failed ({told}).", retry_after=wait)
    if code in TOKEN_CODES:
        return RejectedError(f"{where}: Meta refused the token ({told}). Make a new one (docs/sources/meta_ads.md).")
    if code in RIGHTS_CODES or status in (401, 403):
        return RejectedError(f"{where}: Meta refused access ({told}). Give the token's user `ads_read` on the account.")
    return RejectedError(f"{where}: Meta refused the request ({told}). See docs/sources/meta_ads.md.")


def usage_pause(headers: Mapping[str, str]) -> float:
    """Seconds to rest before the next request, so that the limit is never met; 0 where there is room."""
    used, regain = 0.0, 0.0
    for usage in _usages(headers):
        used = max(used, usage.call_count, usage.total_cputime, usage.total_time, usage.acc_id_util_pct,
                   usage.app_id_util_pct)  # fmt: skip
        regain = max(regain, usage.estimated_time_to_regain_access * 60)
    rest = FULL_SECONDS if used >= FULL_PERCENT else BUSY_SECONDS if used >= BUSY_PERCENT else 0.0
    return min(LONGEST_PAUSE_SECONDS, max(rest, regain))


def _wait(headers: Mapping[str, str]) -> float | None:
    """What an error's headers ask for: `Retry-After`, minutes until access is regained, seconds until a reset."""
    asked = retry_after(headers)
    regain = max((usage.estimated_time_to_regain_access * 60 for usage in _usages(headers)), default=0.0)
    reset = max((usage.reset_time_duration for usage in _usages(headers)), default=0.0)
    return asked if asked is not None else regain or reset or None


def _usages(headers: Mapping[str, str]) -> Iterator[_Usage]:
    """Everything the usage headers say; what cannot be read is no reason to stop."""
    for name in ("x-business-use-case-usage", "x-app-usage", "x-ad-account-usage", "x-fb-ads-insights-throttle"):
        try:
            said: Any = msgspec.json.decode(headers.get(name) or "{}")
            plain = [said] if name != "x-business-use-case-usage" else [one for each in said.values() for one in each]
            yield from (msgspec.convert(one, _Usage, strict=False) for one in plain)
        except (msgspec.DecodeError, msgspec.ValidationError, AttributeError, TypeError):
            continue
