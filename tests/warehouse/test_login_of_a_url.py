"""An employee's address is the warehouse's with another login, however the owner's is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from bi.superset.bridge import Warehouse
from runtime import superset
from runtime.home import open_home
from warehouse.libpq import of_nobody, of_role

OWNERS = {
    "postgresql://owner:sesame@db:5433/w": {"host": "db", "port": "5433"},
    # libpq lets what follows the question mark win
    "postgresql://db/w?user=owner&password=sesame&sslmode=require": {"host": "db", "sslmode": "require"},
    "postgresql://db/w?us%65r=owner&application_name=a%20b": {"host": "db", "application_name": "a b"},
    "postgresql:///w?host=/run/pg&port=6000&user=owner": {"host": "/run/pg", "port": "6000"},
    "postgres://owner@one:1,two:2/w": {"host": "one,two", "port": "1,2"},
    # the database is called as its owner
    "postgresql://w:sesame@db": {"host": "db"},
}


@pytest.mark.parametrize("owner", OWNERS)
def test_an_employees_address_has_nothing_of_the_owners_login(owner: str) -> None:
    wanted = OWNERS[owner] | {"dbname": "w"}
    assert conninfo_to_dict(of_nobody(owner)) == wanted
    employee = of_role(owner, "anna@work", "p/w:?")
    assert conninfo_to_dict(employee) == wanted | {"user": "anna@work", "password": "p/w:?"}
    assert "sesame" not in employee


def test_superset_is_told_where_the_warehouse_is_and_nothing_of_its_owner(tmp_path: Path) -> None:
    environ = superset.environment(
        open_home({"CHAIRSIDE_HOME": str(tmp_path)}), metadata_url="postgresql://s@h/superset",
        warehouse="postgresql:///w?host=/run/pg&port=6000&user=owner&password=sesame&sslmode=prefer", bridge_role="b",
    )  # fmt: skip
    assert not any("sesame" in value for value in environ.values())
    address = Warehouse(url=environ["CHAIRSIDE_BI_WAREHOUSE"]).address()
    assert address == {"host": "/run/pg", "port": 6000, "dbname": "w", "sslmode": "prefer"}
