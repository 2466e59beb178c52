"""What builds of a day changed and readers do not see yet, by key: for the publication and the gate.

`build.family_unpublished`: `kind` is a model or a kind of record, `key` what its rows are found by in `build`: a
person, a day, the id of a record. `row_key` is the published key of the row that differs; null where any row of `key`
may. A person has many rows and few of them change, so where both are known a publication reads only these. Written in
the transaction that changes the rows; a publication that compares by it holds the table until it ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString

from psycopg import sql

from warehouse.increment.fresh import Connection
from warehouse.increment.plan import Kept

# Models whose rows are told one by one are there already. For the gate, which asks several tables about one of them:
# inquiries, all of a person of whom any row differs, and records. These also where landed rows changed and no row of
# ours did: that may be the fault.
_KEYS: LiteralString = """
insert into build.family_unpublished (kind, key)
select model, key from build.family_differing where key is not null and model <> all (%s)
union
select kind, key from build.family_differing
where key is not null and kind in ('inquiry', 'contact', 'session', 'appointment', 'payment', 'sale', 'deal')
union
select record_kind, record_id from build.family_changed
where record_kind in ('contact', 'session', 'appointment', 'payment', 'sale', 'deal')
union
select 'inquiry', inquiries.inquiry_key
from (
    select person_key, inquiry_key from old.int_inquiries union select person_key, inquiry_key from day.int_inquiries
) as inquiries
where exists (
    select from build.family_differing as differing
    where differing.kind = 'person' and differing.key = inquiries.person_key
)
on conflict do nothing
"""


def begin(connection: Connection) -> None:
    """After a build of everything: whatever differs, the next publication compares all."""
    connection.execute("drop table if exists build.family_unpublished")
    connection.execute(
        "create unlogged table build.family_unpublished"
        " (kind text not null, key text not null, row_key text, unique nulls not distinct (kind, key, row_key))"
    )


def tell_rows(connection: Connection, kept: Kept, *, is_old: bool) -> None:
    """Tell each row of a model that differs, where its published key is known. The old ones before they are deleted."""
    if kept.row_key is None:
        return
    connection.execute(
        sql.SQL(
            "insert into build.family_unpublished (kind, key, row_key)"
            " select differing.model, differing.key, differs.{row_key} from build.family_differing as differing"
            " inner join {table} as differs on differs.ctid = differing.place"
            " where differing.model = {model} and differing.is_old = {is_old} on conflict do nothing"
        ).format(
            row_key=sql.Identifier(kept.row_key), model=sql.Literal(kept.model), is_old=sql.Literal(is_old),
            table=sql.Identifier("build" if is_old else "day", kept.model),
        )
    )  # fmt: skip


def tell_keys(connection: Connection, kept: Sequence[Kept]) -> None:
    """Tell what is told by key, after the rows."""
    connection.execute(_KEYS, ([each.model for each in kept if each.row_key is not None],))
    connection.execute("analyze build.family_unpublished")
