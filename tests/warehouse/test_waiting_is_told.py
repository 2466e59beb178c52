"""Two commands on one warehouse: the second waits for the first, and says so."""

from __future__ import annotations

import time
from threading import Thread

import psycopg
import pytest

from tests.warehouse.small_warehouse import Warehouse
from warehouse.migrate import migrate


def test_a_command_that_waits_for_a_build_says_so_and_goes_on_after_it(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    migrate(warehouse.url)
    assert caplog.text == "", "nobody is waited for"
    with psycopg.connect(warehouse.url) as building:
        building.execute("lock table ops.build_turn in exclusive mode")
        second = Thread(target=migrate, args=(warehouse.url,))
        second.start()
        while second.is_alive() and "waits until it is done" not in caplog.text:
            time.sleep(0.05)
        assert second.is_alive()
    second.join()
    assert "another command builds or upgrades this warehouse" in caplog.text
