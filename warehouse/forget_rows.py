"""Taking one person out of every table: landed rows as a load would write them, everything else cell by cell.

Tables are found in the catalog, so one that is made later is no exception. `build`, `marts` and `reports` change at
once too, ahead of the next build, and so does what is kept of past publications.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Json, Jsonb

from extractors.core.forgotten import (
    ADDRESSES,
    DEALS,
    FORGOTTEN,
    IDENTIFIERS,
    PHONES,
    PRIVATE,
    PRIVATE_IN,
    REASON_FORGOTTEN,
    Forgotten,
    cleaner,
    prefix_of,
)
from warehouse.forget_placed import write_by_cells
from warehouse.forget_text import Replacer, is_key

Connection = psycopg.Connection[Any]
BATCH = 1_000
TEXTS = ("text", "character varying", "character", "name", "ARRAY", "json", "jsonb")
# The list itself and its acts.
OURS = ("forgotten_people", "forgotten_identifiers", "forget_log")
KEYS_PER_PATTERN = 200


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its columns as (name, type, whether null is allowed)."""

    schema: str
    name: str
    columns: tuple[tuple[str, str, bool], ...]

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


def tables(connection: Connection) -> list[Table]:
    """Every table of the warehouse that is the owner's to change."""
    rows = connection.execute(
        """
        select n.nspname, c.relname, array_agg(a.attname::text order by a.attnum),
            array_agg(
                case
                    when t.typcategory = 'A' then 'ARRAY' when t.typname in ('json', 'jsonb') then t.typname::text
                    when t.typcategory = 'S' then 'text' else t.typname::text
                end
                order by a.attnum
            ),
            array_agg(not a.attnotnull order by a.attnum)
        from pg_class as c
        inner join pg_namespace as n on n.oid = c.relnamespace
        inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        inner join pg_type as t on t.oid = a.atttypid
        where c.relkind = 'r' and c.relpersistence <> 't'
            and n.nspname not in ('pg_catalog', 'information_schema', 'access')
            and pg_has_role(current_user, c.relowner, 'USAGE')
        group by 1, 2
        order by 1, 2
        """
    ).fetchall()
    return [
        Table(schema, name, tuple(zip(columns, types, nullable, strict=True)))
        for schema, name, columns, types, nullable in rows
        if not (schema == "ops" and name in OURS)
    ]


def clean_landed(connection: Connection, table: Table, forgotten: Forgotten, replacer: Replacer) -> int:
    """Rows of a landed table as a load would write them now; how many changed."""
    names = [name for name, _, _ in table.columns]
    clean = cleaner(forgotten, table.name, names)
    if clean is None:
        return 0
    private = PRIVATE | PRIVATE_IN.get(table.name, frozenset()) | ADDRESSES | PHONES.keys()
    numbers = ("contact_id", "resource_id", "field_value")
    looked_at = [name for name in names if name in IDENTIFIERS or name in private or name in numbers]
    source = table.name.partition("__")[0]
    # A vendor's own number of the person has no source before it.
    ids = [*replacer.exact, *(key.removeprefix(f"{source}:") for key in (*replacer.exact, *replacer.crm))]
    anything = sql.SQL("concat_ws(' ', {})").format(
        sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in looked_at)
    )
    types = {name: type_ for name, type_, _ in table.columns}
    by_id = [
        sql.SQL("{} && %(ids)s::text[]" if types[name] == "ARRAY" else "{} = any(%(ids)s)").format(sql.Identifier(name))
        for name in looked_at if IDENTIFIERS.get(name) == "patient" or name in numbers
    ]  # fmt: skip
    if (number := DEALS.get(table.name)) is not None:
        by_id.append(sql.SQL("{} = any(%(deals)s)").format(sql.Identifier(number)))
    condition = sql.SQL(" or ").join([sql.SQL("{} ~* %(pattern)s").format(anything), *by_id])
    deals = [deal.removeprefix(prefix_of("deal", source)) for deal in replacer.deals]
    given = {"ids": ids, "deals": deals, "pattern": "|".join(replacer.server_patterns()) or "(?!)"}
    found = connection.execute(
        sql.SQL("select ctid::text, {} from {} where {}").format(
            sql.SQL(", ").join(map(sql.Identifier, names)), table.identifier, condition
        ),
        given,
    ).fetchall()
    changed = [(row[0], new) for row in found if (new := clean(row[1:])) != row[1:]]
    _write(connection, table, changed)
    return len(changed)


