"""Who is to be forgotten: a person key, phone or e-mail becomes everything that identifies the person.

Read from what the last build said of people (RULES section 1). An identifier that somebody else's card carries too, or
that a list of employees or counterparties has, stays theirs: in the person's own rows it is replaced all the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import psycopg
from psycopg import sql

from extractors.core.errors import ConfigError
from extractors.core.forgotten import Role
from extractors.phones import to_e164

Asked = Literal["person key", "phone", "email"]

CATEGORIES: dict[Role, str] = {
    "phone": "номер телефона",
    "email": "адрес электронной почты",
    "name": "фамилия, имя, отчество",
    "patient": "номер карточки пациента",
    "client": "идентификатор посетителя сайта",
    "crm": "номер контакта в CRM",
}


@dataclass(slots=True)
class Found:
    """Everything that identifies one person.

    `keys`: person keys. `derived`: keys that were computed from them. `traces`: addresses of recordings, click ids.
    `deals`: their numbers; tables of a deal's own words name nothing else of the person.
    `birth_dates` count only beside something else of the person: others are born on that day too.
    """

    keys: set[str] = field(default_factory=set)
    identifiers: set[tuple[Role, str]] = field(default_factory=set)
    derived: set[str] = field(default_factory=set)
    traces: set[str] = field(default_factory=set)
    deals: set[str] = field(default_factory=set)
    birth_dates: set[date] = field(default_factory=set)

    def values(self, role: Role) -> list[str]:
        return sorted(value for own, value in self.identifiers if own == role)


def find_person(connection: psycopg.Connection[Any], person: str) -> Found:
    """Everything known of `person`, who may be named by key, phone or e-mail.

    ConfigError: nobody is known by that, several people are, nothing tells who it is, or nothing was built yet.
    """
    built = connection.execute("select to_regclass('build.int_record_persons') is not null").fetchone()
    if built != (True,):
        raise ConfigError("Nothing was built yet, so nobody is known here. Load first.")
    asked, value = understood(connection, person)
    found = Found(keys=keys_of(connection, asked, value))
    if not found.keys:
        raise ConfigError(f"Nobody here has this {asked}. A person key is in reports.inquiry_history.person_key.")
    if len(found.keys) > 1:
        raise ConfigError(
            f"This {asked} belongs to {len(found.keys)} people. Name one of them by person key (find them in"
            f" reports.why_one_person or reports.inquiry_history), or each in turn."
        )
    if any(key.startswith(("employee:", "counterparty:")) for key in found.keys):
        raise ConfigError("This is an employee or a counterparty: take the row out of the clinic's own list instead.")
    if asked != "person key":
        found.identifiers.add(("phone" if asked == "phone" else "email", value))
    collect(connection, found)
    if not (found.identifiers or found.deals):
        raise ConfigError(
            f"Nobody is known behind this {asked}: its records hold no card, name, phone, e-mail or visitor of a site."
            " A load could not tell them again. Take the words out of them where they come from."
        )
    return found


def understood(connection: psycopg.Connection[Any], person: str) -> tuple[Asked, str]:
    """What was given, and its normal form."""
    given = person.strip()
    if re.fullmatch(r"[^@\s:]+@[^@\s]+", given):
        return "email", given.lower()
    row = connection.execute("select value from staging.settings where name = 'phone_region'").fetchone()
    if not re.match(r"[a-z_]+:", given) and (number := to_e164(given, (row and row[0]) or "RU")):
        return "phone", number
    return "person key", given


def keys_of(connection: psycopg.Connection[Any], asked: Asked, value: str) -> set[str]:
    """Keys of the people whom the last build knows by this."""
    if asked == "person key":
        query = """
            select 'patient:' || person_patient_id from build.int_patient_cards
            where 'patient:' || patient_id = %(value)s
            union select person_key from build.int_contact_persons where person_key = %(value)s
            union select person_key from build.int_record_persons where person_key = %(value)s
            -- a patient whose card nobody landed
            union select person_key from build.int_appointments where person_key = %(value)s
            union select person_key from build.client_path_steps where person_key = %(value)s
        """
        return {row[0] for row in connection.execute(query, {"value": value})}
    owners = """
        select 'patient:' || person_patient_id from build.int_identifier_owners where identifier = %(value)s
        union select listed_person_key from build.int_identifiers
        where identifier = %(value)s and listed_person_key is not null
    """
    users = """
        select records.person_key
        from build.int_identifier_uses as uses
        inner join build.int_record_persons as records using (record_kind, record_id)
        where uses.identifier = %(value)s
    """
    given = {"value": f"{asked}:{value}"}
    keys = {row[0] for row in connection.execute(owners, given)}
    return keys or {row[0] for row in connection.execute(users, given)}


# The person's records, by what they were resolved to and by what their identifiers alone say.
RECORDS = """
    create temporary table forget_records on commit drop as
    select 'contact' as record_kind, contact_id as record_id
    from build.int_contact_persons where person_key = any(%(keys)s)
    union select record_kind, record_id from build.int_record_persons
    where person_key = any(%(keys)s)
        and not exists (
            select from build.int_contact_persons as named
            where record_kind = 'contact' and named.contact_id = record_id and named.person_key <> all(%(keys)s)
        )
    union select 'deal', deal_id from build.int_deals where person_key = any(%(keys)s)
