"""A password that cannot be given to a login is not told by the error, which programs print and servers log."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors, sql

from tests.warehouse.small_warehouse import Warehouse


@pytest.mark.parametrize(
    "change", ["access.add_employee(current_setting('test.role'), 'x', 'desk')", "access.rotate_logins()"]
)
def test_a_login_that_somebody_is_changing(published: Warehouse, change: str) -> None:
    role = published.add("anna")
    with psycopg.connect(published.url) as other, psycopg.connect(published.url) as owner:
        other.execute(sql.SQL("alter role {} connection limit 19").format(sql.Identifier(role)))
        owner.execute("select set_config('test.role', %s, false), set_config('lock_timeout', '50ms', false)", (role,))
        with pytest.raises(errors.LockNotAvailable) as refused:
            owner.execute(f"select {change}".encode())
    assert "password '" not in str(refused.value)


def test_a_login_that_is_not_there(published: Warehouse) -> None:
    with pytest.raises(errors.UndefinedObject, match='role "nobody_here" does not exist') as refused:
        published.run("select access.set_password('nobody_here', 'sesame')")
    assert "sesame" not in str(refused.value)
