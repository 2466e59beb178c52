"""Yandex.Direct Reports: one POST that is repeated, word for word, until the report is ready.

201 and 202 mean "not yet, ask again in `retryIn` seconds"; 200 is the report as TSV. A 400 is either a mistake of ours
or a full queue: only `error_code` tells [ADS_APIS.md §1.4, §1.7].
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import msgspec

from extractors.core.client import api_client
from extractors.core.errors import ChairsideError, ConfigError, PayloadError, RejectedError, TransientError
from extractors.core.http import UNREADABLE_TRIES, Answer, UnreadableBody, classify_by_status, retry_after
from extractors.core.redact import redact
from extractors.core.settings import number, required
from extractors.core.spec import BROKEN, Context

# Codes to try again, with the seconds to wait (null: growing pauses). Everything else in a 400 is a refusal.
TRY_AGAIN: dict[int, float | None] = {
    52: None, 56: 10.0, 152: 300.0, 500: None, 506: 10.0, 1000: None, 1001: None, 1002: None, 9000: 10.0,
}
WRONG_TOKEN = {53, 54, 58, 513, 3000, 3001}
VERSIONS = ("v5", "v501")  # which unified campaigns the former leaves out is unconfirmed [§1.1]
DEFAULT_POLL_SECONDS = 10.0
LONGEST_REPORT_SECONDS = 3600.0
LONGEST_REPORT_ROWS = 1_000_000  # one that has as many may have been cut there, and its row count says the same [§1.3]


class ReportTooLong(TransientError):
    """Direct gave the report up while it built it, or may have cut it: ask for fewer days [§1.3, §1.4]."""


class _Fault(msgspec.Struct):
    error_code: int | str = 0
    request_id: str = ""


class _ErrorBody(msgspec.Struct):
    error: _Fault


class _Account(msgspec.Struct):
    Currency: str = ""


class _Accounts(msgspec.Struct):
    Clients: list[_Account] = []


class _AccountsBody(msgspec.Struct):
    result: _Accounts | None = None
    error: _Fault | None = None


def classify(answer: Answer, where: str) -> ChairsideError | None:
    """Direct's statuses and codes in our errors. Services other than Reports tell errors with status 200 [§1.7]."""
    code = _error_code(answer.body) if answer.body[:99].lstrip()[:1] == b"{" else None
    if code is None and answer.status == 502:
        # A balancer's passing fault, or more than the server builds in its time: so again, and then for fewer days.
        return ReportTooLong(f"{where}: the vendor answered HTTP 502.", retry_after=retry_after(answer.headers))
    if code is None:
        return classify_by_status(answer, where)
    if code in TRY_AGAIN:
        asked = retry_after(answer.headers)
        return TransientError(
            f"{where}: Direct is busy (error {code}).", retry_after=TRY_AGAIN[code] if asked is None else asked
        )
    if code in WRONG_TOKEN:
        return RejectedError(f"{where}: Direct refused access (error {code}). Check the token and the login's rights.")
    return RejectedError(f"{where}: Direct refused the request (error {code}). See docs/sources/yandex_direct.md.")


def _error_code(body: bytes) -> int | None:
    try:
        return int(msgspec.json.decode(body, type=_ErrorBody).error.error_code)
    except (msgspec.DecodeError, ValueError):
        return None


