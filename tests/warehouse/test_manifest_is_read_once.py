"""dbt's manifest is megabytes: a publication reads it once."""

from __future__ import annotations

import sys
from typing import Any

from tests.warehouse.small_warehouse import Warehouse

OPENED: list[str] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and str(arguments[0]).endswith("manifest.json") and arguments[1] == "r":
        OPENED.append(str(arguments[0]))


def test_a_publication_reads_the_manifest_once(warehouse: Warehouse) -> None:
    warehouse.publish()
    sys.addaudithook(_note)  # for good: Python takes none away
    OPENED.clear()
    warehouse.publish()
    # one of them is the fixture's own, which looks whether the file is what it would write
    assert len(OPENED) == 2
