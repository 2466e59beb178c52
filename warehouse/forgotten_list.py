"""The list of forgotten people as a file, so that it outlives the database: a backup older than a request must not
bring the person back.

The file holds what `ops.forgotten_*` holds: salted hashes, random stand-ins, acts. It is of use only beside the salt
that it was made with, which every backup of the same warehouse has.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg

from extractors.core.errors import ConfigError

FILE = "forgotten.json"
FORMAT = 1
PEOPLE = ("person_number", "forgotten_at", "forgotten_by", "reason", "categories", "phone", "email")
IDENTIFIERS = ("identifier_hash", "role", "person_number", "replacement")
LOG = ("person_number", "happened_at", "place", "method", "items")

List = dict[str, Any]


def read_list(connection: psycopg.Connection[Any]) -> List:
    """The list as the warehouse has it."""
    (salt,) = connection.execute("select salt from ops.key_salt").fetchone() or ("",)
    return {
        "format": FORMAT,
        "warehouse": sha256(f"list of forgotten people|{salt}".encode()).hexdigest()[:20],
        "people": _rows(connection, "forgotten_people", PEOPLE, "person_number"),
        "identifiers": _rows(connection, "forgotten_identifiers", IDENTIFIERS, "identifier_hash"),
        "log": _rows(connection, "forget_log", LOG, "event_id"),
    }


def keep(connection: psycopg.Connection[Any], folders: Iterable[Path]) -> list[Path]:
    """Write the list into each of the folders that is there; which ones. Only its user may read the file."""
    text = json.dumps(read_list(connection), ensure_ascii=False, indent=1)
    written = []
    for folder in folders:
        if not folder.is_dir():
            continue
        fresh = folder / f".{FILE}.{os.getpid()}"
        write_private(fresh, text)
        fresh.replace(folder / FILE)
        written.append(folder / FILE)
    return written


def write_private(path: Path, text: str) -> None:
    """A file that only its user may read, on the disk when this returns."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def read_file(path: Path) -> List:
    """A list that `keep` wrote. ConfigError where it is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ConfigError(f"{path} cannot be read. Without it people who were forgotten may come back.") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ConfigError(f"{path} is no list of forgotten people of this version.")
    return found


def add(connection: psycopg.Connection[Any], given: List) -> set[int]:
    """Add what the warehouse does not know yet; the numbers there of people of whom something was added.

    A person is the same where the stand-in phone, a random number, is. ConfigError: the list is of another warehouse.
    """
    if given["warehouse"] != read_list(connection)["warehouse"]:
        raise ConfigError("The list of forgotten people is of another warehouse: its hashes say nothing here.")
    known = {row["phone"]: row["person_number"] for row in _rows(connection, "forgotten_people", PEOPLE, "phone")}
    numbers: dict[int, int] = {}
    new: set[int] = set()
    for person in given["people"]:
        if person["phone"] not in known:
            taken = person["person_number"] in known.values()
            connection.execute(
                "insert into ops.forgotten_people"
                " (person_number, forgotten_at, forgotten_by, reason, categories, phone, email)"
                " overriding system value values (%s, %s, %s, %s, %s, %s, %s)",
                [max(known.values()) + 1 if taken else person["person_number"], *(person[name] for name in PEOPLE[1:])],
            )
            known[person["phone"]] = max(known.values()) + 1 if taken else person["person_number"]
            new.add(person["person_number"])
        numbers[person["person_number"]] = known[person["phone"]]
    touched = {numbers[number] for number in new}
    for one in given["identifiers"]:
        number = numbers[one["person_number"]]
        added = connection.execute(
            "insert into ops.forgotten_identifiers (identifier_hash, role, person_number, replacement)"
            " values (%s, %s, %s, %s) on conflict (identifier_hash) do nothing",
            (one["identifier_hash"], one["role"], number, one["replacement"]),
        ).rowcount
        touched |= {number} if added else set()
    for event in given["log"]:
        if event["person_number"] in new:
            connection.execute(
                "insert into ops.forget_log (person_number, happened_at, place, method, items)"
                " values (%s, %s, %s, %s, %s)",
                (numbers[event["person_number"]], *(event[name] for name in LOG[1:])),
            )
    connection.execute(
        "select setval(pg_get_serial_sequence('ops.forgotten_people', 'person_number'),"
        " greatest((select max(person_number) from ops.forgotten_people), 1),"
        " exists (select from ops.forgotten_people))"
    )
    return touched


def _rows(connection: psycopg.Connection[Any], table: str, columns: tuple[str, ...], order: str) -> list[List]:
    query = psycopg.sql.SQL("select to_jsonb(listed) from (select {} from {} order by {}) as listed").format(
        psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, columns)), psycopg.sql.Identifier("ops", table),
        psycopg.sql.Identifier(order),
    )  # fmt: skip
    return [row for (row,) in connection.execute(query)]
