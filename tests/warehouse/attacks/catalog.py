"""Everything that the catalog of a warehouse holds: what is made tomorrow is attacked too, without being named here."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.warehouse.small_warehouse import Warehouse

RELATIONS_QUERY = """
    select
        format('%I.%I', nspname, relname), nspname, relname, pg_class.oid::bigint,
        array(
            select quote_ident(attname) from pg_attribute
            where attrelid = pg_class.oid and attnum > 0 and not attisdropped order by attnum
        )
    from pg_class
    join pg_namespace on pg_namespace.oid = relnamespace
    where relkind in ('r', 'v', 'm', 'S', 'f', 'p') and nspname !~ '^pg_' and nspname <> 'information_schema'
    order by 1
"""
FUNCTIONS_QUERY = """
    select
        format('%I.%I', nspname, proname), nspname, proname, pg_proc.oid::bigint,
        array(
            select case when provariadic <> 0 and n = pronargs then 'variadic ' else '' end || format_type(type, null)
            from unnest(proargtypes) with ordinality as t (type, n) order by n
        )
    from pg_proc
    join pg_namespace on pg_namespace.oid = pronamespace
    where prokind in ('f', 'p') and nspname !~ '^pg_' and nspname <> 'information_schema'
    order by 1, 5
"""
# What a caller may try as a parameter, as SQL, by type; of others null.
FORGED: dict[str, tuple[str, ...]] = {
    "text": (
        "null", "'C1'", "'C3'", "'%'", "'C1'' or true --'", "'{C1,C2,C3}'", "''", "'cnryaaa0001'", "repeat('C', 9999)",
    ),
    "date": ("null", "'2026-06-30'", "'infinity'", "'-infinity'", "'0001-01-01'", "'2026-06-29'", "'5874897-01-01'"),
    "bigint": ("null", "0", "-1", "1", "9223372036854775807", "-9223372036854775808"),
    "integer": ("null", "0", "-1", "2147483647"),
    "numeric": ("null", "0", "'NaN'", "1e300", "-1"),
    "double precision": ("null", "0", "'NaN'", "'infinity'", "-1"),
    "boolean": ("null", "true", "false"),
    "text[]": ("null", "'{}'", "'{C3}'", "'{null}'", "'{C1,C2,C3}'"),
    "timestamp with time zone": ("null", "now()", "'infinity'", "'-infinity'"),
    "regclass": ("null", "'pg_class'", "0"),
    "interval": ("null", "'0'", "'-1 year'"),
    "jsonb": ("null", "'{}'", "'[]'"),
}


@dataclass(frozen=True, slots=True)
class Item:
    """A relation with its columns, or a function with the types of its parameters."""

    is_function: bool
    text: str
    schema: str
    name: str
    oid: int
    parts: tuple[str, ...]


def read_catalog(warehouse: Warehouse) -> list[Item]:
    """As the owner sees it. Indexes and row types lie under their tables."""
    return [
        Item(is_function, text, schema, name, oid, tuple(parts))
        for is_function, query in ((False, RELATIONS_QUERY), (True, FUNCTIONS_QUERY))
        for text, schema, name, oid, parts in warehouse.run(query)
    ]


def forged_call(function: Item, chance: random.Random) -> str:
    """The function with parameters that a forger might try."""
    given = [_parameter(kind, chance.choice(FORGED.get(_type(kind), ("null",)))) for kind in function.parts]
    return f"{function.text}({', '.join(given)})"


def plain_call(function: Item) -> str:
    return f"{function.text}({', '.join(_parameter(kind, 'null') for kind in function.parts)})"


def _type(kind: str) -> str:
    return kind.removeprefix("variadic ")


def _parameter(kind: str, value: str) -> str:
    """A value of that type; without its word a list of values is not taken for the last parameter."""
    return f"{'variadic ' if kind != _type(kind) else ''}{value}::{_type(kind)}"