class DirectClient:
    """Asks for reports of one connection. State: the HTTP session, and how many reports were asked for."""

    def __init__(self, context: Context, *, sleep: Callable[[float], None] = time.sleep) -> None:
        settings = context.settings
        self._secrets = context.secrets
        self._sleep = sleep
        self._numbers = count(1)
        self._version = str(settings.get("api_version") or VERSIONS[0])
        if self._version not in VERSIONS:
            raise ConfigError(f"yandex_direct: the setting `api_version` is one of {', '.join(VERSIONS)}.")
        self._poll_seconds = number(settings, "yandex_direct", "poll_seconds", DEFAULT_POLL_SECONDS)
        self._http = api_client(
            "yandex_direct",
            context,
            per_second=2.0,  # 20 requests in 10 seconds [restrictions]
            burst=5,
            headers={
                "Authorization": f"Bearer {required(settings, 'yandex_direct', 'token')}",
                "Accept-Language": "en",
            },
            classify=classify,
        )

    def close(self) -> None:
        self._http.close()

    def number(self) -> int:
        """Another one each time, for the name of a report that is asked for more than once in a run."""
        return next(self._numbers)

    def report(self, login: str, params: Mapping[str, Any], *, where: str) -> Iterator[Mapping[str, Any]]:
        """Rows of a report, by its own column names. Waits for as long as Direct builds it, an hour at most.

        `params` must name the report: the answer is checked against it. Raises ReportTooLong where fewer days may help.
        """
        headers = {"processingMode": "auto"}
        if login:
            headers["Client-Login"] = login
        waited = 0.0
        bare = blank = 0
        while True:
            answer, report = self._http.exchange(
                "POST", f"/json/{self._version}/reports", where=where, json={"params": params}, headers=headers,
                decode=lambda body: _tsv(body, str(params["ReportName"])),
            )
            if answer.status == 200:
                if report is None:
                    blank += 1
                    if blank == UNREADABLE_TRIES:
                        raise PayloadError(f"{where}: Direct answered nothing at all, {blank} times. Try again later.")
                    continue
                if len(report.rows) >= LONGEST_REPORT_ROWS:
                    raise ReportTooLong(f"{where}: Direct cuts reports at {len(report.rows)} rows.")
                # Column names and no row count: recorded for a report of nothing, but a cut one looks the same.
                bare += not report.counted
                if report.counted or bare == 2:
                    return iter(report.rows)
                continue
            pause = self._pause(answer.headers)
            waited += pause
            if waited > LONGEST_REPORT_SECONDS:
                raise TransientError(f"{where}: the report was not ready after {waited:.0f} s. Try a shorter window.")
            self._sleep(pause)

    def currency(self, login: str, *, where: str) -> str:
        """Currency of the account: it is in no report row."""
        headers = {"Client-Login": login} if login else {}
        body = self._http.send(
            "POST", "/json/v5/clients", where=where, headers=headers,
            json={"method": "get", "params": {"FieldNames": ["Login", "Currency"]}},
            decode=msgspec.json.Decoder(_AccountsBody).decode,
        )
        if body.result is None or not body.result.Clients or not body.result.Clients[0].Currency:
            code = redact(str(body.error.error_code), self._secrets) if body.error else "none"
            raise PayloadError(
                f"{where}: Direct does not say the account's currency (error {code}). Set `currency` in the connection."
            )
        return body.result.Clients[0].Currency

    def _pause(self, headers: Mapping[str, str]) -> float:
        try:
            return max(0.05, min(float(headers.get("retryIn", "")), 300.0))
        except ValueError:
            return self._poll_seconds  # seen: junk or nothing


@dataclass(frozen=True, slots=True)
class _Report:
    """Rows, and whether the report says how many they are."""

    rows: list[Mapping[str, Any]]
    counted: bool = True


def _tsv(body: bytes, name: str) -> _Report | None:
    """Rows of the report of that name; null where there is no body, as with 201 and 202.

    Raises UnreadableBody for another report or a cut one: the first line must hold the name, the last the number of
    rows. Their punctuation is not confirmed by the vendor, so only these two are looked for.
    """
    if not body.strip():
        return None
    lines = body.decode("utf-8").split("\n")
    if lines[-1] != "":
        raise UnreadableBody("the last line has no end")
    if name not in lines[0]:
        raise UnreadableBody("the first line does not name the report")
    lines = lines[1:-1]
    names = lines[0].rstrip("\r").split("\t") if lines else []
    if len(names) < 2:
        raise UnreadableBody("the second line is no list of columns")
    if len(lines) == 1:
        return _Report([], counted=False)
    summary = lines[-1].rpartition(":")[2].strip()
    if "\t" in lines[-1] or not summary.isdigit():
        raise UnreadableBody("the row count at the end is missing")
    rows = [_row(names, line.rstrip("\r")) for line in lines[1:-1]]
    if len(rows) != int(summary):
        raise UnreadableBody(f"{len(rows)} rows instead of {summary}")
    return _Report(rows)


def _row(names: list[str], line: str) -> Mapping[str, Any]:
    values = line.split("\t")
    if len(values) != len(names):
        return {BROKEN: f"{len(values)} values for {len(names)} columns", "line": line}
    return {name: None if value == "--" else value for name, value in zip(names, values, strict=True)}
