"""Every lint is silent on a sound warehouse and fires when its rule is broken."""

from __future__ import annotations

import pytest

from extractors.core.errors import GuardError
from tests.warehouse.small_warehouse import Warehouse
from warehouse.lint import read_lints, require_no_findings, run_lints

INQUIRIES = "reports.administrator_conversion_inquiries"

# Lint → ways to break its rule; {anna} is an employee with a right, {other} a role that is no employee.
BREACHES: dict[str, list[str]] = {
    "published_table_without_row_security": [
        f"alter table {INQUIRIES} disable row level security",
        f"alter table {INQUIRIES} force row level security",
        "create table marts.made_by_hand (id int); alter table marts.made_by_hand enable row level security",
        "create materialized view reports.totals as select 1 as one",
    ],
    "policy_without_right": [
        f"create policy open on {INQUIRIES} for select to public using (true)",
        f"create policy open on {INQUIRIES} for select to {{anna}} using (true)",
        f"alter policy {{anna}} on {INQUIRIES} using (true)",
        f"drop policy {{anna}} on {INQUIRIES}",
        "create policy open on marts.fct_inquiries to {other} using (true)",
    ],
    "policy_cannot_be_spread": [
        f"create policy open on {INQUIRIES} for select to {{anna}}"
        " using (clinic_id in (select clinic_id from marts.fct_inquiries))",
        f"create policy open on {INQUIRIES} for select to {{anna}} using (clinic_id = current_setting('my.clinic'))",
        f"create policy open on {INQUIRIES} for select to {{anna}} using (administrator_id = session_user)",
        f"create policy open on {INQUIRIES} for select to {{anna}}"
        " using ((select access.note_personal_read('reports.administrator_conversion_inquiries')))",
    ],
    "grant_without_right": [
        "grant select on marts.fct_inquiries to {anna}",
        "grant select (clinic_id) on marts.fct_inquiries to {other}",
        f"grant insert on {INQUIRIES} to {{anna}}",
        f"grant select on {INQUIRIES} to {{anna}} with grant option",
        "revoke execute on function reports.administrator_conversion from {anna}",
        "grant usage on schema marts to {other}",
        "grant usage on schema deals to {other}; grant execute on function deals.add to {other}",
    ],
    "view_lends_rights": [
        "alter view reports.administrator_conversion_list set (security_invoker = false)",
        "create view marts.everything as select * from marts.fct_inquiries",
    ],
    "function_lends_rights": [
        "create function public.peek() returns bigint language sql security definer"
        " as 'select count(*) from marts.fct_inquiries'; grant execute on function public.peek to public",
        "alter function reports.administrator_conversion security definer",
        "grant execute on function deals.move to public",
    ],
    "report_function_is_volatile": [
        "alter function reports.administrator_conversion volatile",
        "alter function reports.administrator_conversion security definer",
    ],
    "role_reaches_workshop": [
        "grant usage on schema staging to {other}",
        "grant create on schema ops to {anna}",
        "grant pg_read_all_data to {other}",
    ],
    "employee_role_has_more_than_a_login": [
        "alter role {anna} bypassrls",
        "alter role {anna} superuser",
        "grant {other} to {anna}",
        "grant {anna} to {other}",
        "create table public.mine (id int); alter table public.mine owner to {anna}",
    ],
    "default_privileges": [
        "alter default privileges grant execute on functions to public",
        "alter default privileges in schema marts grant select on tables to {other}",
    ],
    "grant_to_public": [
        "grant usage on schema reports to public",
        "grant select on marts.fct_inquiries to public",
        "grant select (clinic_id) on marts.fct_inquiries to public",
        "grant execute on function access.refresh to public",
        "grant usage on schema bridge to public",
        "grant create on schema public to public",
        "do $$ begin execute format('grant connect on database %I to public', current_database()); end $$",
    ],
}


def test_every_lint_has_a_breach_to_try_and_says_how_to_resolve_it() -> None:
    assert {lint.name for lint in read_lints()} == set(BREACHES)


def test_a_sound_warehouse_has_no_findings(published: Warehouse) -> None:
    published.add("anna")
    published.run("select access.allow('desk', 'administrator_conversion', '{C1,C2}')")

    assert run_lints(published.url) == []
    require_no_findings(published.url)


def test_each_lint_fires_when_its_rule_is_broken(published: Warehouse) -> None:
    anna, other = published.add("anna"), published.role("other")
    published.run(f"select access.allow('desk', 'administrator_conversion', '{{C1}}'); create role {other}")
    silent = []
    try:
        for name, breaches in BREACHES.items():
            for breach in breaches:
                published.run(breach.format(anna=anna, other=other) if "{" in breach and "$$" not in breach else breach)
                if name not in {finding.lint for finding in run_lints(published.url)}:
                    silent.append(breach)
                undo(published, anna, other)
    finally:
        published.run(f"drop owned by {other}; drop role {other}")

    assert silent == []


def test_a_finding_stops_a_load_and_says_what_to_do(published: Warehouse) -> None:
    published.run("grant select on marts.fct_inquiries to public")

    with pytest.raises(GuardError, match=r"marts\.fct_inquiries: PUBLIC has SELECT.*revoke all"):
        require_no_findings(published.url)


def undo(published: Warehouse, anna: str, other: str) -> None:
    """Back to a sound warehouse after any of the breaches; refresh repairs what is access's own."""
    published.run(
        f"""
        alter table {INQUIRIES} enable row level security;
        alter table {INQUIRIES} no force row level security;
        drop table if exists marts.made_by_hand;
        drop materialized view if exists reports.totals;
        drop policy if exists open on {INQUIRIES};
        drop view if exists marts.everything;
        drop function if exists public.peek;
        drop table if exists public.mine;
        alter view reports.administrator_conversion_list set (security_invoker = true);
        alter function reports.administrator_conversion security invoker stable;
        revoke {other} from {anna};
        revoke {anna} from {other};
        revoke pg_read_all_data from {other};
        alter role {anna} nosuperuser nobypassrls;
        alter default privileges revoke execute on functions from public;
        alter default privileges in schema marts revoke select on tables from {other};
        drop owned by {other};
        revoke all on schema reports, bridge, public from public;
        revoke all on marts.fct_inquiries from public;
        revoke execute on function access.refresh, deals.move from public;
        select access.refresh();
        do $$ begin execute format('revoke connect on database %I from public', current_database()); end $$;
        """
    )
    assert run_lints(published.url) == []
