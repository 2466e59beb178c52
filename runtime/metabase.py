"""`make metabase`: an existing Metabase shows each group of employees what it may read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from bi.metabase.client import login_from, signed_in
from bi.metabase.groups import read_groups
from bi.metabase.provision import Warehouse, provision
from bi.metabase.questions import read_functions
from extractors.core.errors import ConfigError
from runtime.home import Home
from runtime.progress import Progress
from runtime.warehouse import filled


def metabase(home: Home, progress: Progress, url: str, only: str | None, language: str) -> int:
    """Set it up, or bring it up to date. Who signs in there is in the environment. Raises ChairsideError."""
    login = login_from(os.environ)
    address = urlsplit(url)
    if address.scheme == "http" and address.hostname not in ("localhost", "127.0.0.1", "::1"):
        progress.say("http://, not https://: passwords go there as plain text. Fine only in a network of yours")
    # Who signs in first: groups get logins of their own here, and none for a Metabase that does not answer.
    with filled(home, os.environ, progress) as warehouse_url, signed_in(url, login) as service:
        with psycopg.connect(warehouse_url) as connection:
            groups = read_groups(connection, [name.strip() for name in (only or "").split(",") if name.strip()])
            functions = read_functions(connection)
        if not groups:
            raise ConfigError("No group may read anything yet. Give a right first: select access.allow('…', '…')")
        warehouse = warehouse_of(warehouse_url, os.environ)
        provision(service, warehouse, groups, functions, language=language, say=progress.say)
    for change in service.changes:
        progress.say(change)
    progress.say(f"{len(service.changes)} changes in Metabase" if service.changes else "Metabase is up to date")
    return 0


def warehouse_of(url: str, environ: Mapping[str, str]) -> Warehouse:
    """The warehouse as Metabase shall call it: METABASE_WAREHOUSE_HOST and _PORT, else as we do."""
    parts = conninfo_to_dict(url)
    return Warehouse(
        host=environ.get("METABASE_WAREHOUSE_HOST") or str(parts.get("host") or "127.0.0.1"),
        port=int(environ.get("METABASE_WAREHOUSE_PORT") or str(parts.get("port") or 5432)),
        database=str(parts["dbname"]),
        ssl=str(parts.get("sslmode") or "") in ("require", "verify-ca", "verify-full"),
    )