"""


TRACES = (
    "select recording_url from build.int_contacts_unioned inner join pg_temp.forget_records"
    " on record_kind = 'contact' and record_id = contact_id where length(recording_url) > 8",
    "select regexp_replace(recording_url, '^.*/', '') from build.int_contacts_unioned inner join pg_temp.forget_records"
    " on record_kind = 'contact' and record_id = contact_id where recording_url ~ '/[^/]{8,}$'",
    "select regexp_replace(click_id, '^.*:', '') from build.int_contacts_unioned inner join pg_temp.forget_records"
    " on record_kind = 'contact' and record_id = contact_id where length(click_id) > 8",
    "select regexp_replace(click_id, '^.*:', '') from build.int_sessions_unioned inner join pg_temp.forget_records"
    " on record_kind = 'session' and record_id = session_id where length(click_id) > 8",
)


def collect(connection: psycopg.Connection[Any], found: Found) -> None:
    """Add what identifies the people of `found.keys`. Once per transaction."""
    keys = {"keys": sorted(found.keys)}
    connection.execute(RECORDS, keys)
    found.identifiers |= {("patient", key.removeprefix("patient:")) for key in found.keys if key.startswith("patient:")}
    cards = connection.execute(
        "select patient_id, full_name, phones_e164, emails, birth_date from build.int_patient_cards"
        " where 'patient:' || person_patient_id = any(%(keys)s)", keys,
    ).fetchall()  # fmt: skip
    for patient_id, full_name, phones, emails, birth_date in cards:
        found.identifiers.add(("patient", patient_id))
        found.identifiers |= {("phone", one) for one in phones or [] if one}
        found.identifiers |= {("email", one.strip().lower()) for one in emails or [] if one and one.strip()}
        if full_name and full_name.strip():
            found.identifiers.add(("name", full_name.strip()))
        if birth_date is not None:
            found.birth_dates.add(birth_date)
    roles: dict[str, Role] = {"phone": "phone", "email": "email", "client": "client"}
    for (identifier,) in connection.execute(
        "select distinct identifier from build.int_identifier_uses as uses"
        " inner join pg_temp.forget_records using (record_kind, record_id)"
    ).fetchall():
        kind, _, value = identifier.partition(":")
        found.identifiers.add((roles[kind], value))
    for (name,) in connection.execute(
        "select distinct client_name from build.int_deals inner join pg_temp.forget_records"
        " on record_kind = 'deal' and record_id = deal_id where nullif(trim(client_name), '') is not null"
    ).fetchall():
        found.identifiers.add(("name", name.strip()))
    deals = connection.execute("select record_id from pg_temp.forget_records where record_kind = 'deal'").fetchall()
    found.deals |= {deal for (deal,) in deals}
    for query in TRACES:
        found.traces |= {trace for (trace,) in connection.execute(query).fetchall()}
    found.identifiers -= _theirs(connection, found)
    _collect_crm(connection, found)
    collect_derived(connection, found)


def _theirs(connection: psycopg.Connection[Any], found: Found) -> set[tuple[Role, str]]:
    """Phones and e-mails that somebody else's card or a list has too."""
    given = {f"{role}:{value}" for role, value in found.identifiers if role in ("phone", "email")}
    rows = connection.execute(
        "select identifier from build.int_identifier_owners"
        " where identifier = any(%(given)s) and 'patient:' || person_patient_id <> all(%(keys)s)"
        " union select identifier from build.int_identifiers"
        " where identifier = any(%(given)s) and listed_person_key is not null",
        {"given": sorted(given), "keys": sorted(found.keys)},
    ).fetchall()
    theirs: set[tuple[Role, str]] = set()
    for (identifier,) in rows:
        kind, _, value = identifier.partition(":")
        theirs.add(("phone" if kind == "phone" else "email", value))
    return theirs


