"""The right to be forgotten (RULES section 11): one person out of every table and file, for good, and the act of it.

One transaction changes all tables: landed rows as a load would write them from now on (`extractors.core.forgotten`),
then `build`, `marts`, `reports`, history and journals cell by cell. Amounts, dates and clinics stay, under random keys,
so sums stay. Files are cleaned before it is committed: stopped on the way, the same command does the rest. Then the
freed space. Run again it finds nobody. It cannot be taken back.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from extractors.core.forgotten import FORGOTTEN, Role, plain_name, read_forgotten
from extractors.unblocked import unblocked
from warehouse.forget_act import act
from warehouse.forget_files import CleanedFile, clean_home
from warehouse.forget_find import CATEGORIES, Found, find_person
from warehouse.forget_rows import clean_cells, clean_landed, clean_rejected, forget_changed_keys, tables
from warehouse.forget_text import Replacer
from warehouse.pipeline import exclusive
from warehouse.publish_placement import placed_tables

REASON = "требование субъекта персональных данных"
# Readers of these must never wait: their space is freed without rewriting the table.
READ_BY_PEOPLE = ("marts", "reports", "history")


@dataclass(frozen=True, slots=True)
class ForgetOutcome:
    """The act's number and text, and what somebody must look at: files, and tables whose old rows still lie on disk."""

    person_number: int
    act: str
    doubtful_files: tuple[CleanedFile, ...]
    unfreed_tables: tuple[str, ...]


def forget(
    url: str,
    person: str,
    *,
    now: datetime,
    home: Path | None = None,
    operator: str | None = None,
    reason: str = REASON,
    say: Callable[[str], None] = lambda _text: None,
) -> ForgetOutcome:
    """Forget one person, named by person key, phone or e-mail. `home`: the instance's files, cleaned too.

    Raises ConfigError where that names nobody or several people; then nothing changed. Waits for a running build. After
    any other error before the act is made, give it again.
    """
    with exclusive(url):
        with psycopg.connect(url, application_name="chairside forget") as connection:
            connection.execute("set local search_path = pg_catalog, pg_temp")
            # Loads hold this table while they write: they end first, and the next ones know the person.
            with unblocked(connection):
                connection.execute("lock table ops.forgotten_identifiers in access exclusive mode")
            connection.execute("select access.take_turn()")
            found = find_person(connection, person)
            number, replacements = remember(connection, found, now=now, reason=reason)
            replacer = Replacer(found, replacements)
            changed = clean_tables(connection, number, replacer, now)
            # Not after the commit: then nobody is found by this name any more, and files that were left would stay.
            files = [] if home is None else clean_home(home, replacer)
            _log_files(connection, number, files, now)
        say(f"{len(changed)} tables changed, {len(files)} files")
        with psycopg.connect(url, autocommit=True) as connection, unblocked(connection):
            unfreed = free_space(connection, changed)
            say("freed space overwritten" if not unfreed else f"freed space overwritten, but for {len(unfreed)} tables")
            doubtful = tuple(file for file in files if file.what != "rewritten")
            return ForgetOutcome(number, act(connection, number, operator), doubtful, tuple(unfreed))


def remember(
    connection: psycopg.Connection[Any], found: Found, *, now: datetime, reason: str
) -> tuple[int, dict[tuple[str, str], str]]:
    """Write the person's row and the hashes; what stands for each identifier from now on."""
    roles: list[Role] = ["name", "phone", "email", "patient", "client", "crm"]
    known = [CATEGORIES[role] for role in roles if found.values(role)]
    row = connection.execute(
        "insert into ops.forgotten_people (forgotten_at, reason, categories, phone, email) values (%s, %s, %s, %s, %s)"
        " returning person_number",
        (now, reason, [*known, "сведения об обращениях и услугах"], random_phone(), random_email()),
    ).fetchone()
    number = int(row[0]) if row else 0
    replacements: dict[tuple[str, str], str] = {
        (role, value): random_for(role, value) for role, value in sorted(found.identifiers)
    }
    add_to_list(connection, found, number, replacements)
    return number, replacements


def as_listed(role: str, value: str) -> str:
    """What the list has the hash of."""
    return f"{role}:{plain_name(value) if role == 'name' else value}"


