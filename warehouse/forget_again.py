"""Forgets people once more who are on the list and, after a restore, in the tables again.

The list knows hashes only. So every identifier that the tables hold is hashed and compared; whom the last build takes
for those people is then cleaned like on the first day, with the same stand-ins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from extractors.core.forgotten import (
    CRM_TABLES,
    DEALS,
    IDENTIFIERS,
    Forgotten,
    Hit,
    Role,
    plain_name,
    prefix_of,
    read_forgotten,
)
from warehouse.forget import add_to_list, as_listed, clean_tables, free_space, random_for
from warehouse.forget_find import Found, collect, keys_of
from warehouse.forget_rows import Table, tables
from warehouse.forget_text import Replacer

Connection = psycopg.Connection[Any]
NOT_PEOPLE = ("employee:", "counterparty:")
NAMES = ("full_name", "client_name")


def forget_again(url: str, people: set[int], *, now: datetime, say: Callable[[str], None]) -> None:
    """Clean the tables of these people of `ops.forgotten_people`, each in one transaction. Nobody else may build."""
    for number in sorted(people):
        with psycopg.connect(url, application_name="chairside forget") as connection:
            connection.execute("set local search_path = pg_catalog, pg_temp")
            connection.execute("lock table ops.forgotten_identifiers in access exclusive mode")
            forgotten = read_forgotten(connection)
            if forgotten is None:
                return
            found = _find(connection, forgotten, number)
            if not (found.identifiers or found.deals):
                continue
            changed = clean_tables(connection, number, Replacer(found, _stand_ins(connection, found, number)), now)
        with psycopg.connect(url, autocommit=True) as connection:
            unfreed = free_space(connection, changed)
        say(f"forgotten again: act {number}, {len(changed)} tables changed")
        if unfreed:
            say(f"LOOK AT {', '.join(unfreed)}: old rows still lie on disk; give there: vacuum (full, analyze) <table>")


def _find(connection: Connection, forgotten: Forgotten, number: int) -> Found:
    found = Found()
    for role, value in _everything(connection):
        hit: Hit | None = forgotten.find(role, plain_name(value) if role == "name" else value)
        if hit is None or hit.person != number:
            continue
        if role == "deal":
            found.deals.add(value)
        else:
            found.identifiers.add((role, value))
    built = connection.execute("select to_regclass('build.int_record_persons') is not null").fetchone()
    if found.identifiers and built == (True,):
        own = set(found.identifiers)
        for role, value in own:
            if role == "patient":
                found.keys |= keys_of(connection, "person key", f"patient:{value}")
            elif role in ("phone", "email"):
                found.keys |= keys_of(connection, "phone" if role == "phone" else "email", value)
        found.keys = {key for key in found.keys if not key.startswith(NOT_PEOPLE)}
        collect(connection, found)
        found.identifiers |= own  # what the list names is theirs, whoever had it too at the time of the backup
    return found


def _everything(connection: Connection) -> Iterator[tuple[Role, str]]:
    """Every identifier in landed rows, once per table, as the list names it: vendors' patients and CRM contacts with
    their source."""
    for table in tables(connection):
        if table.schema != "staging":
            continue
        source = table.name.partition("__")[0]
        for name, type_, _ in table.columns:
            role: Role | None = "name" if name in NAMES else IDENTIFIERS.get(name)
            if name == "contact_id" and table.name in CRM_TABLES:
                role = "crm"
            elif name == DEALS.get(table.name):
                role = "deal"
            if role is None or type_ not in ("text", "ARRAY"):
                continue
            prefix = prefix_of(role, source)
            for value in _values(connection, table, name, is_array=type_ == "ARRAY"):
                yield role, prefix + (value.strip().lower() if role == "email" else value.strip())


def _values(connection: Connection, table: Table, column: str, *, is_array: bool) -> Iterator[str]:
    name = sql.Identifier(column)
    query = sql.SQL(
        "select distinct one from {} cross join lateral unnest({}) as cells (one) where one is not null"
        if is_array
        else "select distinct {1} from {0} where {1} is not null"
    ).format(table.identifier, name)
    with connection.cursor(name="values_of_a_column") as cursor:
        cursor.itersize = 10_000
        for (value,) in cursor.execute(query):
            yield value


def _stand_ins(connection: Connection, found: Found, number: int) -> dict[tuple[str, str], str]:
    """By identifier the text of the list; one that the list does not know yet, from before, is added to it."""
    identifiers = sorted(found.identifiers)
    add_to_list(connection, found, number, {(role, value): random_for(role, value) for role, value in identifiers})
    given: dict[tuple[str, str], str] = {}
    for role, value in identifiers:
        row = connection.execute(
            "select replacement from ops.forgotten_identifiers"
            " where identifier_hash = ops.opaque_key('forgotten', %s)", (as_listed(role, value),),
        ).fetchone()  # fmt: skip
        given[role, value] = str(row and row[0])
    return given
