"""A warehouse in which every row is marked, and employees of every kind.

Each row has a canary text, an amount and a big number that occur nowhere else. Which of them an employee may see is
worked out here from the rules (RULES 11, 12.28), not asked of the database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.warehouse.small_warehouse import Warehouse, model_node

CANARY = re.compile(r"cnry[a-z]+[0-9]{4}|9174[0-9]{8}|8263[0-9]{8}")
CLINICS, OWNERS = ("C1", "C2", "C3"), ("A1", "A2")
ROWS_PER_OWNER = 4
CONVERSION, DEALS, MARTS = "administrator_conversion", "top_deals", "marts"


@dataclass(frozen=True, slots=True)
class Relation:
    """A published table: its name, the right that opens it, and what its rows carry."""

    name: str
    report: str
    has_clinic: bool = True
    owner: str | None = None
    personal: bool = False

    @property
    def schema(self) -> str:
        return "marts" if self.report == MARTS else "reports"

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


RELATIONS = (
    Relation("administrator_conversion_inquiries", CONVERSION, owner="administrator_id"),
    Relation("administrator_conversion_people", CONVERSION, owner="administrator_id", personal=True),
    Relation("top_deals_won", DEALS, owner="administrator_id"),
    Relation("fct_inquiries", MARTS, owner="administrator_id"),
    Relation("fct_patients_personal", MARTS, personal=True),
    Relation("fct_spend", MARTS, has_clinic=False),
)
COLUMNS = ("row_key", "clinic_id", "administrator_id", "secret", "amount", "score")
VIEW = "reports.administrator_conversion_list"
FUNCTIONS = ("reports.administrator_conversion", "reports.top_deals")
PUBLISHED_ON = "date '2026-06-30'"  # the day of both publications
REPORT_OBJECTS = {
    "administrator_conversion": CONVERSION, "administrator_conversion_list": CONVERSION, "top_deals": DEALS,
}  # fmt: skip
# Whoever has any right may use these; what the catalog holds beside `OPENED` is closed to everybody.
ANY_RIGHT = "*"
OPENED = {
    **{(schema, relation.name): relation.report for relation in RELATIONS
       for schema in (relation.schema, "history", "as_of")},
    **{(schema, f"{name}{suffix}"): report for name, report in REPORT_OBJECTS.items()
       for schema, suffix in (("reports", ""), ("reports", "_as_of"), ("as_of", ""), ("as_of", "_on"))},
    ("reports", "telling"): ANY_RIGHT, ("history", "publications"): ANY_RIGHT, ("history", "loads"): ANY_RIGHT,
    ("as_of", "publication"): ANY_RIGHT,
    ("as_of", "publication_on"): ANY_RIGHT,
}  # fmt: skip

REPORT_FILES = {
    "administrator_conversion.sql": """-- report: administrator_conversion
create or replace function reports.administrator_conversion(clinic text default null)
returns table (administrator_id text, secret text, amount numeric)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select rows.administrator_id, rows.secret, rows.amount
    from reports.administrator_conversion_inquiries as rows
    where clinic is null or rows.clinic_id = clinic
$$;
create or replace view reports.administrator_conversion_list with (security_invoker = true) as
select inquiries.row_key, inquiries.clinic_id, inquiries.secret, inquiries.amount, people.secret as phone
from reports.administrator_conversion_inquiries as inquiries
left join reports.administrator_conversion_people as people using (row_key);
""",
    "top_deals.sql": """-- report: top_deals
create or replace function reports.top_deals(how_many bigint default 3)
returns table (secret text, amount numeric)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return query select rows.secret, rows.amount from reports.top_deals_won as rows order by rows.amount limit how_many;
end
$$;
""",
    # A formula that tells its argument: harmless as long as it meets no row before the policy does.
    "telling.sql": """-- report: *
create or replace function reports.telling(given text) returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$ begin raise notice 'met %', given; return true; end $$;
""",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One marked row of a relation."""

    relation: Relation
    clinic: str | None
    owner: str
    number: int

    @property
    def canaries(self) -> tuple[str, str, str]:
        return self.secret, str(self.amount), str(self.score)

    @property
    def secret(self) -> str:
        letters = chr(ord("a") + RELATIONS.index(self.relation)) * 3
        return f"cnry{letters}{self.number:04d}"

    @property
    def amount(self) -> int:
        return 917400000000 + RELATIONS.index(self.relation) * 10_000 + self.number * 7

    @property
    def score(self) -> int:
        return 826300000000 + RELATIONS.index(self.relation) * 10_000 + self.number * 11


def rows(relation: Relation) -> Iterator[Row]:
    number = 0
    for clinic in CLINICS:
        for owner in OWNERS:
            for _ in range(ROWS_PER_OWNER):
                number += 1
                yield Row(relation, clinic if relation.has_clinic else None, owner, number)


@dataclass(frozen=True, slots=True)
class Right:
    report: str
    clinics: tuple[str, ...] | None = None
    own_rows_only: bool = False
    personal_data: bool = False

    def shows(self, row: Row, employee_id: str) -> bool:
        relation = row.relation
        return (
            relation.report == self.report
            and (self.clinics is None or row.clinic is None or row.clinic in self.clinics)
            and (not self.own_rows_only or (relation.owner is not None and row.owner == employee_id))
            and (not relation.personal or self.personal_data)
        )