def _collect_crm(connection: psycopg.Connection[Any], found: Found) -> None:
    given = {"phones": found.values("phone"), "emails": found.values("email")}
    for source, name in (("amocrm", "name"), ("bitrix24", "concat_ws(' ', first_name, last_name)")):
        table = f"staging.{source}__contacts"
        if connection.execute("select to_regclass(%s)", (table,)).fetchone() == (None,):
            continue
        for contact_id, full_name in connection.execute(
            sql.SQL(
                "select contact_id, {} from {}"
                " where phones_e164 && %(phones)s::text[] or lower(emails::text)::text[] && %(emails)s::text[]"
            ).format(sql.SQL(name), sql.Identifier("staging", f"{source}__contacts")),
            given,
        ).fetchall():
            found.identifiers.add(("crm", f"{source}:{contact_id}"))
            if full_name and full_name.strip():
                found.identifiers.add(("name", full_name.strip()))


def collect_derived(connection: psycopg.Connection[Any], found: Found) -> None:
    """Keys that were computed from the person's key or identifiers, in any table: a hash of a phone is a phone still.

    A key counts where no row of it is somebody else's. First those beside the person key, then those beside an inquiry.
    Not that of a conversion, which is the number of a payment, an appointment or a deal: the next build finds by it
    what it has to replace.
    In the past a person may have a key from before the card was known: that of a phone, an e-mail or a site's visitor.
    """
    earlier: set[str] = set()
    for role in ("phone", "email", "client"):
        for value in found.values(role):
            for kind in ("identifier", "shared", "anonymous"):
                row = connection.execute("select ops.opaque_key(%s, %s)", (kind, f"{role}:{value}")).fetchone()
                earlier.add(str(row and row[0]))
    found.derived |= earlier
    for anchor, known in (("person_key", found.keys), ("inquiry_key", found.derived)):
        for schema, table, column in connection.execute(
            """
            select columns.table_schema, columns.table_name, columns.column_name
            from information_schema.columns
            inner join information_schema.tables using (table_schema, table_name)
            where columns.column_name like '%%\\_key'
                and columns.column_name not in (%(anchor)s, 'person_key', 'conversion_key')
                and columns.data_type = 'text'
                and tables.table_type = 'BASE TABLE'
                and columns.table_schema not in ('pg_catalog', 'information_schema', 'staging')
                and columns.table_schema not like 'pg\\_t%%'
                and exists (
                    select from information_schema.columns as anchors
                    where anchors.table_schema = columns.table_schema and anchors.table_name = columns.table_name
                        and anchors.column_name = %(anchor)s and anchors.data_type = 'text'
                )
            """,
            {"anchor": anchor},
        ).fetchall():
            name = sql.SQL(
                "select {c} from {t} where {a} = any(%(known)s) and {c} is not null"
                " except select {c} from {t} where ({a} <> all(%(known)s) or {a} is null) and {c} is not null"
            ).format(
                c=sql.Identifier(column), a=sql.Identifier(anchor),
                t=sql.Identifier(schema, table),
            )  # fmt: skip
            names = known | earlier if schema == "history" else known
            found.derived |= {row[0] for row in connection.execute(name, {"known": sorted(names)})}
