"""`python -m extractors <source> <stream> --from … --to …` with settings from the environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from expectations.__main__ import main as ask_rules
from extractors.__main__ import main
from tests.extractors.test_calltouch import SITES, call, page
from tests.extractors.vendor_server import Reply, Vendor

Rows = Callable[..., list[tuple[Any, ...]]]
COMMAND = ("calltouch", "calls", "--from", "2026-06-01", "--to", "2026-06-01")


@pytest.fixture
def environment(warehouse: str, vendor: Vendor) -> dict[str, str]:
    host, _, port = vendor.url.removeprefix("http://").partition(":")
    connection = {"conn_type": "http", "host": host, "port": int(port), "password": "hidden-token",
                  "extra": {"sites": SITES, "requests_per_second": 0, "attempts": 1}}
    return {"WAREHOUSE_URL": warehouse, "AIRFLOW_CONN_CALLTOUCH": json.dumps(connection)}


def test_a_stream_is_loaded_by_hand(
    environment: dict[str, str], vendor: Vendor, rows: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor.script(page(call(1)))
    assert main(COMMAND, environment) == 0
    assert "1 read, 1 written" in capsys.readouterr().out
    assert rows("select run_id like 'by-hand-%' from ops.loads") == [(True,)]


def test_rejected_rows_and_failures_show_in_the_exit_status(
    environment: dict[str, str], vendor: Vendor, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor.script(page(call(1), call(2, siteId=9)))
    assert main(COMMAND, environment) == 2
    vendor.script(Reply("no", 401))
    assert main(COMMAND, environment) == 1
    assert main(COMMAND, {}) == 1
    assert main(("nobody", "calls"), environment) == 64
    told = capsys.readouterr().err
    assert "RejectedError: calltouch calls" in told and "WAREHOUSE_URL" in told and "hidden-token" not in told


def test_a_warehouse_that_is_not_there_is_said_in_one_line(
    environment: dict[str, str], fresh_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(COMMAND, {**environment, "WAREHOUSE_URL": fresh_database}) == 1
    assert main(COMMAND, {**environment, "WAREHOUSE_URL": "postgresql://me:sesame@127.0.0.1:1/nothing"}) == 1
    assert capsys.readouterr().err.splitlines() == [
        "The warehouse has no tables yet: `make load` or `make up` makes them",
        "WAREHOUSE_URL: no connection. See that the server runs and takes that user; `make url` prints it",
    ]
    with pytest.raises(SystemExit):
        ask_rules(["--url", "postgresql://me:sesame@127.0.0.1:1/nothing"])
    told = capsys.readouterr().err
    assert "--url: no connection" in told and "sesame" not in told
