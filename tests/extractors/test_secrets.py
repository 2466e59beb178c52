"""Tokens, phones and e-mails never reach a message, a log line or the journal."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from extractors.core.errors import ChairsideError
from extractors.core.redact import redact
from extractors.run import LoadResult
from tests.extractors.vendor_server import Reply, Vendor

Load = Callable[..., LoadResult]
Rows = Callable[..., list[tuple[Any, ...]]]
SECRET = "s3cr3t-Value_17"


@pytest.mark.parametrize(
    ("text", "leak"),
    [
        ("GET /calls?clientApiId=abc123&page=1", "abc123"),
        ("https://portal.example/rest/1/q9w8e7r6/crm.deal.list.json", "q9w8e7r6"),
        ("Authorization: Bearer y0_AgAAAA", "y0_AgAAAA"),
        ("Authorization: ODFHIR dev/customer", "dev/customer"),
        ('{"access_token": "t-1"}', "t-1"),
        ("postgresql://owner:pa55@host/db", "pa55"),
        ("called +7 (900) 000-00-01 twice", "000-00-01"),
        ("called 79000000001", "79000000001"),
        ("wrote to anna@example.org", "anna@example.org"),
        (f"whatever {SECRET} is", SECRET),
    ],
)
def test_what_must_not_be_read_is_taken_out(text: str, leak: str) -> None:
    assert leak not in redact(text, [SECRET])


def test_what_a_person_needs_stays() -> None:
    text = "calltouch calls 2026-06-01..2026-06-30 site 11001: the vendor answered HTTP 502."
    assert redact(text, [SECRET]) == text


FAILURES = (
    Reply(f"no token {SECRET} here, call 79000000001", 401),
    Reply(f"<html>{SECRET}</html>", 500),
    Reply(f'{{"error": "{SECRET}", "error_description": "79000000001"}}', 400),
    Reply(f"<html>{SECRET} 79000000001</html>"),
    Reply(f'{{"records": [{{"callId": "{SECRET}'),
    Reply({"records": "x" * 4000, "result": "x" * 4000}, cut=True),
)


@pytest.mark.parametrize(
    ("source", "stream", "settings"),
    [
        ("calltouch", "calls", {"sites": {"1": "C1"}}),
        ("bitrix24", "deals", {}),
        ("open_dental", "patients", {"clinics": {"1": "C1"}, "currency": "RUB"}),
        ("yandex_direct", "ad_performance", {"currency": "RUB"}),
    ],
    ids=["token in the query", "token in the path", "token in a vendor's header", "bearer token"],
)
def test_a_failing_vendor_never_makes_us_tell_its_token(
    load: Load, vendor: Vendor, rows: Rows, caplog: pytest.LogCaptureFixture, source: str, stream: str,
    settings: dict[str, object],
) -> None:
    caplog.set_level(logging.DEBUG)
    told = ""
    for reply in FAILURES:
        vendor.script(reply)
        with pytest.raises(ChairsideError) as caught:
            load(source, stream, "2026-06-01", "2026-06-01", token=SECRET, **settings)
        assert source in str(caught.value)
        told += "".join(traceback.format_exception(caught.value))
        chain: BaseException | None = caught.value
        while chain is not None:
            told += repr(chain)
            chain = chain.__cause__ or chain.__context__
    told += caplog.text + str(rows("select message from ops.loads"))
    assert SECRET not in told
    assert "79000000001" not in told
    assert rows("select distinct status from ops.loads") == [("failed",)]


def test_a_vendor_that_cannot_be_reached_is_named_without_its_address(load: Load, rows: Rows) -> None:
    with pytest.raises(ChairsideError, match="the connection failed") as caught:
        load("bitrix24", "deals", "2026-06-01", "2026-06-01", base_url=f"http://127.0.0.1:9/rest/1/{SECRET}",
             token=SECRET)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
