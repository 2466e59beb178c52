"""The new rows of the families take the place of their old ones in `build`, all tables in one transaction."""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from warehouse.increment.fresh import Connection
from warehouse.increment.plan import ITSELF, RECORD, Kept, Plan
from warehouse.increment.scope import run

# What the families' rows of these models name: now (`day`) and in the last build (`build`), each kind after those that
# its models are kept by. A person is whom any of the records is of.
_NAMED_BY: tuple[tuple[str, tuple[tuple[str, LiteralString], ...]], ...] = (
    # of contacts too that an appointment names and nobody landed
    ("contact", (("int_appointments", "contact_id"),)),
    ("person", (
        ("int_contact_persons", "person_key"), ("int_session_persons", "person_key"),
        ("int_patient_cards", "'patient:' || person_patient_id"), ("int_appointments", "person_key"),
        ("int_payments", "person_key"), ("int_sales", "person_key"), ("int_deals", "person_key"),
    )),
    ("card_person", (("int_patient_cards", "person_patient_id"),)),
    ("identifier", (("int_identifier_owners", "identifier"), ("int_identifiers", "identifier"))),
    ("inquiry", (("int_inquiries", "inquiry_key"),)),
    ("contact_person", (("inquiry_history_contacts", "contact_person_key"),)),
    ("link", (("why_one_person_links", "link_key"),)),
)  # fmt: skip
_RECORDS: LiteralString = """
drop table if exists build.family_keys;
create unlogged table build.family_keys as
select record_kind as kind, record_id as key from build.family_scope
union all
select 'conversion', conversion.name || ':' || scope.record_id
from build.family_scope as scope
inner join (
    values ('appointment', 'booking'), ('appointment', 'first_visit'), ('deal', 'deal'), ('payment', 'payment')
) as conversion (record_kind, name) on scope.record_kind = conversion.record_kind;
analyze build.family_keys;
"""


def name_keys(connection: Connection, plan: Plan) -> None:
    """Name in `build.family_keys` every key that rows of the families have, or had in the last build, once per kind."""
    run(connection, _RECORDS)
    for kind, models in _NAMED_BY:
        named = sql.SQL(" union ").join(
            sql.SQL("select {0} as key from {1} union select {0} from ({2}) as old").format(
                sql.SQL(expression), sql.Identifier("day", model), old_rows(plan.kept_by_name[model])
            )
            for model, expression in models
        )
        connection.execute(
            sql.SQL(
                "insert into build.family_keys (kind, key) select {0}, key from ({1}) as named where key is not null"
                " and not exists"
                " (select from build.family_keys as known where known.kind = {0} and known.key = named.key)"
            ).format(sql.Literal(kind), named)
        )
        connection.execute("analyze build.family_keys")
    # What readers do not see yet. A publication that compares by these keys holds the table until it ended.
    connection.execute(
        "insert into build.family_unpublished (kind, key) select kind, key from build.family_keys"
        " on conflict do nothing"
    )


def old_rows(kept: Kept) -> sql.Composed:
    """The families' rows that a model, kept by one column, has in `build`: a query."""
    (column,) = kept.columns
    return sql.SQL(
        "select old.* from {} as old inner join build.family_keys as keys on keys.kind = {} and old.{} = keys.key"
    ).format(sql.Identifier("build", kept.model), sql.Literal(kept.of), sql.Identifier(column))


def merge(connection: Connection, plan: Plan) -> None:
    """Replace the families' rows of every kept model. One transaction of the caller."""
    for kept in plan.kept:
        old, new = sql.Identifier("build", kept.model), sql.Identifier("day", kept.model)
        if kept.of == ITSELF:
            same = sql.SQL(" and ").join(
                sql.SQL("old.{0} is not distinct from new.{0}").format(sql.Identifier(column))
                for column in kept.columns
            )
            connection.execute(sql.SQL("delete from {} as old using {} as new where {}").format(old, new, same))
        elif kept.of == RECORD:
            kind, record_id = map(sql.Identifier, kept.columns)
            _index(connection, kept.model, kept.columns[1])
            connection.execute(
                sql.SQL(
                    "delete from {} as old using build.family_scope as scope"
                    " where old.{} = scope.record_kind and old.{} = scope.record_id"
                ).format(old, kind, record_id)
            )
        else:
            (column,) = kept.columns
            _index(connection, kept.model, column)
            connection.execute(
                sql.SQL(
                    "delete from {} as old using build.family_keys as keys where keys.kind = %s and old.{} = keys.key"
                ).format(old, sql.Identifier(column)),
                (kept.of,),
            )
        columns = _columns(connection, kept.model)
        connection.execute(sql.SQL("insert into {} ({}) select {} from {}").format(old, columns, columns, new))


def empty(connection: Connection, plan: Plan) -> None:
    """Drop the day's own tables, and empty `build`'s of steps on the way, whose rows are of an earlier build."""
    connection.execute("drop schema day cascade")
    for model in plan.passing:
        table = sql.Identifier("build", model)
        if connection.execute(sql.SQL("select from {} limit 1").format(table)).rowcount:
            connection.execute(sql.SQL("truncate {}").format(table))


def _index(connection: Connection, model: str, column: str) -> None:
    """Made by the first build of a day, not by a build of everything, which has no use for it."""
    name = sql.Identifier(f"{model}_families")
    connection.execute(
        sql.SQL("create index if not exists {} on {} ({})").format(
            name, sql.Identifier("build", model), sql.Identifier(column)
        )
    )


def _columns(connection: Connection, model: str) -> sql.Composable:
    rows = connection.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped"
        " order by attnum",
        (f"day.{model}",),
    ).fetchall()
    return sql.SQL(", ").join(sql.Identifier(name) for (name,) in rows)
