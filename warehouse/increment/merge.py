"""The new rows of the families take the place of their old ones in `build`, all tables in one transaction."""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from warehouse.increment.plan import ITSELF, RECORD, Plan
from warehouse.increment.scope import Connection, run

# Keys of each kind that rows of the scope have now (`day`) or had (`build`). A person is whom any of the records is of.
_KEYS: LiteralString = """
drop table if exists build.family_keys;
create unlogged table build.family_keys as
select record_kind as kind, record_id as key from build.family_scope;
insert into build.family_keys (kind, key)
select distinct 'person', of_records.person_key
from (
    select person_key from day.int_contact_persons
    union all
    select person_key from day.int_session_persons
    union all
    select 'patient:' || person_patient_id from day.int_patient_cards
    union all
    select person_key from day.int_appointments
    union all
    select person_key from day.int_payments
    union all
    select person_key from day.int_sales
    union all
    select person_key from day.int_deals
    union all
    select rows.person_key from build.int_contact_persons as rows
    inner join build.family_scope as scope on scope.record_kind = 'contact' and rows.contact_id = scope.record_id
    union all
    select rows.person_key from build.int_session_persons as rows
    inner join build.family_scope as scope on scope.record_kind = 'session' and rows.session_id = scope.record_id
    union all
    select 'patient:' || rows.person_patient_id from build.int_patient_cards as rows
    inner join build.family_scope as scope on scope.record_kind = 'patient' and rows.patient_id = scope.record_id
    union all
    select rows.person_key from build.int_appointments as rows
    inner join build.family_scope as scope
        on scope.record_kind = 'appointment' and rows.appointment_id = scope.record_id
    union all
    select rows.person_key from build.int_payments as rows
    inner join build.family_scope as scope on scope.record_kind = 'payment' and rows.payment_id = scope.record_id
    union all
    select rows.person_key from build.int_sales as rows
    inner join build.family_scope as scope on scope.record_kind = 'sale' and rows.sale_id = scope.record_id
    union all
    select rows.person_key from build.int_deals as rows
    inner join build.family_scope as scope on scope.record_kind = 'deal' and rows.deal_id = scope.record_id
) as of_records
where of_records.person_key is not null;
analyze build.family_keys;
insert into build.family_keys (kind, key)
select distinct 'card_person', of_cards.person_patient_id
from (
    select person_patient_id from day.int_patient_cards
    union all
    select rows.person_patient_id from build.int_patient_cards as rows
    inner join build.family_scope as scope on scope.record_kind = 'patient' and rows.patient_id = scope.record_id
) as of_cards;
insert into build.family_keys (kind, key)
select 'identifier', identifier from day.int_identifiers
union
select 'identifier', rows.identifier from build.int_identifier_owners as rows
inner join build.family_keys as keys on keys.kind = 'card_person' and rows.person_patient_id = keys.key;
analyze build.family_keys;
insert into build.family_keys (kind, key)
select distinct of_persons.kind, of_persons.key
from (
    select 'inquiry' as kind, inquiry_key as key, person_key from build.int_inquiries
    union all
    select 'inquiry' as kind, inquiry_key as key, person_key from day.int_inquiries
    union all
    select 'link' as kind, link_key as key, person_key from build.why_one_person_links
    union all
    select 'link' as kind, link_key as key, person_key from day.why_one_person_links
) as of_persons
inner join build.family_keys as persons on persons.kind = 'person' and of_persons.person_key = persons.key;
insert into build.family_keys (kind, key)
select distinct 'contact_person', of_contacts.contact_person_key
from (
    select contact_id, contact_person_key from build.inquiry_history_contacts
    union all
    select contact_id, contact_person_key from day.inquiry_history_contacts
) as of_contacts
inner join build.family_keys as contacts on contacts.kind = 'contact' and of_contacts.contact_id = contacts.key;
insert into build.family_keys (kind, key)
select 'conversion', conversion.name || ':' || scope.record_id
from build.family_scope as scope
inner join (
    values ('appointment', 'booking'), ('appointment', 'first_visit'), ('deal', 'deal'), ('payment', 'payment')
) as conversion (record_kind, name) on scope.record_kind = conversion.record_kind;
analyze build.family_keys;
"""


def name_keys(connection: Connection) -> None:
    """Name in `build.family_keys` every key that rows of the families have, or had in the last build."""
    run(connection, _KEYS)


def merge(connection: Connection, plan: Plan) -> int:
    """Replace the families' rows of every kept model. Returns how many rows went in. One transaction of the caller."""
    inserted = 0
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
        inserted += connection.execute(
            sql.SQL("insert into {} ({}) select {} from {}").format(old, columns, columns, new)
        ).rowcount
    return inserted


def empty(connection: Connection, plan: Plan) -> None:
    """Empty the day's own tables, and `build`'s rows of steps on the way, which are of an earlier build."""
    tables = [sql.Identifier("build", model) for model in plan.passing]
    tables += [sql.Identifier("day", model) for model in plan.families]
    connection.execute(sql.SQL("truncate {}").format(sql.SQL(", ").join(tables)))


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
