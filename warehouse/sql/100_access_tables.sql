-- Who may read what: the tables behind `access.*`. See docs/access.md. Safe to run again.
create schema if not exists access;

create table if not exists access.known_reports (
    report text primary key
);
comment on table access.known_reports is
'Names a right can be given on. One row per report; `marts` opens the facts and dimensions, `deal_entry` lets enter deals
by hand.';
comment on column access.known_reports.report is 'Report name without its schema, or `marts`.';

insert into access.known_reports (report)
values
    ('marts'), ('channels_and_sources'), ('administrator_conversion'), ('inquiry_history'), ('direction_load'),
    ('deal_journal'), ('deal_summary'), ('top_deals'), ('ad_payback'), ('traffic_influence'), ('service_sales'),
    ('service_buyers'), ('service_dips'), ('expiring_subscriptions'), ('lead_plan'), ('client_path'), ('attribution'),
    ('lost_inquiries'), ('deal_entry'), ('freshness')
on conflict do nothing;

create table if not exists access.employee_groups (
    employee_group text primary key check (employee_group <> ''),
    created_at timestamptz not null default clock_timestamp()
);
comment on table access.employee_groups is 'Groups of employees. One row per group; a group begins when it is first named.';
comment on column access.employee_groups.employee_group is 'Name of the group, never equal to an employee''s database role.';
comment on column access.employee_groups.created_at is 'When the group was first named.';

create table if not exists access.employees (
    database_role text primary key,
    full_name text,
    employee_group text references access.employee_groups (employee_group),
    employee_id text,
    added_at timestamptz not null default clock_timestamp()
);
do $$
begin
    -- Asked for only once: it would wait for whoever reads who is an employee.
    if not exists (
        select from pg_attribute where attrelid = 'access.employees'::regclass and attname = 'logins_before'
    ) then
        alter table access.employees add column logins_before bigint not null default 0;
    end if;
end
$$;
comment on table access.employees is 'People who log in. One row per LOGIN role that was added or given a right.';
comment on column access.employees.database_role is 'The employee''s own LOGIN role.';
comment on column access.employees.full_name is 'Name shown to the owner only.';
comment on column access.employees.employee_group is 'Group whose rights the employee starts from; null: none.';
comment on column access.employees.employee_id is
'Id in the facts (administrator_id, manager_id), for rights on own rows only; null: such a right shows nothing.';
comment on column access.employees.logins_before is
'How many employees of this role''s name were removed before: each has another password.';
comment on column access.employees.added_at is 'When the employee was added.';

create table if not exists access.rights (
    subject text not null,
    subject_kind text not null check (subject_kind in ('group', 'employee')),
    report text not null references access.known_reports (report),
    is_allowed boolean not null,
    clinics text [],
    own_rows_only boolean not null default false,
    personal_data boolean not null default false,
    primary key (subject_kind, subject, report)
);
comment on table access.rights is
'Rights as they were given. One row per subject and report. Changed by access.allow, deny and clear only: those also
rewrite grants and policies.';
comment on column access.rights.subject is 'Employee group or database role.';
comment on column access.rights.subject_kind is 'What the subject is: group or employee.';
comment on column access.rights.report is 'Report the right is on, or `marts`.';
comment on column access.rights.is_allowed is 'False: a deny. An employee''s own row beats the group''s.';
comment on column access.rights.clinics is 'Clinics whose rows are seen; null: all.';
comment on column access.rights.own_rows_only is 'Only rows whose owner is the employee.';
comment on column access.rights.personal_data is 'Whether names, phones, e-mails and recordings are shown.';

create table if not exists access.journal (
    journal_id bigint generated always as identity primary key,
    changed_at timestamptz not null default clock_timestamp(),
    changed_by text not null default session_user,
    action text not null,
    subject text not null,
    report text,
    before jsonb,
    after jsonb
);
comment on table access.journal is 'Every change of a right or an employee. Append only.';
comment on column access.journal.journal_id is 'Order of the changes.';
comment on column access.journal.changed_at is 'When.';
comment on column access.journal.changed_by is 'Who: the login that asked for the change.';
comment on column access.journal.action is 'allow, deny, clear, add_employee, remove_employee, add_group, open_bridge, close_bridge or rotate_logins.';
comment on column access.journal.subject is 'Group or database role that was changed.';
comment on column access.journal.report is 'Report of the right; null for employees and groups.';
comment on column access.journal.before is 'The row before; null: there was none.';
comment on column access.journal.after is 'The row after; null: it is gone.';

create table if not exists access.relations (
    report text not null,
    schema_name text not null,
    relation_name text not null,
    object_kind text not null check (object_kind in ('table', 'view', 'function')),
    clinic_column text,
    owner_columns text [] not null default '{}',
    is_personal boolean not null default false,
    primary key (schema_name, relation_name, object_kind, report)
);
comment on table access.relations is
'What each report consists of. One row per published table, view or function name and report. Written by publication.';
comment on column access.relations.report is
'Right that opens the object; `*`: a helper function without data, or a table about no clinic and nobody, open to whoever
has any right.';
comment on column access.relations.schema_name is 'Schema of the object.';
comment on column access.relations.relation_name is 'Name of the object; a function name stands for all its signatures.';
comment on column access.relations.object_kind is 'table, view or function.';
comment on column access.relations.clinic_column is 'Column that carries the clinic; null: rows of the whole network.';
comment on column access.relations.owner_columns is 'Columns that name the employee a row belongs to; empty: nobody''s own.';
comment on column access.relations.is_personal is 'True: rows exist only for readers whose right includes personal data.';

-- What refresh wrote, so that it can tell a policy it may leave alone from one that somebody changed by hand:
-- PostgreSQL prints a condition in other words than it was given.
create table if not exists access.policies (
    policy_oid oid primary key,
    expression text not null,
    printed text not null
);
comment on table access.policies is 'Row policies as access wrote them. One row per policy.';
comment on column access.policies.policy_oid is 'pg_policy.oid.';
comment on column access.policies.expression is 'Condition as it was given.';
comment on column access.policies.printed is 'The same condition as PostgreSQL prints it.';

-- Passwords of employees are derived from this key (access.login_password), so none is stored in any file.
create table if not exists access.login_key (
    is_only_row boolean primary key default true check (is_only_row),
    secret bytea not null
);
comment on table access.login_key is 'Key that login passwords are derived from. One row. For the owner''s eyes only.';
comment on column access.login_key.is_only_row is 'Keeps the table at one row.';
comment on column access.login_key.secret is '64 random bytes.';

-- gen_random_uuid() draws from the strong generator and needs no extension: eight of them carry 976 random bits.
insert into access.login_key (secret)
select sha256(left_half) || sha256(right_half)
from (
    select
        uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
        || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) as left_half,
        uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
        || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) as right_half
) as random_bytes
on conflict do nothing;

create or replace function access.refuse_journal_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'access.journal is append only' using errcode = 'insufficient_privilege';
end
$$;
comment on function access.refuse_journal_change() is 'Trigger: keeps the journal append only.';

create or replace trigger journal_is_append_only
before update or delete or truncate on access.journal
for each statement execute function access.refuse_journal_change();
