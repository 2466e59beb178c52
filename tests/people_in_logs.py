"""Who must not be in a log: every name, phone and e-mail that is landed in a warehouse."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from extractors.core.logs import JsonLines

# Columns of people; campaigns, stages and clinics have names too.
PERSONAL = r"(^|_)((full|first|second|last|client)_name|fname|lname|phones?(_e164)?|emails?)$"
AT_LENGTH = ("extractors", "warehouse", "expectations", "runtime", "dags", "requests", "psycopg")
LOOKS_PERSONAL = re.compile(r"\+?\d[\d() -]{9,}|\S+@\S+|[^\W\d_]{2,} [^\W\d_]{2,}")


def people_of(url: str) -> set[str]:
    """Full names, phones and e-mails of all landed tables."""
    found: set[str] = set()
    with psycopg.connect(url) as connection:
        columns = connection.execute(
            "select table_name, column_name from information_schema.columns inner join information_schema.tables"
            " using (table_schema, table_name)"
            " where table_schema = 'staging' and table_type = 'BASE TABLE' and column_name ~ %s",
            (PERSONAL,),
        ).fetchall()
        for table, column in columns:
            query = sql.SQL("select distinct to_jsonb({}) #>> '{{}}' from {}").format(
                sql.Identifier(column), sql.Identifier("staging", table)
            )
            for (value,) in connection.execute(query):
                values = json.loads(value) if value and value.startswith("[") else [value]
                found |= {str(one) for one in values if one and LOOKS_PERSONAL.fullmatch(str(one))}
    return found


def kept_words(url: str) -> str:
    """All that `ops` keeps in words of ours. Landed and rejected rows themselves are rows, not logs."""
    with psycopg.connect(url) as connection:
        return "\n".join(
            str(row[0])
            for query in (
                "select message from ops.loads", "select message from ops.steps", "select message from ops.model_runs",
                "select concat(message, examples) from ops.checks", "select concat(what, details) from ops.alerts",
                "select message from ops.refused_publications",
            )
            for row in connection.execute(query.encode()).fetchall()
            if row[0]
        )  # fmt: skip


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """All that is logged during the block, as JSON lines: modules of ours from DEBUG up, other libraries from INFO."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    loggers = [root, *map(logging.getLogger, AT_LENGTH)]
    before = [logger.level for logger in loggers]
    root.addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.INFO if logger is root else logging.DEBUG)
    try:
        yield stream
    finally:
        root.removeHandler(handler)
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """The logged objects; fails where a line is none."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]
