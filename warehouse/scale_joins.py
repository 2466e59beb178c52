"""Joins that Citus cannot bring to the rows: outer, lateral and correlated ones of spread tables off their column.

What a subquery or CTE gathers (aggregates, distinct, windows, limit) becomes an intermediate result that goes to every
worker: from there on it is no spread table. A CTE that only projects or filters is its tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, build_scope, traverse_scope

GATHERING = (exp.AggFunc, exp.Window)


def joins_beside_the_column(tree: exp.Expr, spread: Mapping[str, str | None]) -> Iterator[str]:
    """What is joined beside its column, in words. `spread`: table to the column that its rows are spread by."""
    for scope in traverse_scope(tree):
        select = scope.expression
        if not isinstance(select, exp.Select):
            continue
        yield from _outer_joins(scope, select, spread)
        yield from _correlated(scope, select, spread)


def spread_by(tree: exp.Expr, spread: Mapping[str, str | None]) -> str | None:
    """The column by which the rows of a query lie on the workers; None for an intermediate result."""
    scope = build_scope(tree)
    columns = _columns_of(scope, spread) if scope is not None else set()
    return min(columns, default=None)


def _outer_joins(scope: Scope, select: exp.Select, spread: Mapping[str, str | None]) -> Iterator[str]:
    columns = {alias: _columns_of(source, spread) for alias, source in scope.sources.items()}
    for join in select.args.get("joins") or []:
        alias = join.alias_or_name
        others = set().union(*(found for name, found in columns.items() if name != alias))
        own = columns.get(alias, set())
        if not join.side or not own or not others:
            continue
        using = {name.name for name in join.args.get("using") or []}
        if not (own & others) & (using | _equal_on(join.args.get("on"))):
            yield f"{join.side.lower()} join of {alias} without {' or '.join(sorted(own | others))}"


def _correlated(scope: Scope, select: exp.Select, spread: Mapping[str, str | None]) -> Iterator[str]:
    """Subqueries in conditions and columns, and laterals, that look at a row of the query around them."""
    outer = set().union(*(_columns_of(source, spread) for source in scope.sources.values()))
    if not outer:
        return
    for inner in (*scope.subquery_scopes, *scope.derived_table_scopes, *scope.udtf_scopes):
        tables = list(inner.expression.find_all(exp.Table))
        around = {column.table for column in inner.expression.find_all(exp.Column)} & set(scope.selected_sources)
        around -= {table.alias_or_name for table in tables}
        own = set().union(*(_columns_of(scope.cte_sources.get(table.name, table), spread) for table in tables))
        if around and own and not own & outer & _equal_on(inner.expression):
            yield f"a subquery that looks at {', '.join(sorted(around))} without {' or '.join(sorted(own | outer))}"


def _columns_of(source: exp.Expr | Scope, spread: Mapping[str, str | None]) -> set[str]:
    """The columns by which a source's rows are spread; none for an intermediate result and for tables in one place."""
    if isinstance(source, exp.Table):
        column = spread.get(source.name)
        return {column} if column else set()
    if not isinstance(source, Scope) or _gathers(source.expression):
        return set()
    scopes = source.set_operation_scopes
    inner = [each for scope in scopes for each in scope.sources.values()] or list(source.sources.values())
    return set().union(*(_columns_of(each, spread) for each in inner))


def _gathers(query: exp.Expr) -> bool:
    if not isinstance(query, exp.Select):
        return False
    if any(query.args.get(part) for part in ("group", "distinct", "limit", "having")):
        return True
    return any(
        isinstance(node, GATHERING) and node.find_ancestor(exp.Select) is query
        for projection in query.expressions
        for node in projection.walk()
    )


def _equal_on(condition: exp.Expr | None) -> set[str]:
    """Columns that are equal to the column of the same name of another table."""
    if condition is None:
        return set()
    return {
        equal.left.name
        for equal in condition.find_all(exp.EQ)
        if isinstance(equal.left, exp.Column)
        and isinstance(equal.right, exp.Column)
        and equal.left.name == equal.right.name
        and equal.left.table != equal.right.table
    }
