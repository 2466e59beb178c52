"""What was told of each clinic, so that only clinics whose sales changed are looked at again.

`build.forecast_clinics` keeps of a clinic its sales as a hash, the rows that follow from them, and the outlooks that
were computed on the way: those need whole months and change once a month, what is told of weeks changes with every
sale. Refused: the tables themselves as the state; every build empties them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from psycopg import sql

from warehouse.forecast.outlook import outlook
from warehouse.forecast.series import Connection
from warehouse.forecast.weeks import Floats

# Rows by the table of `build` that they go to.
Told = Mapping[str, Sequence[Mapping[str, Any]]]
TABLES = ("service_dips_series", "service_dips_found", "lead_plan_dips", "lead_plan_months")
_COMPUTED_BY = ("numpy", "scipy", "statsmodels")

# Unlogged like all of `build`: what a crash empties is computed anew.
STATE = """
    create unlogged table if not exists build.forecast_clinics (
        clinic_id text primary key, content text not null, told jsonb not null, outlooks jsonb not null
    )
"""
# All of a sale that `read` and the persons of a dip rest on; a sum of hashes does not ask for an order.
CONTENTS = """
    select clinic_id, md5(concat_ws(' ', %(code)s::text, count(*), sum(hashtextextended(
        jsonb_build_array(item_type, sold_date, coalesce(person_key, sale_id), amount, currency)::text, 0
    ))))
    from build.fct_sales
    where sold_date < %(today)s and amount is not null
    group by clinic_id
"""
KEEP = """
    insert into build.forecast_clinics (clinic_id, content, told, outlooks)
    values (%(clinic_id)s, %(content)s, %(told)s, %(outlooks)s)
    on conflict (clinic_id) do update
    set content = excluded.content, told = excluded.told, outlooks = excluded.outlooks
"""
WRITE = """
    insert into {table}
    select told.*
    from build.forecast_clinics as clinics
    cross join jsonb_populate_recordset(null::{table}, clinics.told -> {name}) as told
"""


class Outlooks:
    """Outlooks of months, each computed once: `ahead(values)` is `outlook(values)`.

    An outlook is found by the bytes of its values, so a late sale of a month long gone is no exception.
    """

    def __init__(self, computed: Mapping[str, Sequence[float]], compute: Callable[[Floats], Floats] = outlook) -> None:
        self._before = computed
        self._compute = compute
        self.used: dict[str, list[float]] = {}

    def __call__(self, values: Floats) -> Floats:
        """The next months of a series of whole months (`warehouse.forecast.outlook`)."""
        content = hashlib.md5(values.tobytes(), usedforsecurity=False).hexdigest()
        if content not in self.used:
            before = self._before.get(content)
            self.used[content] = self._compute(values).tolist() if before is None else list(before)
        return np.array(self.used[content], dtype=np.float64)


@cache
def code() -> str:
    """Of all that decides what follows from the same sales: our files here, and the libraries that they call."""
    found = hashlib.sha256(" ".join(version(name) for name in _COMPUTED_BY).encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def changed(connection: Connection, today: date) -> dict[str, str]:
    """Clinics whose sales before `today` are not those that were told of last, each with a hash of what they are now.

    Clinics without a sale any more are forgotten.
    """
    connection.execute(STATE)
    now: dict[str, str] = dict(connection.execute(CONTENTS, {"code": code(), "today": today}).fetchall())
    connection.execute("delete from build.forecast_clinics where clinic_id <> all (%s)", (list(now),))
    was: dict[str, str] = dict(connection.execute("select clinic_id, content from build.forecast_clinics").fetchall())
    return {clinic_id: content for clinic_id, content in now.items() if was.get(clinic_id) != content}


def outlooks_of(connection: Connection, clinic_id: str) -> Outlooks:
    """Those that were computed for a clinic last time."""
    row = connection.execute(
        "select outlooks from build.forecast_clinics where clinic_id = %s and outlooks ->> 'code' = %s",
        (clinic_id, code()),
    ).fetchone()
    return Outlooks(row[0]["computed"] if row else {})


def keep(connection: Connection, clinic_id: str, content: str, told: Told, outlooks: Outlooks) -> None:
    """What was told of a clinic, and whence."""
    connection.execute(
        KEEP,
        {
            "clinic_id": clinic_id,
            "content": content,
            # dates, and money as decimals, by their words: never a float
            "told": json.dumps(told, default=str),
            "outlooks": json.dumps({"code": code(), "computed": outlooks.used}),
        },
    )


def write(connection: Connection) -> dict[str, int]:
    """Replace all rows of the tables by what is told of all clinics. Returns how many rows each has."""
    rows = {}
    for name in TABLES:
        table = sql.Identifier("build", name)
        connection.execute(sql.SQL("delete from {}").format(table))
        written = connection.execute(sql.SQL(WRITE).format(table=table, name=sql.Literal(name)))
        rows[name] = written.rowcount
    return rows
