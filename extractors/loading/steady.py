"""What never changes within an advertising account: its currency and its time zone.

Rows that suddenly name another one would be added up with the old ones as if they were the same money and the same
days. So they are compared with what is landed before anything is written.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from extractors.core.errors import GuardError
from extractors.core.spec import StreamSpec, Window


def refuse_changed_accounts(cursor: psycopg.Cursor[Any], spec: StreamSpec, window: Window) -> None:
    """Compare the temporary table `incoming` with the newest landed row of each account, and with itself.

    Raises GuardError naming the first account and column that differ. A stream that declares no account is not asked.
    """
    if spec.account is None:
        return
    account = sql.Identifier(spec.account)
    for column in map(sql.Identifier, spec.steady):
        cursor.execute(
            sql.SQL(
                "with known as (select distinct on ({account}) {account} as account, {column} as said from {target}"
                " order by {account}, {day} desc, _loaded_at desc),"
                " coming as (select distinct {account} as account, {column} as said from incoming)"
                " select coming.account, known.said, coming.said from coming"
                " join (select * from known union select * from coming) as known using (account)"
                " where known.said is distinct from coming.said order by 1, 2, 3 limit 1"
            ).format(
                account=account, column=column, target=sql.Identifier("staging", spec.table),
                day=sql.Identifier(spec.window_column or spec.key[0]),
            )
        )
        differs = cursor.fetchone()
        if differs is not None:
            raise GuardError(
                f"{spec.source} {spec.name} {window}: the account {differs[0]} had {column.as_string(None)}"
                f" {differs[1]!r} and now has {differs[2]!r}. Nothing was written. If the account really changed, run"
                " it once with the setting `allow_account_change`, then reload the days that shall be told anew."
            )