def add_to_list(
    connection: psycopg.Connection[Any], found: Found, number: int, replacements: Mapping[tuple[str, str], str]
) -> None:
    """Identifiers with the text that stands for each, and deals. What the list knows already stays as it is there."""
    listed = {**replacements, **{("deal", deal): FORGOTTEN for deal in found.deals}}
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.forgotten_identifiers (identifier_hash, role, person_number, replacement)"
            " values (ops.opaque_key('forgotten', %s), %s, %s, %s) on conflict (identifier_hash) do nothing",
            [(as_listed(role, value), role, number, text) for (role, value), text in listed.items()],
        )


def random_for(role: str, value: str) -> str:
    """Random text in the shape that a column of this role needs; a patient's keeps the source before it."""
    if role == "phone":
        return random_phone()
    if role == "email":
        return random_email()
    if role == "name":
        return "forgotten"
    prefix = value.rpartition(":")[0] if role == "patient" else ""
    return f"{prefix}:" * bool(prefix) + f"forgotten-{secrets.token_hex(8)}"


def random_phone() -> str:
    """Fifteen digits after +999, a code that no country has: never anybody's number."""
    return f"+999{secrets.randbelow(10**12):012d}"


def random_email() -> str:
    """RFC 2606 keeps .invalid for names that never exist."""
    return f"forgotten-{secrets.token_hex(8)}@forgotten.invalid"


def clean_tables(
    connection: psycopg.Connection[Any], number: int, replacer: Replacer, now: datetime
) -> list[tuple[str, str]]:
    """Take the person out of every table, in the caller's transaction, and log it; which tables changed."""
    forgotten = read_forgotten(connection)
    assert forgotten is not None  # noqa: S101 - written above
    counts: dict[tuple[str, str], int] = {("staging", "rejected_rows"): clean_rejected(connection, forgotten, replacer)}
    counts["ops", "window_changes"] = forget_changed_keys(connection)
    placed = placed_tables(connection)
    for table in tables(connection):
        rows = clean_landed(connection, table, forgotten, replacer) if table.schema == "staging" else 0
        rows += clean_cells(connection, table, replacer, placed)
        counts[table.schema, table.name] = counts.get((table.schema, table.name), 0) + rows
    changed = [name for name, rows in counts.items() if rows]
    # A build that looks only at what changed has to see these rows.
    connection.execute(
        "insert into ops.window_changes (source, stream, run_id, window_from, window_to, changed_at, change)"
        " select split_part(t, '__', 1), split_part(t, '__', 2), 'forget', '0001-01-01', '9999-12-31', %s,"
        " 'whole window' from unnest(%s::text[]) as t",
        (now, [name for schema, name in changed if schema == "staging" and "__" in name]),
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.forget_log (person_number, happened_at, place, method, items) values (%s, %s, %s, %s, %s)",
            [(number, now, ".".join(name), "обезличено", counts[name]) for name in changed],
        )
    return changed


def _log_files(
    connection: psycopg.Connection[Any], number: int, files: list[CleanedFile], now: datetime
) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.forget_log (person_number, happened_at, place, method, items) values (%s, %s, %s, %s, 1)",
            [(number, now, file.path, "файл переписан" if file.what == "rewritten" else file.what) for file in files],
        )


def free_space(connection: psycopg.Connection[Any], changed: list[tuple[str, str]]) -> list[str]:
    """Old row versions and the planner's samples of values go too; tables of which that did not succeed.

    A full disk has no room to write a table anew: the person is forgotten all the same, and the act is made.
    """
    unfreed = []
    for schema, name in changed:
        full = sql.SQL("full, ") if schema not in READ_BY_PEOPLE else sql.SQL("")
        try:
            connection.execute(sql.SQL("vacuum ({}analyze) {}").format(full, sql.Identifier(schema, name)))
        except psycopg.Error:
            if connection.closed:
                raise
            unfreed.append(f"{schema}.{name}")
    with suppress(psycopg.errors.InsufficientPrivilege):
        connection.execute("checkpoint")  # old WAL is recycled sooner; for superusers and pg_checkpoint only
    return unfreed
