"""Each single protection, removed. The suite must find every one, or it proves nothing.

A mutation is done to a copy of the town. `undo` takes back what belongs to the whole server (roles).
"""

from __future__ import annotations

from dataclasses import dataclass

INQUIRIES, PEOPLE = "reports.administrator_conversion_inquiries", "reports.administrator_conversion_people"


@dataclass(frozen=True, slots=True)
class Mutation:
    """SQL as the owner; {employee} of `town.EMPLOYEES` becomes the role."""

    protection: str
    sql: str
    undo: str = ""


MUTATIONS = (
    Mutation("row security is on", f"alter table {INQUIRIES} disable row level security"),
    Mutation("a policy is there", f"drop policy {{masked}} on {INQUIRIES}"),
    Mutation("a policy names the clinics", f"alter policy {{masked}} on {INQUIRIES} using (true)"),
    Mutation("a policy names the owner", f"alter policy {{own}} on {INQUIRIES} using (clinic_id in ('C1', 'C2'))"),
    Mutation("a policy is for one role", f"create policy wide on {INQUIRIES} to public using (true)"),
    Mutation(
        "a policy is literal",
        f"alter policy {{masked}} on {INQUIRIES}"
        " using (clinic_id = coalesce(nullif(current_setting('app.clinic', true), ''), 'C2'))",
    ),
    Mutation("a policy does not ask who the current role is",
             f"create policy by_name on {INQUIRIES} to public"
             " using (current_user <> session_user or clinic_id = 'C1')"),
    Mutation("personal rows have no policy without that right",
             f"create policy p on {PEOPLE} to {{masked}} using (true)"),
    Mutation("a table is known as personal",
             "update access.relations set is_personal = false where relation_name like '%people';"
             " select access.refresh()"),
    Mutation("a view reads as its reader",
             "alter view reports.administrator_conversion_list set (security_invoker = false)"),
    Mutation("a view masks by the reader's rights",
             "create view reports.unmasked as select secret from reports.administrator_conversion_people;"
             " create or replace view reports.administrator_conversion_list with (security_invoker = true) as"
             " select i.row_key, i.clinic_id, i.secret, i.amount, u.secret as phone"
             " from reports.administrator_conversion_inquiries as i cross join reports.unmasked as u;"
             " grant select on reports.unmasked to {masked}"),
    Mutation("a function reads as its caller", "alter function reports.administrator_conversion security definer"),
    Mutation("only the right opens a function",
             "alter function reports.top_deals security definer;"
             " grant execute on function reports.top_deals to public"),
    Mutation("a function meets no row before the policy", "alter function reports.telling leakproof cost 0.0000001"),
    Mutation("a schema is closed",
             "grant usage on schema staging to public; grant select on staging.rejected_rows to public"),
    Mutation("the workshop is closed",
             "grant usage on schema build to {masked}; grant select on all tables in schema build to {masked}"),
    Mutation("a table is granted by the right only",
             "alter table reports.top_deals_won disable row level security;"
             " grant select on reports.top_deals_won to public"),
    Mutation("row security and no grant stand together",
             "create policy open on marts.fct_inquiries using (true);"
             " grant usage on schema marts to public; grant select on marts.fct_inquiries to public"),
    Mutation("new tables are closed",
             "alter default privileges in schema reports grant select on tables to public;"
             " create table reports.made_tomorrow as select * from reports.administrator_conversion_inquiries"),
    Mutation("new functions are closed",
             "alter default privileges grant execute on functions to public;"
             " create function reports.tomorrow() returns bigint language sql return 1"),
    Mutation("employees' functions are theirs alone", "alter function access.login_password security definer;"
             " grant execute on function access.login_password to public;"
             " grant usage on schema access to public"),
    Mutation("rights are changed by the owner only",
             "grant usage on schema access to public; alter function access.refresh security definer;"
             " grant execute on function access.refresh to public"),
    Mutation("deals are entered by the right only",
             "grant usage on schema deals to public; grant execute on all functions in schema deals to public;"
             " create or replace function deals.require_right(clinic_id text, manager_id text, refusal text)"
             " returns void language sql as ''"),
    Mutation("keys of persons stay inside",
             "grant usage on schema ops to public; alter function ops.opaque_key(text, text) security definer;"
             " grant execute on function ops.opaque_key(text, text) to public"),
    Mutation("nobody makes temporary tables",
             "do $$ begin execute format('grant temporary on database %I to public', current_database()); end $$"),
    Mutation("nobody makes tables", "grant create on schema reports to public"),
    Mutation("past rows are closed as present ones are",
             "alter table history.administrator_conversion_inquiries disable row level security"),
    Mutation("what was replaced has the policies of what is there",
             "alter policy {masked} on history.administrator_conversion_inquiries using (true)"),
    Mutation("the past is read as its reader",
             "alter view as_of.administrator_conversion_inquiries set (security_invoker = false)"),
    Mutation("a report of the past reads as its caller",
             "alter function reports.administrator_conversion_as_of security definer;"
             " alter function as_of.administrator_conversion_on security definer"),
    Mutation("a moment opens nothing",
             f"create policy past on {INQUIRIES} to public using (as_of.publication() < 3 and clinic_id <> 'C9')"),
    Mutation("whatever is made in a closed schema is closed",
             "create table ops.made_tomorrow as select 1 as n; grant usage on schema ops to {own};"
             " grant select on ops.made_tomorrow to {own}"),
    Mutation("functions of closed schemas are closed",
             "grant usage on schema as_of to {nobody}; grant execute on function as_of.publication() to {nobody}"),
    Mutation("nobody writes", f"grant insert, update, delete on {INQUIRIES} to {{marketer}};"
             f" create policy w on {INQUIRIES} for all to {{marketer}} using (true)"),
    Mutation("nobody locks", f"grant maintain on {INQUIRIES} to {{marketer}}"),
    Mutation("statistics show no values", "grant select on pg_statistic to public"),
    Mutation("an employee passes no policy by", "alter role {masked} bypassrls", "alter role {masked} nobypassrls"),
    Mutation("an employee is nobody's member", "grant {analyst} to {nobody}", "revoke {analyst} from {nobody}"),
    Mutation("an employee reads no server files",
             "grant pg_read_server_files to {own}; grant execute on function pg_read_file(text) to {own}",
             "revoke pg_read_server_files from {own}"),
    Mutation("no relation lies beside the published ones",
             f"create materialized view reports.made_tomorrow as select * from {INQUIRIES};"
             " grant select on reports.made_tomorrow to public"),
    Mutation("a rebuilt table keeps its grants and policies",
             f"create table reports.fresh as select * from {INQUIRIES}; drop table {INQUIRIES} cascade;"
             " alter table reports.fresh rename to administrator_conversion_inquiries"),
    Mutation("a right is in force", "revoke select on marts.fct_inquiries from {analyst}"),
    Mutation("comments hold no figures",
             "do $$ begin execute format('comment on table marts.fct_spend is %L',"
             " (select secret from marts.fct_spend limit 1)); end $$"),
)  # fmt: skip
