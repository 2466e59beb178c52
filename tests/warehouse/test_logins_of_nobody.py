"""Logins that are not one employee's: renamed by hand, or with members of their own."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors, sql

from tests.warehouse.small_warehouse import Warehouse

HELD = """
    select count(*) from access.held_privileges where role_oid = %s::regrole
    union all select count(*) from pg_policy where %s::regrole = any (polroles)
"""


def renamed(warehouse: Warehouse, role: str) -> str:
    """The login under another name: PostgreSQL takes its grants, policies and password along."""
    other = f"{role}_married"
    warehouse.run(sql.SQL("alter role {} rename to {}").format(sql.Identifier(role), sql.Identifier(other)).as_string())
    return other


def test_a_renamed_login_keeps_nothing_once_rights_change_or_are_refreshed(published: Warehouse) -> None:
    """A right is of a name. The login lost it, so no deny, refresh or removal by that name may pass it by."""
    for change in (
        "select access.deny('desk', 'administrator_conversion')",
        "select access.refresh()",
        "select access.remove_employee('{role}')",
    ):
        published.run("select access.allow('desk', 'administrator_conversion')")
        role = published.add("anna")
        other = renamed(published, role)
        try:
            assert published.run(HELD, (other, other)) != [(0,), (0,)]
            published.run(change.format(role=role))
            assert published.run(HELD, (other, other)) == [(0,), (0,)], change
            assert published.run("select * from access.policy_differences") == []
        finally:
            published.run(
                sql.SQL("drop owned by {0}; drop role {0}").format(sql.Identifier(other)).as_string()
            )
            published.run("select access.remove_employee(database_role) from access.employees")


def test_a_login_that_somebody_else_made_is_closed_under_its_new_name_too(published: Warehouse) -> None:
    role = published.role("reporting")
    published.run(f"create role {role} login")
    published.run("select access.allow(%s, 'administrator_conversion')", (role,))
    other = renamed(published, role)
    try:
        published.run("select access.deny(%s, 'administrator_conversion')", (role,))
        assert published.run(HELD, (other, other)) == [(0,), (0,)]
        with psycopg.connect(published.url, autocommit=True) as asked:
            asked.execute(sql.SQL("set session authorization {}").format(sql.Identifier(other)))
            found = asked.execute("select has_schema_privilege('reports', 'usage')").fetchone()
        assert found == (False,)
    finally:
        published.run(f"drop role {other}")


def test_a_login_with_members_is_nobodys_own(published: Warehouse) -> None:
    team, boris = published.role("team"), published.role("boris")
    published.run(f"create role {team} login; create role {boris} login; grant {team} to {boris}")
    try:
        for call in ("access.allow(%s, 'administrator_conversion')", "access.add_employee(%s, 'Team', null)"):
            with pytest.raises(errors.InvalidParameterValue, match="has members, who would see its rows"):
                published.run(f"select {call}", (team,))
        assert published.run("select database_role from access.employees") == []
    finally:
        published.run(f"drop role {team}; drop role {boris}")
