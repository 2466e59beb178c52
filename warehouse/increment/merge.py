"""The families' rows that differ take the place of their old ones in `build`, all tables in one transaction."""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from extractors.core.errors import GuardError
from warehouse.increment import compare, unpublished
from warehouse.increment.fresh import Connection
from warehouse.increment.plan import ITSELF, Kept, Plan
from warehouse.increment.scope import run

# What the families' rows of these models name: now (`day`) and in the last build (`build`), each kind after those that
# its models are kept by. A person is whom any of the records is of.
_NAMED_BY: tuple[tuple[str, tuple[tuple[str, LiteralString], ...]], ...] = (
    # of contacts too that an appointment names and nobody landed
    ("contact", (("int_appointments", "contact_id"),)),
    ("person", (
        ("int_contact_persons", "person_key"), ("fct_sessions", "person_key"),
        ("int_patient_cards", "'patient:' || person_patient_id"), ("int_appointments", "person_key"),
        ("int_payments", "person_key"), ("int_sales", "person_key"), ("int_deals", "person_key"),
        ("int_stage_persons", "person_key"),
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
    """Name in `build.family_keys` every key that rows of the families have, or had in the last build, once per kind.

    The old rows that say so are kept in schema `old`.
    """
    compare.prepare(connection)
    run(connection, _RECORDS)
    for kind, models in _NAMED_BY:
        named = []
        for model, expression in models:
            kept, key = plan.kept_by_name[model], sql.SQL(expression)
            named.append(sql.SQL("select {} as key from {}").format(key, sql.Identifier("day", model)))
            if _says_old_keys(kept, kind):
                compare.keep_old(connection, kept)
                named.append(sql.SQL("select {} as key from {}").format(key, sql.Identifier("old", model)))
        connection.execute(
            sql.SQL(
                "insert into build.family_keys (kind, key) select {0}, key from ({1}) as named where key is not null"
                " and not exists"
                " (select from build.family_keys as known where known.kind = {0} and known.key = named.key)"
            ).format(sql.Literal(kind), sql.SQL(" union ").join(named))
        )
        connection.execute("analyze build.family_keys")


def not_compared(plan: Plan) -> list[Kept]:
    """Models whose old rows neither `name_keys` nor `sums.recall` reads."""
    read = {
        model for kind, models in _NAMED_BY for model, _ in models if _says_old_keys(plan.kept_by_name[model], kind)
    }
    return [kept for kept in plan.kept if kept.of != ITSELF and kept.model not in read.union(plan.recalled)]


def merge(connection: Connection, plan: Plan) -> None:
    """Replace the rows of every kept model that differ. One transaction of the caller.

    Raises GuardError where rows that were compared are gone: somebody else writes in `build`.
    """
    connection.execute("create index on build.family_differing (model)")
    connection.execute("analyze build.family_differing")
    differing = dict(
        connection.execute(
            "select model, count(*) filter (where is_old) from build.family_differing group by model"
        ).fetchall()
    )
    for kept in plan.kept:
        old, new = sql.Identifier("build", kept.model), sql.Identifier("day", kept.model)
        columns = sql.SQL(", ").join(map(sql.Identifier, compare.columns_of(connection, kept.model)))
        if kept.of == ITSELF:
            same = sql.SQL(" and ").join(
                sql.SQL("old.{0} is not distinct from new.{0}").format(sql.Identifier(column))
                for column in kept.columns
            )
            connection.execute(sql.SQL("delete from {} as old using {} as new where {}").format(old, new, same))
            connection.execute(sql.SQL("insert into {} ({}) select {} from {}").format(old, columns, columns, new))
        elif kept.model in differing:
            unpublished.tell_rows(connection, kept, is_old=True)
            unpublished.tell_rows(connection, kept, is_old=False)
            deleted = connection.execute(
                sql.SQL(
                    "delete from {} as old using build.family_differing as differing"
                    " where differing.model = {} and differing.is_old and old.ctid = differing.place"
                ).format(old, sql.Literal(kept.model))
            ).rowcount
            if deleted != differing[kept.model]:
                raise GuardError(
                    f"build.{kept.model}: {differing[kept.model] - deleted} rows that this build compared are gone."
                    " Something else writes in schema build. The last build stays; load again"
                )
            connection.execute(
                sql.SQL(
                    "insert into {} ({}) select {} from {} as new where new.ctid in"
                    " (select place from build.family_differing where model = {} and not is_old)"
                ).format(old, columns, columns, new, sql.Literal(kept.model))
            )
    unpublished.tell_keys(connection, plan.kept)


def empty(connection: Connection, plan: Plan) -> None:
    """Drop the day's own tables, and empty `build`'s of steps on the way, whose rows are of an earlier build."""
    connection.execute("drop schema day cascade")
    for model in plan.passing:
        table = sql.Identifier("build", model)
        if connection.execute(sql.SQL("select from {} limit 1").format(table)).rowcount:
            connection.execute(sql.SQL("truncate {}").format(table))


def _says_old_keys(kept: Kept, kind: str) -> bool:
    """Whether a model's old rows name keys of this kind, and are not found by these very keys."""
    return kept.of != kind