@dataclass(frozen=True, slots=True)
class Employee:
    """A kind of employee. `sometimes`: rights that the churn gives and takes; what they show may be seen or not."""

    name: str
    rights: tuple[Right, ...]
    employee_id: str = "A1"
    sometimes: tuple[Right, ...] = ()

    def sees(self, relation: Relation, *, also: bool = False) -> list[Row]:
        given = (*self.rights, *self.sometimes) if also else self.rights
        return [row for row in rows(relation) if any(right.shows(row, self.employee_id) for right in given)]

    def may_see(self) -> set[str]:
        return {one for relation in RELATIONS for row in self.sees(relation, also=True) for one in row.canaries}

    def opens(self, report: str | None) -> bool:
        """Whether a right on this report is given, if only now and then."""
        given = (*self.rights, *self.sometimes)
        return any(right.report == report for right in given) or (report == ANY_RIGHT and bool(given))

    def always_opens(self, report: str) -> bool:
        return any(right.report == report for right in self.rights)


EMPLOYEES = (
    Employee("director", tuple(Right(report, None, False, True) for report in (CONVERSION, DEALS, MARTS))),
    Employee("marketer", (Right(CONVERSION), Right(DEALS))),
    Employee("head", (Right(CONVERSION, ("C1",), False, True),), sometimes=(Right(DEALS, ("C1",)),)),
    Employee("own", (Right(CONVERSION, ("C1", "C2"), own_rows_only=True),)),
    Employee("masked", (Right(CONVERSION, ("C2",)),), sometimes=(Right(CONVERSION, ("C2", "C3")),)),
    Employee("nobody", ()),
    Employee("analyst", (Right(MARTS, ("C1", "C3")),)),
)


@dataclass(slots=True)
class Town:
    """The warehouse and its employees' roles."""

    warehouse: Warehouse
    roles: dict[str, str] = field(default_factory=dict)

    def role(self, employee: Employee) -> str:
        return self.roles[employee.name]


def settle(warehouse: Warehouse) -> Town:
    """Make the tables, publish them, hire everybody and give the rights."""
    warehouse.nodes.clear()
    for relation in RELATIONS:
        warehouse.run(
            f"drop table if exists build.{relation.name}; create table build.{relation.name} (row_key text not null,"
            " clinic_id text, administrator_id text, secret text, amount numeric(18, 2), score bigint)"
        )
        fill(warehouse, relation)
        node = model_node(
            relation.name, key=["row_key"], schema=relation.schema, report=relation.report, personal=relation.personal,
            clinic_column="clinic_id" if relation.has_clinic else None,
            owner_columns=[relation.owner] if relation.owner else [],
        )  # fmt: skip
        node["config"]["meta"]["publish"]["indexes"] = [["amount"], ["score"], ["secret"]]
        warehouse.nodes[f"model.chairside.{relation.name}"] = node
    for old in (warehouse.folder / "reports").glob("*.sql"):
        old.unlink()
    for name, text in REPORT_FILES.items():
        warehouse.write_report(text, name)
    town = Town(warehouse)
    # What nobody but the owner may see, in the workshop's own tables.
    warehouse.run(
        "insert into staging.rejected_rows (source, reason, row)"
        " values ('files', 'cnryzzz0001', '{\"a\": \"cnryzzz0002\"}');"
        "insert into ops.loads (run_id, source, stream, started_at, status, message)"
        " values ('r', 'files', 's', now(), 'failed', 'cnryzzz0003')"
    )
    # Published twice, so that history holds marked rows too.
    for relation in RELATIONS:
        warehouse.run(f"update build.{relation.name} set amount = -amount")
    warehouse.publish()
    for relation in RELATIONS:
        warehouse.run(f"update build.{relation.name} set amount = -amount")
    warehouse.publish()
    for employee in EMPLOYEES:
        role = warehouse.role(employee.name)
        warehouse.run("select access.add_employee(%s, 'cnryzzz0004', null, %s)", (role, employee.employee_id))
        town.roles[employee.name] = role
        for right in employee.rights:
            give(warehouse, role, right)
    for relation in RELATIONS:
        warehouse.run(f"analyze {relation}")
    return town


def fill(warehouse: Warehouse, relation: Relation) -> None:
    values: list[Sequence[Any]] = [
        (f"{relation.name}-{row.number}", row.clinic, row.owner, row.secret, row.amount, row.score)
        for row in rows(relation)
    ]
    with psycopg.connect(warehouse.url) as connection, connection.cursor() as cursor:
        cursor.executemany(f"insert into build.{relation.name} values (%s, %s, %s, %s, %s, %s)".encode(), values)


def give(warehouse: Warehouse, role: str, right: Right) -> None:
    warehouse.run(
        "select access.allow(%s, %s, %s, %s, %s)",
        (role, right.report, list(right.clinics) if right.clinics else None, right.own_rows_only, right.personal_data),
    )


