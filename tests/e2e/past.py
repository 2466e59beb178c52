"""Every report of a warehouse, asked for a period now or as of a day."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
from psycopg import sql


def questions(connection: psycopg.Connection[Any], period: tuple[date, date]) -> dict[str, tuple[str, str]]:
    """Per report: whether it is a function or a view, and the arguments without which it cannot be asked.

    One of those is a person: the one with the most contacts.
    """
    (person,) = connection.execute(
        "select mode() within group (order by person_key) from marts.fct_contacts"
    ).fetchall()
    found = connection.execute(
        """
        select relations.relation_name, relations.object_kind, coalesce(
            (
                select array_agg(argument order by place)
                from unnest(pg_proc.proargnames) with ordinality as named (argument, place)
                where place <= pg_proc.pronargs - pg_proc.pronargdefaults
            ),
            '{}'
        )
        from access.relations
        left join pg_proc on pg_proc.pronamespace = 'reports'::regnamespace and pg_proc.proname = relation_name
        where schema_name = 'reports' and object_kind in ('function', 'view') and report <> '*'
            and exists (
                select from access.relations as reader
                where reader.schema_name = 'reports' and reader.relation_name = relations.relation_name || '_as_of'
            )
        """
    ).fetchall()
    known = {
        "date_from": f"date '{period[0]}'",
        "date_to": f"date '{period[1]}'",
        "as_of": f"date '{period[1]}'",
        "person_key": f"'{person[0]}'",
        "budget": "1000",
    }
    return {name: (kind, ", ".join(known[argument] for argument in arguments)) for name, kind, arguments in found}


def answers(
    connection: psycopg.Connection[Any], asked: dict[str, tuple[str, str]], as_of: date | None = None
) -> dict[str, list[str]]:
    """All rows of each, as sorted text; where a report finds too little to answer, what it says."""
    told = {}
    for name, (kind, arguments) in asked.items():
        if as_of is not None:
            call = sql.SQL("reports.{}({})").format(
                sql.Identifier(f"{name}_as_of"),
                sql.SQL(", ".join(filter(None, [f"date '{as_of}'", arguments]))),
            )
        elif kind == "view":
            call = sql.SQL("reports.{}").format(sql.Identifier(name))
        else:
            call = sql.SQL("reports.{}({})").format(sql.Identifier(name), sql.SQL(arguments))
        query = sql.SQL("select told::text from {} as told").format(call)
        try:
            with connection.transaction():
                told[name] = sorted(row[0] for row in connection.execute(query).fetchall())
        except psycopg.errors.InvalidParameterValue as refusal:
            told[name] = [str(refusal.diag.message_primary)]
    return told
