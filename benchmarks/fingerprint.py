"""Whether two tables hold the same rows, without comparing row by row: a count, and a sum over every column.

Texts and days count by their MD5, moments by their microseconds, numbers by their sum; what a column leaves null is
counted too. The same in the SQL of PostgreSQL and of DuckDB, which may lie in different processes. Tables with equal
fingerprints may still differ in which value stands beside which.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

# A name of the sum, PostgreSQL's expression, DuckDB's; {} is the column. By PostgreSQL's type.
_TEXT = (
    "coalesce(sum(('x' || substr(md5({}::text), 1, 8))::bit(32)::bigint), 0)::text",
    "coalesce(sum(('0x' || substr(md5({}::varchar), 1, 8))::bigint), 0)::varchar",
)
_LIST = (
    _TEXT[0].replace("{}::text", "array_to_string({}, '|')"),
    _TEXT[1].replace("{}::varchar", "array_to_string({}, '|')"),
)
_NUMBER = ("coalesce(sum({})::double precision, 0)", "coalesce(sum({})::double, 0)")
_WHOLE = ("coalesce(sum({}), 0)::text", "coalesce(sum({}), 0)::hugeint::varchar")
_MOMENT = (
    "coalesce(sum(extract(epoch from {0}) * 1000000) filter (where isfinite({0})), 0)::numeric(38, 0)::text",
    "coalesce(sum(epoch_us({0})) filter (where isfinite({0})), 0)::hugeint::varchar",
)
_TRUE = ("count(*) filter (where {})::text", "count(*) filter (where {})::varchar")
_SUMS: Mapping[str, tuple[str, str]] = {
    "text": _TEXT, "date": _TEXT, "text[]": _LIST, "boolean": _TRUE, "timestamp with time zone": _MOMENT,
    "bigint": _WHOLE, "integer": _WHOLE, "smallint": _WHOLE, "numeric": _NUMBER, "double precision": _NUMBER,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A column and its type as PostgreSQL writes it."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Rows of a table, and of every column how many are not null and their sum."""

    rows: int
    columns: Mapping[str, tuple[int, str | float]]

    def difference(self, other: Fingerprint) -> str | None:
        """Where another table differs, in words without any value of a row; null where it does not.

        Numbers with decimals are equal to 5 digits: one engine divides them exactly, the other in floating point, and
        so rounds a half up here and there.
        """
        if self.rows != other.rows:
            return f"{self.rows} rows against {other.rows}"
        for name, (filled, total) in self.columns.items():
            there, that = other.columns[name]
            if isinstance(total, float) and isinstance(that, float):
                is_same = math.isclose(total, that, rel_tol=1e-5, abs_tol=1e-6)
            else:
                is_same = total == that
            if filled != there or not is_same:
                return f"column {name}: {filled} filled, {total} in sum against {there}, {that}"
        return None


def columns_of(connection: psycopg.Connection[Any], schema: str, table: str) -> tuple[Column, ...]:
    """In their order."""
    found = connection.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = format('%%I.%%I', %s::text, %s::text)::regclass and attnum > 0 and not attisdropped"
        " order by attnum",
        (schema, table),
    ).fetchall()
    return tuple(Column(name, kind) for name, kind in found)


def query(schema: str, table: str, columns: Sequence[Column], *, duckdb: bool = False) -> str:
    """One row: the count, then two values for each column that `read` understands."""
    asked = ["count(*)"]
    for column in columns:
        name = '"' + column.name.replace('"', '""') + '"'
        # Other types (jsonb) are written differently by the two; how many are filled must do.
        sums = _SUMS.get(column.type.partition("(")[0], ("'-'", "'-'"))
        asked += [f"count({name})", sums[duckdb].format(name)]
    return f'select {", ".join(asked)} from "{schema}"."{table}"'  # noqa: S608 - names of a catalog, quoted


def read(row: Sequence[Any], columns: Sequence[Column]) -> Fingerprint:
    """The row that `query` selects."""
    found = {column.name: (row[1 + 2 * at], row[2 + 2 * at]) for at, column in enumerate(columns)}
    return Fingerprint(row[0], found)


def fingerprint(connection: psycopg.Connection[Any], schema: str, table: str) -> Fingerprint:
    """Of a table of PostgreSQL."""
    columns = columns_of(connection, schema, table)
    (row,) = connection.execute(query(schema, table, columns).encode()).fetchall()
    return read(row, columns)


def rows_of(
    connection: psycopg.Connection[Any], schema: str, table: str, *, without: Sequence[str] = ()
) -> tuple[int, int]:
    """Count and a sum over whole rows, but for the columns `without`: for two tables of one PostgreSQL, and faster."""
    columns = [column for column in columns_of(connection, schema, table) if column.name not in without]
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    asked = sql.SQL("select count(*), coalesce(sum(hashtextextended(row({})::text, 0)), 0) from {}")
    (row,) = connection.execute(asked.format(names, sql.Identifier(schema, table))).fetchall()
    return int(row[0]), int(row[1])
