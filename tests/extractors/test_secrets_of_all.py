"""No source tells its secrets, wherever a message, a journal or a kept row could hold them."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator

import psycopg
import pytest

from extractors.core.errors import ChairsideError
from extractors.run import SECRET_SETTINGS
from simulators.faults import Fault
from simulators.http import Response
from simulators.running import running_simulators
from tests.extractors.faulty_city import FIRST_OF_EACH, STREAMS, City, make_world, options
from tests.extractors.wire_rows import Row, changed

KEPT = (
    "select coalesce(string_agg(message, ' '), '') from ops.loads",
    "select coalesce(string_agg(rejected::text, ' '), '') from staging.rejected_rows as rejected",
    "select coalesce(string_agg(changes::text, ' '), '') from ops.window_changes as changes",
)
# The bank of currencies asks for no secret.
OPEN = {"currency_rates"}


@pytest.fixture
def city(request: pytest.FixtureRequest, warehouse: str) -> Iterator[City]:
    with running_simulators(make_world(), options=options(), only=[request.param]) as running:
        yield City(running, warehouse)


@pytest.mark.parametrize(("city", "source"), [(name, name) for name in FIRST_OF_EACH], indirect=["city"])
def test_a_secret_is_in_no_log_exception_journal_or_kept_row(
    city: City, source: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stream = STREAMS[FIRST_OF_EACH[source]]
    endpoint = city.simulators.endpoints[source]
    given = {**endpoint["settings"], "token": endpoint["token"]}
    secrets = [str(given[name]) for name in SECRET_SETTINGS if given.get(name)]
    assert secrets or source in OPEN
    # A vendor that repeats what it was sent, in refusals and in rows.
    echo = " ".join((*secrets, "+79000000001", "anna@example.org"))
    answers = [
        Response(status, body.encode(), "application/json")
        for status in (400, 401, 500, 200)
        for body in (f'{{"error": "{echo}", "error_description": "{echo}"}}', f"<html>{echo}</html>")
    ]
    told = ""
    for number, answer in enumerate(answers):
        # Both the first request, which may be for a token, and those after it.
        result = city.disturbed(stream, Fault("answer", source, after=number // 2 % 2, times=-1, response=answer))
        told += repr(result)
        if isinstance(result, ChairsideError):
            told += "".join(traceback.format_exception(result))
    assert "Error" in told

    def spoil(rows: list[Row]) -> list[Row]:
        return [{name: {"no": "such value"} for name in row} if place == 0 else row for place, row in enumerate(rows)]

    told += repr(city.disturbed(stream, Fault("changed", source, times=-1, change=lambda good: changed(good, spoil))))
    told += repr(city.load(stream)) + caplog.text
    with psycopg.connect(city.warehouse) as connection:
        journal, *kept = (str(connection.execute(query.encode()).fetchone()) for query in KEPT)
    for secret in secrets:
        assert secret not in told + journal + "".join(kept)
    for person in ("79000000001", "anna@example.org"):
        assert person not in told + journal
