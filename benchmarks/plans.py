"""Whether two queries are planned alike, but for the order in which conditions are written down.

PostgreSQL puts the condition of a row policy before those of the query; by hand it stands where it was written.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql


def become(superuser: psycopg.Connection[Any], role: str | None) -> None:
    """Hand the session to an employee, or back (null)."""
    name = sql.SQL("default") if role is None else sql.Identifier(role)
    superuser.execute(sql.SQL("set session authorization {}").format(name))


def same_plan(superuser: psycopg.Connection[Any], role: str, own: str, by_hand: str) -> bool:
    """Whether `own`, as that employee, is planned like `by_hand` as owner."""
    return bool(plan(superuser, role, own) == plan(superuser, None, by_hand))


def plan(superuser: psycopg.Connection[Any], role: str | None, query: str) -> Any:  # noqa: ANN401 - JSON
    """Nodes with their conditions as sorted lists; no costs, no estimates."""
    become(superuser, role)
    (found,) = superuser.execute(f"explain (costs off, format json) {query}".encode()).fetchall()[0]
    become(superuser, None)
    return _sorted(found[0]["Plan"])


def _sorted(node: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(node, dict):
        return {
            key: _conditions(value) if key in ("Filter", "Index Cond", "Recheck Cond") else _sorted(value)
            for key, value in node.items()
        }
    return [_sorted(one) for one in node] if isinstance(node, list) else node


def _conditions(text: str) -> list[str]:
    """The parts of a conjunction. Our conditions hold no `and` within."""
    return sorted(part.strip("() ") for part in text.split(" AND "))
