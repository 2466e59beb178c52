"""Whether two queries are planned alike, but for the order in which conditions are written down.

PostgreSQL puts the condition of a row policy before those of the query; by hand it stands where it was written.
"""

from __future__ import annotations

from typing import Any

import psycopg


def same_plan(employee: psycopg.Connection[Any], own: str, owner: psycopg.Connection[Any], by_hand: str) -> bool:
    return bool(plan(employee, own) == plan(owner, by_hand))


def plan(connection: psycopg.Connection[Any], query: str) -> Any:  # noqa: ANN401 - JSON
    """Nodes with their conditions as sorted lists; no costs, no estimates."""
    (found,) = connection.execute(f"explain (costs off, format json) {query}".encode()).fetchall()[0]
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