def clean_cells(
    connection: Connection, table: Table, replacer: Replacer, placed: Mapping[str, str | None] | None = None
) -> int:
    """Cells of any table; in rows that are the person's own, private columns are emptied. How many rows changed.

    `placed`: tables on nodes of Citus (publish_placement.py).
    """
    columns = [(name, type_, nullable) for name, type_, nullable in table.columns if type_ in TEXTS]
    if not columns:
        return 0
    own = [name for name, type_, _ in table.columns if type_ in ("text", "ARRAY") and is_key(name)]
    emptied = PRIVATE | PRIVATE_IN.get(table.name, frozenset())
    of_deal = any(name == "deal_id" and type_ == "text" for name, type_, _ in table.columns)
    private = [c for c in table.columns if (own or of_deal) and c[0] in emptied and c[1] != "jsonb"]
    wanted = {column[0]: column for column in (*columns, *private)}
    patterns, key_patterns = replacer.server_patterns(), _key_patterns(replacer.keys)
    conditions: list[sql.Composable] = [sql.SQL("deal_id = any(%(deals)s)")] if of_deal and private else []
    for name, type_, _ in columns:
        column = sql.Identifier(name)
        if is_key(name) and type_ == "text":
            conditions.append(sql.SQL("{} = any(%(keys)s)").format(column))
        elif is_key(name) and type_ == "ARRAY":
            conditions.append(sql.SQL("{}::text[] && %(keys)s::text[]").format(column))
        if type_ in ("json", "jsonb"):
            conditions += [sql.SQL("{}::text ~ {}").format(column, sql.Literal(one)) for one in key_patterns]
        if patterns:
            conditions.append(sql.SQL("{}::text ~* %(pattern)s").format(column))
    if not conditions:
        return 0  # of somebody without a name, phone or e-mail nothing is in a table without keys
    found = connection.execute(
        sql.SQL("select ctid::text, {} from {} where {}").format(
            sql.SQL(", ").join(map(sql.Identifier, wanted)), table.identifier, sql.SQL(" or ").join(conditions)
        ),
        {"keys": replacer.keys, "deals": replacer.deals, "pattern": "|".join(patterns)},
    ).fetchall()
    changed = []
    for place, *cells in found:
        row = dict(zip(wanted, cells, strict=True))
        is_own = any(_named(row.get(name), replacer) for name in own if name in row)
        is_own = is_own or (of_deal and row["deal_id"] in replacer.deals)
        cleaned = tuple(
            (None if nullable else FORGOTTEN)
            if is_own and name in emptied and cell is not None and type_ != "jsonb"
            else replacer.value(cell, exactly=is_key(name))
            for (name, type_, nullable), cell in zip(wanted.values(), cells, strict=True)
        )
        if cleaned != tuple(cells):
            changed.append((place, tuple(cells), cleaned))
    if placed is not None and str(table) in placed:
        kinds = {name: type_ for name, type_, _ in wanted.values()}
        write_by_cells(
            connection, table.identifier, kinds, [(old, new) for _, old, new in changed], spread_by=placed[str(table)]
        )
    else:
        told = Table(table.schema, table.name, tuple(wanted.values()))
        _write(connection, told, [(row, new) for row, _, new in changed])
    return len(changed)


def _named(value: Any, replacer: Replacer) -> bool:  # noqa: ANN401 - a text or an array of it
    return any(one in replacer.exact for one in (value if isinstance(value, list) else [value]) if one is not None)


def _key_patterns(keys: Sequence[str]) -> list[str]:
    """Keys as regular expressions of a bounded length."""
    long_keys = [re.escape(key) for key in keys if ":" in key or len(key) >= 20]
    return [
        "|".join(long_keys[first : first + KEYS_PER_PATTERN]) for first in range(0, len(long_keys), KEYS_PER_PATTERN)
    ]


def _write(connection: Connection, table: Table, changed: Sequence[tuple[str, Sequence[Any]]]) -> None:
    if not changed:
        return
    wrap = {"jsonb": Jsonb, "json": Json}
    assignments = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name, _, _ in table.columns)
    with connection.cursor() as cursor:
        cursor.executemany(
            sql.SQL("update {} set {} where ctid = %s::tid").format(table.identifier, assignments),
            [
                (
                    *(
                        wrap[type_](cell) if cell is not None and type_ in wrap else cell
                        for (_, type_, _), cell in zip(table.columns, cells, strict=True)
                    ),
                    place,
                )
                for place, cells in changed
            ],
        )


def clean_rejected(connection: Connection, forgotten: Forgotten, replacer: Replacer) -> int:
    """Rows that were set aside: of one about the person only that it was. How many."""
    changed = [
        number
        for number, source, row, reason in connection.execute(
            "select rejected_row_id, source, row || coalesce(fixed, '{}'), reason from staging.rejected_rows"
            " union all select rejected_row_id, source, row, reason from staging.rejected_rows where fixed is not null"
        ).fetchall()
        if forgotten.concerns(source, row) or replacer.value(row) != row or replacer.text(reason) != reason
    ]
    connection.execute(
        "update staging.rejected_rows set row = %s, reason = %s, fixed = null where rejected_row_id = any(%s)",
        (Jsonb({FORGOTTEN: True}), REASON_FORGOTTEN, changed),
    )
    return len(changed)


def forget_changed_keys(connection: Connection) -> int:
    """Lists of changed keys may hold numbers of patients: those of tables about people say `whole window` now."""
    return connection.execute(
        """
        update ops.window_changes set change = 'whole window', keys = null
        where keys is not null
            and exists (
                select from pg_attribute as a
                inner join pg_class as c on c.oid = a.attrelid
                where c.relnamespace = 'staging'::regnamespace
                    and c.relname = window_changes.source || '__' || window_changes.stream
                    and (a.attname = any(%s) or (a.attname = 'contact_id' and c.relname like '%%\\_\\_contacts'))
            )
        """,
        (["patient_id", "patient_num", "resource_id"],),
    ).rowcount
