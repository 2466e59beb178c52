"""The attribution models' own SQL over journeys written by hand: dbt compiles them, and each becomes a view.

Two tables are filled: conversions and touches. Everything after them, down to `reports.attribution`, is the product's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.json import Jsonb

from warehouse.dbt import common_arguments, dbt_environment
from warehouse.migrate import migrate

REPORTS = Path(__file__).resolve().parents[2] / "warehouse" / "reports"
READ_BY_PEOPLE = ("attribution.sql", "attribution_credits.sql", "attribution_markov_credits.sql")
WANTED = (
    "fct_attribution_touches", "fct_attribution_effects", "dim_attribution_players", "attribution_conversions",
    "attribution_touches", "attribution_players", "attribution_effects",
)  # fmt: skip
SCHEMAS = {"attribution": "reports", "fct": "marts", "dim": "marts"}  # by the first word of a model's name
AT = datetime(2026, 6, 30, 12, tzinfo=UTC)
TABLES = """
create table build.int_conversions (
    conversion_key text, conversion text, record_id text, person_key text, clinic_id text, converted_at timestamptz,
    converted_date date, amount numeric, conversions integer, first_booked_at timestamptz
);
create table build.fct_touches (
    person_key text, touched_at timestamptz, touch_kind text, record_id text, channel text, source text, medium text,
    campaign text, is_known boolean
);
-- none: they only say which paths are of the channel report's chain too
create table build.int_inquiries (person_key text, people_group text);
create table reports.attribution_spend (
    spend_date date, clinic_id text, channel text, source text, campaign text, spend numeric
);
"""


@dataclass(frozen=True, slots=True)
class Journey:
    """Channels in time, a day apart, the last one `days_before` the conversion. `amount` None: nobody converts."""

    channels: tuple[str, ...]
    amount: Decimal | None = Decimal(100)
    days_before: int = 0
    kinds: tuple[str, ...] = ()  # of each touch; sessions where not told
    first_booked_touch: int | None = None  # the booking follows this touch, from 1


@dataclass(slots=True)
class Chain:
    """A connection that sees the views. State: the journeys written last."""

    connection: psycopg.Connection[Any]

    def write(self, journeys: Sequence[Journey]) -> None:
        """In the open transaction; what was written before is gone."""
        conversions, touches = [], []
        for number, journey in enumerate(journeys):
            person, length = f"patient:{number}", len(journey.channels)
            at = [AT - timedelta(days=journey.days_before + length - place) for place in range(1, length + 1)]
            for place, channel in enumerate(journey.channels):
                touches.append(
                    {
                        "person_key": person, "touched_at": at[place].isoformat(),
                        "record_id": f"t{number}-{place:02d}",
                        "touch_kind": (journey.kinds or ("session",) * length)[place], "channel": channel,
                        "source": f"{channel}-source", "is_known": True,
                    }
                )  # fmt: skip
            booked = journey.first_booked_touch
            if journey.amount is not None:
                conversions.append(
                    {
                        "conversion_key": f"booking:{number}", "conversion": "booking", "record_id": str(number),
                        "person_key": person, "clinic_id": "C1", "converted_at": AT.isoformat(),
                        "converted_date": AT.date().isoformat(), "amount": str(journey.amount), "conversions": 1,
                        "first_booked_at": (at[booked - 1] if booked and length else AT).isoformat(),
                    }
                )  # fmt: skip
        for table, rows in (("int_conversions", conversions), ("fct_touches", touches)):
            self.connection.execute(f"truncate build.{table}".encode())
            self.connection.execute(
                f"insert into build.{table} select * from jsonb_populate_recordset(null::build.{table}, %s)".encode(),
                (Jsonb(rows),),
            )

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query.encode()).fetchall()

    def shares(self, model: str, journeys: Sequence[Journey]) -> dict[str, Decimal]:
        """Conversions by channel in `reports.attribution`."""
        with self.connection.transaction(force_rollback=True):
            self.write(journeys)
            if not model.startswith("markov"):  # no other model reads the effects, which take long to find
                for table in ("attribution_players", "attribution_effects"):
                    self.connection.execute(f"alter view reports.{table} rename to {table}_unasked".encode())
                    self.connection.execute(
                        f"create table reports.{table} as table reports.{table}_unasked with no data".encode()
                    )
            return dict(
                self.ask(
                    "select channel, conversions from reports.attribution(date '2026-01-01', date '2026-12-31',"
                    f" 'booking', level => 'channel') where model = '{model}' and conversions > 0"
                )
            )  # fmt: skip


def make_chain(url: str, folder: Path) -> None:
    """The compiled models as views in a database of their own."""
    migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES.encode())
        for statement in _views(url, folder):
            connection.execute(statement.encode())
        for file in READ_BY_PEOPLE:
            connection.execute((REPORTS / file).read_bytes())


def _views(url: str, folder: Path) -> list[str]:
    """What makes each model between the two tables and those wanted a view, in an order that works."""
    from dbt.cli.main import dbtRunner

    between = [f"int_conversions+,+{name}" for name in WANTED] + [f"fct_touches+,+{name}" for name in WANTED]
    arguments = ["compile", *common_arguments(folder), "--select", *between]
    with dbt_environment(url):
        result = dbtRunner().invoke([*arguments, "--exclude", "int_conversions", "fct_touches"])
    assert result.success, result.exception
    nodes = {run.node.unique_id: run.node for run in result.result if run.node.resource_type == "model"}
    ordered: list[str] = []
    while len(ordered) < len(nodes):
        ordered += [
            key
            for key, node in nodes.items()
            if key not in ordered and all(of in ordered for of in node.depends_on.nodes if of in nodes)
        ]
    schemas = {key: SCHEMAS.get(nodes[key].name.partition("_")[0], "build") for key in ordered}
    # Some queries are texts that functions run: they must not name the database that copies are made of.
    here = f'"{conninfo_to_dict(url)["dbname"]}".'
    return [
        f"create view {schemas[key]}.{nodes[key].name} as {nodes[key].compiled_code.replace(here, '')}"
        for key in ordered
    ]
