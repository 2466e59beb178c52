"""Logins that are not one employee's: renamed by hand, with members, or of a name that somebody had before."""

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


def test_who_comes_under_the_name_of_somebody_who_left_has_another_password(published: Warehouse) -> None:
    """Passwords are derived from the name; the one who left knows the old one."""
    word = "select access.login_password(%s), access.sign_in_password(%s)"
    role = published.add("anna")
    words = [published.run(word, (role, role))[0]]
    for _ in range(2):
        published.run("select access.remove_employee(%s)", (role,))
        published.add("anna", group="desk")
        words.append(published.run(word, (role, role))[0])
    published.add("anna", group="others", employee_id="A1")

    assert len({login for login, _ in words}) == len({sign_in for _, sign_in in words}) == 3
    assert published.run(word, (role, role))[0] == words[-1], "a change of group changes no password"
    with published.connect(role) as anna:
        assert anna.execute("select session_user").fetchone() == (role,)
