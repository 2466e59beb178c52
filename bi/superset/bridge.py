"""Asks the warehouse who a viewer is, through a login that may ask nothing else (warehouse/sql/160_bridge.sql)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg2


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """An employee as of now."""

    database_role: str
    full_name: str
    reports: frozenset[str]
    rights_version: str
    sign_in_password: str
    login_password: str
    zones: Mapping[str, str]  # by clinic; under the empty name that of what has no clinic
    currency: str  # of all amounts

    def __repr__(self) -> str:
        return f"Viewer({self.database_role!r})"  # passwords never reach a log


@dataclass(frozen=True, slots=True, kw_only=True)
class Warehouse:
    """Where the warehouse is: a URL without user and password."""

    url: str

    def address(self) -> dict[str, str | int]:
        """psycopg2's arguments."""
        said: dict[str, str] = psycopg2.extensions.parse_dsn(self.url)
        secured = {key: value for key, value in said.items() if key.startswith("ssl")}
        host, port, database = said.get("host", ""), int(said.get("port", 5432)), said.get("dbname", "")
        return {"host": host, "port": port, "dbname": database, **secured}


class Bridge:
    """One connection, opened anew when it breaks. The secret is read each time: a rotation needs no restart."""

    def __init__(self, warehouse: Warehouse, role: str, secret: Path) -> None:
        self._warehouse = warehouse
        self._role = role
        self._secret = secret
        self._lock = threading.Lock()
        self._connection: psycopg2.extensions.connection | None = None

    def viewer(self, database_role: str | None) -> Viewer | None:
        """The employee of that role; null for everybody else. Raises psycopg2.Error where the warehouse is away."""
        if not database_role:
            return None
        with self._lock:
            try:
                row = self._ask(database_role)
            except psycopg2.Error:
                self._forget()
                row = self._ask(database_role)  # a second failure is the caller's
        if row is None:
            return None
        full_name, reports, rights_version, sign_in_password, login_password, zones, currency = row
        return Viewer(
            database_role=database_role,
            full_name=full_name,
            reports=frozenset(reports),
            rights_version=rights_version,
            sign_in_password=sign_in_password,
            login_password=login_password,
            zones=zones,
            currency=currency,
        )

    def _ask(self, database_role: str) -> tuple[str, list[str], str, str, str, dict[str, str], str] | None:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg2.connect(
                **self._warehouse.address(),
                user=self._role,
                password=self._secret.read_text(),
                connect_timeout=10,
                application_name="chairside bridge",
            )
            self._connection.autocommit = True
        with self._connection.cursor() as cursor:
            cursor.execute(
                "select full_name, reports, rights_version, sign_in_password, login_password, zones, currency"
                " from bridge.viewer(%s)",
                (database_role,),
            )
            found: tuple[str, list[str], str, str, str, dict[str, str], str] | None = cursor.fetchone()
        return found

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def login_of(viewer: Callable[[], Viewer | None]) -> tuple[str, str]:
    """User and password to open the warehouse with. Nobody's are a login that does not exist: PostgreSQL refuses it."""
    found = viewer()
    return (found.database_role, found.login_password) if found else ("nobody is signed in", "")
