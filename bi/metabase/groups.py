"""What each group of employees may read, and the login of its own by which Metabase reads it.

The login is an employee of the group like any other (access.add_employee), so it has exactly the group's rights,
changes of them are in force at the next click, and its password is derived, not stored (docs/access.md). A right on own
rows only is left out: a login of a group is nobody in particular, and would see nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg

from extractors.core.errors import ConfigError
from warehouse.catalog import Join, Relation, read_joins, read_relations

PREFIX = "metabase_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group with its login, the reports that Metabase shows it, and what these consist of.

    `own_rows_only`: reports that were left out. `writes_sql`: analysts, who have the right `marts`.
    """

    name: str
    role: str
    password: str
    reports: tuple[str, ...]
    own_rows_only: tuple[str, ...]
    relations: tuple[Relation, ...]
    joins: tuple[Join, ...]

    @property
    def writes_sql(self) -> bool:
        return "marts" in self.reports


def role_of(group: str) -> str:
    """The login's name. Groups may be called anything; roles of ours are plain words."""
    plain = bool(re.fullmatch(r"[a-z][a-z0-9_]{0,40}", group))
    return PREFIX + (group if plain else hashlib.sha256(group.encode()).hexdigest()[:12])


def read_groups(connection: psycopg.Connection[Any], only: Iterable[str] = ()) -> list[Group]:
    """The groups with any right to read, each with its login, which is added where it is missing.

    Raises ConfigError for a group that does not exist.
    """
    known = [
        name
        for (name,) in connection.execute("select employee_group from access.employee_groups order by 1").fetchall()
    ]
    wanted = list(only) or known
    if unknown := set(wanted) - set(known):
        raise ConfigError(f"No group of employees is called {', '.join(sorted(unknown))}. Known: {', '.join(known)}")
    relations = read_relations(connection)
    joins = read_joins(connection, relations)
    groups = []
    for name in wanted:
        if not connection.execute(
            "select from access.rights where subject_kind = 'group' and subject = %s and is_allowed"
            " and not own_rows_only and report <> 'deal_entry'",
            (name,),
        ).fetchall():
            continue
        role = role_of(name)
        password = ensure_login(connection, role, name)
        rights = connection.execute(
            "select report, own_rows_only from access.effective_rights"
            " where database_role = %s and report <> 'deal_entry' order by report",
            (role,),
        ).fetchall()
        shown = tuple(report for report, own_rows_only in rights if not own_rows_only)
        left_out = tuple(report for report, own_rows_only in rights if own_rows_only)
        readable = readable_by(connection, role)
        own = tuple(each for each in relations if each.report in shown and each.title in readable)
        titles = {each.title for each in own}
        groups.append(
            Group(
                name=name,
                role=role,
                password=password,
                reports=shown,
                own_rows_only=left_out,
                relations=own,
                joins=tuple(
                    join for join in joins
                    if {f"{join.schema}.{join.table}", f"{join.to_schema}.{join.to_table}"} <= titles
                ),
            )
        )  # fmt: skip
    return groups


def ensure_login(connection: psycopg.Connection[Any], role: str, group: str) -> str:
    """Add the login unless it is there already, so that the journal of access tells only what changed. Its password."""
    there = connection.execute(
        "select true from access.employees where database_role = %s and employee_group = %s", (role, group)
    ).fetchone()
    if there is None:
        connection.execute("select access.add_employee(%s, %s, %s, null)", (role, f"Metabase: {group}", group))
    row = connection.execute("select access.login_password(%s)", (role,)).fetchone()
    if row is None or row[0] is None:
        raise ConfigError(f"the login {role} has no password; look at access.employees")
    return str(row[0])


def readable_by(connection: psycopg.Connection[Any], role: str) -> set[str]:
    """What the login may select from, as Metabase's sync will find it."""
    rows = connection.execute(
        "select format('%%s.%%s', nspname, relname) from pg_catalog.pg_class"
        " inner join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace"
        " where nspname in ('marts', 'reports') and relkind in ('r', 'p', 'v')"
        " and has_table_privilege(%s, pg_class.oid, 'select')",
        (role,),
    ).fetchall()
    return {title for (title,) in rows}
