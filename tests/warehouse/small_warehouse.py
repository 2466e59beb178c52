"""A warehouse of three small tables and a report, made by hand: what publication and access are tried on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg

from warehouse.increment import unpublished
from warehouse.publish import PublicationSummary, publish

NOW = datetime(2026, 6, 30, 3, 0, tzinfo=UTC)

BUILD_TABLES = """
create table build.administrator_conversion_inquiries (
    inquiry_key text not null,
    clinic_id text not null,
    administrator_id text,
    amount numeric(18, 2)
);
insert into build.administrator_conversion_inquiries
select 'q' || n, 'C' || (n % 3 + 1), 'A' || (n % 2 + 1), n from generate_series(1, 12) as n;
create table build.administrator_conversion_people (
    inquiry_key text not null,
    clinic_id text not null,
    phone text
);
insert into build.administrator_conversion_people
select 'q' || n, 'C' || (n % 3 + 1), '+7900000' || lpad(n::text, 4, '0') from generate_series(1, 12) as n;
create table build.fct_inquiries (inquiry_key text not null, clinic_id text not null, day date);
insert into build.fct_inquiries select 'q' || n, 'C' || (n % 3 + 1), '2026-06-01' from generate_series(1, 12) as n;
"""

REPORT_FILE = """-- report: administrator_conversion
create or replace function reports.administrator_conversion(clinic text default null)
returns table (administrator_id text, inquiries bigint)
language sql
stable
as $$
    select rows.administrator_id, count(*)
    from reports.administrator_conversion_inquiries as rows
    where clinic is null or rows.clinic_id = clinic
    group by rows.administrator_id
$$;
create or replace view reports.administrator_conversion_list with (security_invoker = true) as
select inquiries.inquiry_key, inquiries.clinic_id, people.phone
from reports.administrator_conversion_inquiries as inquiries
left join reports.administrator_conversion_people as people using (inquiry_key);
"""


def model_node(name: str, *, key: list[str], **publish_settings: Any) -> dict[str, Any]:  # noqa: ANN401
    """A model as dbt's manifest has it, as far as publication reads it."""
    block = {"report": "administrator_conversion", "schema": "reports", "clinic_column": "clinic_id", "key": key}
    return {
        "resource_type": "model",
        "name": name,
        "alias": name,
        "description": f"{name}. One row per {key[0]}.",
        "config": {"meta": {"publish": {**block, **publish_settings}}},
        "columns": {key[0]: {"name": key[0], "description": "The key.", "constraints": [{"type": "not_null"}]}},
        "constraints": [],
    }


def default_nodes() -> dict[str, dict[str, Any]]:
    inquiries = model_node(
        "administrator_conversion_inquiries", key=["inquiry_key"], owner_columns=["administrator_id"]
    )
    people = model_node("administrator_conversion_people", key=["inquiry_key"], personal=True)
    people["constraints"] = [
        {
            "type": "foreign_key",
            "columns": ["inquiry_key"],
            "to": '"warehouse"."build"."administrator_conversion_inquiries"',
            "to_columns": ["inquiry_key"],
        }
    ]
    facts = model_node("fct_inquiries", key=["inquiry_key"], schema="marts", report="marts", owner_columns=[])
    nodes = {f"model.chairside.{node['name']}": node for node in (inquiries, people, facts)}
    nodes["model.chairside.int_nobody_reads"] = {"resource_type": "model", "name": "int_nobody_reads", "config": {}}
    return nodes


@dataclass(slots=True)
class Warehouse:
    """A migrated database with build tables, a manifest and a folder of report files."""

    url: str
    folder: Path
    prefix: str
    nodes: dict[str, dict[str, Any]] = field(default_factory=default_nodes)

    def run(self, query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """As the owner, committed."""
        with psycopg.connect(self.url) as connection:
            cursor = connection.execute(query.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def publish(self, now: datetime = NOW) -> PublicationSummary:
        return publish(self.url, self.write_manifest(), run_id="run", now=now, reports=self.folder / "reports")

    def expect_days(self) -> None:
        """As a build of everything leaves it: after the next publication, later ones compare what they are told."""
        with psycopg.connect(self.url) as connection:
            unpublished.begin(connection)

    def write_manifest(self) -> Path:
        manifest = self.folder / "manifest.json"
        text = json.dumps({"nodes": self.nodes})
        # A publication of another thread may be reading it.
        if not manifest.exists() or manifest.read_text(encoding="utf-8") != text:
            manifest.write_text(text, encoding="utf-8")
        return manifest

    def node(self, name: str) -> dict[str, Any]:
        return self.nodes[f"model.chairside.{name}"]

    def role(self, name: str) -> str:
        """Roles belong to the whole server, so each test has names of its own."""
        return f"{self.prefix}_{name}"

    def add(self, name: str, group: str | None = "desk", employee_id: str | None = None) -> str:
        self.run("select access.add_employee(%s, %s, %s, %s)", (self.role(name), "Invented", group, employee_id))
        return self.role(name)

    def connect(self, role: str) -> psycopg.Connection[tuple[Any, ...]]:
        """As an employee, with the password that the owner can read."""
        password = self.run("select access.login_password(%s)", (role,))[0][0]
        parts = urlsplit(self.url)
        server = parts.netloc.rpartition("@")[2]
        login = parts._replace(netloc=f"{quote(role)}:{quote(password)}@{server}").geturl()
        return psycopg.connect(login, autocommit=True)

    def write_report(self, text: str, name: str = "administrator_conversion.sql") -> None:
        (self.folder / "reports").mkdir(exist_ok=True)
        (self.folder / "reports" / name).write_text(text, encoding="utf-8")
