-- How rights and employees are changed. Everything here is in force at commit, for open connections too.

create or replace function access.note(
    action text, subject text, report text, before jsonb, after jsonb
) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
    insert into access.journal (action, subject, report, before, after)
    values (action, subject, report, before, after)
$$;
comment on function access.note(text, text, text, jsonb, jsonb) is 'Writes one line of access.journal.';

create or replace function access.require_report(report text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (select from access.known_reports as known where known.report = require_report.report) then
        raise exception 'no report is named %', coalesce(quote_literal(require_report.report), 'null')
            using errcode = 'invalid_parameter_value',
            hint = 'Known names: '
                || (select string_agg(known.report, ', ' order by known.report) from access.known_reports as known);
    end if;
end
$$;
comment on function access.require_report(text) is 'Error with the known names if this is no report.';

create or replace function access.name_group(employee_group text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    if name_group.employee_group is null or btrim(name_group.employee_group) = '' then
        raise exception 'a group needs a name' using errcode = 'invalid_parameter_value';
    end if;
    if exists (select from access.employees as e where e.database_role = name_group.employee_group) then
        raise exception '% is an employee, so it cannot be a group', quote_literal(name_group.employee_group)
            using errcode = 'invalid_parameter_value';
    end if;
    insert into access.employee_groups (employee_group) values (name_group.employee_group) on conflict do nothing;
    if found then
        raise notice 'group % is new', quote_literal(name_group.employee_group);
        perform access.note('add_group', name_group.employee_group, null, null, null);
    end if;
end
$$;
comment on function access.name_group(text) is 'A group begins when it is first named.';

create or replace function access.require_harmless_role(database_role text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    role_row pg_roles;
begin
    select * into role_row from pg_roles where rolname = require_harmless_role.database_role;
    if not found then
        return;
    end if;
    if role_row.rolsuper or role_row.rolbypassrls or role_row.rolcreaterole or role_row.rolcreatedb
        or role_row.rolreplication or role_row.rolname = current_user
        or exists (select from pg_auth_members as m where m.member = role_row.oid) then
        raise exception 'role % has more than a login: it cannot be an employee', quote_ident(role_row.rolname)
            using errcode = 'invalid_parameter_value',
            hint = 'An employee''s role is nobody''s member, owns nothing and has no attribute but LOGIN. Choose a new name.';
    end if;
    if exists (
        select from pg_auth_members as m
        where m.roleid = role_row.oid and not pg_has_role(m.member, current_user, 'MEMBER')
    ) then
        raise exception 'role % has members, who would see its rows: it cannot be an employee', quote_ident(role_row.rolname)
            using errcode = 'invalid_parameter_value',
            hint = 'Each employee has a login of his own. Revoke the membership, or choose a new name.';
    end if;
end
$$;
comment on function access.require_harmless_role(text) is
'Error if an existing role could pass by row policies or use other roles'' rights.';

create or replace function access.known_kind(subject text) returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when exists (select from access.employees as e where e.database_role = known_kind.subject) then 'employee'
        when exists (select from access.employee_groups as g where g.employee_group = known_kind.subject) then 'group'
    end
$$;
comment on function access.known_kind(text) is 'Employee or group; null for a name that is neither.';

create or replace function access.subject_kind(subject text) returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    kind constant text := access.known_kind(subject_kind.subject);
begin
    if kind is not null then
        return kind;
    end if;
    if exists (select from pg_roles where rolname = subject_kind.subject and rolcanlogin) then
        -- A login that somebody made by hand can have rights too; its password stays as it is.
        perform access.require_harmless_role(subject_kind.subject);
        insert into access.employees (database_role) values (subject_kind.subject);
        perform access.note('add_employee', subject_kind.subject, null, null, '{"role_existed": true}');
        return 'employee';
    end if;
    perform access.name_group(subject_kind.subject);
    return 'group';
end
$$;
comment on function access.subject_kind(text) is
'Employee or group; an unknown name becomes a group, an unknown LOGIN role an employee without group.';

create or replace function access.roles_of(subject text, subject_kind text) returns text []
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(array_agg(e.database_role order by e.database_role), '{}')
    from access.employees as e
    where case roles_of.subject_kind
        when 'group' then e.employee_group = roles_of.subject
        else e.database_role = roles_of.subject
    end
$$;
comment on function access.roles_of(text, text) is 'Database roles that a right of this subject concerns.';

create or replace function access.set_right(
    action text, subject text, report text, is_allowed boolean,
    clinics text [], own_rows_only boolean, personal_data boolean
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    is_known boolean;
    kind text;
    unknown text;
    before jsonb;
    after jsonb;
begin
    perform access.take_turn();
    perform access.require_report(set_right.report);
    if set_right.own_rows_only is null or set_right.personal_data is null then
        raise exception 'own_rows_only and personal_data are true or false, not null'
            using errcode = 'invalid_parameter_value';
    end if;
    if cardinality(set_right.clinics) = 0 or array_position(set_right.clinics, null) is not null then
        raise exception 'clinics is null for all, or names at least one clinic and no null'
            using errcode = 'invalid_parameter_value';
    end if;
    is_known := access.known_kind(set_right.subject) is not null;
    if set_right.action = 'clear' and not is_known then
        raise exception 'no group or employee is named %', quote_literal(set_right.subject)
            using errcode = 'invalid_parameter_value';
    end if;
    kind := access.subject_kind(set_right.subject);
    -- A misspelt name would leave the right open that was to be closed.
    if set_right.action = 'deny' and kind = 'group' and not is_known then
        raise warning 'nobody was called % before: this closes nothing that is open', quote_literal(set_right.subject)
            using hint = 'Who may see what, and by which name: select * from access.effective_rights.';
    end if;
    -- A misspelt clinic shows nothing; one that is loaded later is right, so it stands.
    unknown := (
        select string_agg(quote_literal(given), ', ' order by given)
        from unnest(set_right.clinics) as given
        where not exists (select from staging.files__clinics as c where c.clinic_id = given)
    );
    if unknown is not null then
        raise warning 'no clinic is loaded yet that is called %', unknown using hint = 'Clinics and their ids are in staging.files__clinics.';
    end if;

    delete from access.rights as r
    where r.subject_kind = kind and r.subject = set_right.subject and r.report = set_right.report
    returning to_jsonb(r) into before;
    if set_right.action <> 'clear' then
        insert into access.rights as r (
            subject, subject_kind, report, is_allowed, clinics, own_rows_only, personal_data
        )
        values (
            set_right.subject, kind, set_right.report, set_right.is_allowed,
            case
                when set_right.clinics is not null
                    then array(select distinct c from unnest(set_right.clinics) as c order by c)
            end,
            set_right.own_rows_only, set_right.personal_data
        )
        returning to_jsonb(r) into after;
    end if;
    perform access.note(set_right.action, set_right.subject, set_right.report, before, after);
    perform access.apply(access.roles_of(set_right.subject, kind));
end
$$;
comment on function access.set_right(text, text, text, boolean, text [], boolean, boolean) is
'What allow, deny and clear have in common.';

create or replace function access.allow(
    subject text, report text, clinics text [] default null,
    own_rows_only boolean default false, personal_data boolean default false
) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$ select access.set_right('allow', subject, report, true, clinics, own_rows_only, personal_data) $$;
comment on function access.allow(text, text, text [], boolean, boolean) is
'Opens a report to a group or an employee: for these clinics (null: all), own rows only, with personal data. Replaces
what was said before about the same subject and report.';

create or replace function access.deny(subject text, report text) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$ select access.set_right('deny', subject, report, false, null, false, false) $$;
comment on function access.deny(text, text) is
'Closes a report to a group or an employee. An employee''s own deny beats the group''s allow.';

create or replace function access.clear(subject text, report text) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$ select access.set_right('clear', subject, report, null, null, false, false) $$;
comment on function access.clear(text, text) is
'Takes back an allow or a deny: an employee follows the group again, a group sees nothing.';

create or replace function access.login_password(database_role text) returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (select from access.employees as e where e.database_role = login_password.database_role) then
        raise exception 'no employee has the role %', quote_literal(login_password.database_role)
            using errcode = 'invalid_parameter_value';
    end if;
    -- Nested, so that one employee's password cannot be extended into another's.
    return (
        select encode(sha256(secret || sha256(secret || convert_to(
            -- who left knows the password of then; no name has a #
            login_password.database_role || coalesce('#' || nullif(e.logins_before, 0)::text, ''), 'UTF8'
        ))), 'hex')
        from access.login_key
        inner join access.employees as e on e.database_role = login_password.database_role
    );
end
$$;
comment on function access.login_password(text) is
'Password of an employee''s login: sha256(key || sha256(key || role)) in hex; the name of somebody who left has # and how many
left behind it. For the owner.';

create or replace function access.set_password(database_role text, password text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    execute format('alter role %I password %L', set_password.database_role, set_password.password);
-- What PostgreSQL says of an error quotes the statement, and programs and the server's log repeat that.
exception when others or query_canceled then
    raise exception '%', sqlerrm using errcode = sqlstate;
end
$$;
comment on function access.set_password(text, text) is 'Gives a login its password; an error does not tell it.';

create or replace function access.hold_role(database_role text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Without it only a superuser may end an employee's session, and a session can hold locks. The owner, who reads
    -- everything anyway, inherits the employee's rights; the employee gets nothing.
    if pg_has_role(current_user, hold_role.database_role, 'USAGE') then
        return;
    end if;
    execute format(
        'grant %I to current_user%s',
        hold_role.database_role,
        case when current_setting('server_version_num')::integer >= 160000 then ' with inherit true, set false' else '' end
    );
exception when insufficient_privilege or invalid_grant_operation then
    raise notice 'sessions of % cannot be ended by the owner: another login made this role', quote_ident(database_role);
end
$$;
comment on function access.hold_role(text) is
'Lets the owner end an employee''s sessions, so that none of them can hold up a load.';

create or replace function access.add_employee(
    database_role text, full_name text, employee_group text, employee_id text default null
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    before jsonb;
    after jsonb;
    role_oid oid;
begin
    perform access.take_turn();
    if add_employee.database_role !~ '^[[:alnum:]_][[:alnum:]_.@-]*$' or add_employee.database_role ~* '^pg_'
        or lower(add_employee.database_role) in ('public', 'none', 'current_user', 'session_user', 'current_role', 'user')
        or octet_length(add_employee.database_role) > 63 or add_employee.database_role is null then
        raise exception '% cannot be the name of a login', coalesce(quote_literal(add_employee.database_role), 'null')
            using errcode = 'invalid_parameter_value',
            hint = 'Letters, digits, _ . @ - up to 63 bytes, not beginning with pg_.';
    end if;
    if exists (select from access.employee_groups as g where g.employee_group = add_employee.database_role) then
        if exists (select from access.employees as e where e.employee_group = add_employee.database_role) then
            raise exception '% is a group, so it cannot be an employee', quote_literal(add_employee.database_role)
                using errcode = 'invalid_parameter_value';
        end if;
        -- Rights were given before the employee came: the name was taken for a group then.
        update access.rights set subject_kind = 'employee'
        where subject_kind = 'group' and subject = add_employee.database_role;
        delete from access.employee_groups where employee_group = add_employee.database_role;
    end if;
    if add_employee.employee_group is not null then
        perform access.name_group(add_employee.employee_group);
    end if;

    select to_jsonb(e) into before from access.employees as e where e.database_role = add_employee.database_role;
    insert into access.employees as e (database_role, full_name, employee_group, employee_id, logins_before)
    values (
        add_employee.database_role, add_employee.full_name, add_employee.employee_group,
        nullif(add_employee.employee_id, ''),
        (
            select count(*) from access.journal as j
            where j.action = 'remove_employee' and j.subject = add_employee.database_role
        )
    )
    on conflict (database_role) do update
    set full_name = excluded.full_name, employee_group = excluded.employee_group, employee_id = excluded.employee_id
    returning to_jsonb(e) into after;
    perform access.note('add_employee', add_employee.database_role, null, before, after);

    select oid into role_oid from pg_roles where rolname = add_employee.database_role;
    if not found then
        execute format(
            'create role %I login nosuperuser nocreatedb nocreaterole noinherit noreplication nobypassrls '
            'connection limit 20', add_employee.database_role
        );
        execute format('comment on role %I is %L', add_employee.database_role, 'Chairside employee');
    else
        perform access.require_harmless_role(add_employee.database_role);
        -- The mark tells our roles (also of an earlier warehouse on this server) from logins of other programs, whose
        -- password is not ours to change.
        if shobj_description(role_oid, 'pg_authid') is distinct from 'Chairside employee' then
            raise exception 'a role named % exists already', quote_ident(add_employee.database_role)
                using errcode = 'duplicate_object',
                hint = format(
                    'Choose another name, or hand the role over: comment on role %I is ''Chairside employee''.',
                    add_employee.database_role
                );
        end if;
        execute format('alter role %I login', add_employee.database_role);
    end if;
    perform access.set_password(add_employee.database_role, access.login_password(add_employee.database_role));
    perform access.hold_role(add_employee.database_role);
    -- Comfort, not protection: the employee can undo these. Protection is that nothing but SELECT is granted.
    execute format('alter role %I set default_transaction_read_only = on', add_employee.database_role);
    execute format('alter role %I set statement_timeout = %L', add_employee.database_role, '2min');
    execute format('alter role %I set idle_in_transaction_session_timeout = %L', add_employee.database_role, '5min');
    perform access.apply(array[add_employee.database_role]);
end
$$;
comment on function access.add_employee(text, text, text, text) is
'Adds an employee and creates the LOGIN role, or changes name, group and id of one who is there. The password is
access.login_password(role).';

create or replace function access.remove_employee(database_role text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    before jsonb;
    role_oid oid;
begin
    perform access.take_turn();
    delete from access.employees as e where e.database_role = remove_employee.database_role
    returning to_jsonb(e) into before;
    if before is null then
        raise exception 'no employee has the role %', coalesce(quote_literal(remove_employee.database_role), 'null')
            using errcode = 'invalid_parameter_value';
    end if;
    perform access.note(
        'clear', r.subject, r.report, to_jsonb(r), null
    ) from access.rights as r where r.subject_kind = 'employee' and r.subject = remove_employee.database_role;
    delete from access.rights as r where r.subject_kind = 'employee' and r.subject = remove_employee.database_role;
    perform access.note('remove_employee', remove_employee.database_role, null, before, null);
    perform access.apply(array[remove_employee.database_role]);

    select oid into role_oid from pg_roles where rolname = remove_employee.database_role;
    if role_oid is null then
        raise warning 'no role is named %: nothing is left to drop', quote_ident(remove_employee.database_role)
            using hint = 'If it was renamed: it holds no right any more, and can still log in. Drop it under its new name.';
    end if;
    if role_oid is null or shobj_description(role_oid, 'pg_authid') is distinct from 'Chairside employee' then
        return;
    end if;
    begin
        perform pg_terminate_backend(pid) from pg_stat_activity where usesysid = role_oid and pid <> pg_backend_pid();
    exception when insufficient_privilege then
        -- The session may stay: it holds no right any more.
        raise notice 'open sessions of % could not be ended', quote_ident(remove_employee.database_role);
    end;
    begin
        execute format('drop role %I', remove_employee.database_role);
    exception when dependent_objects_still_exist then
        execute format('alter role %I nologin', remove_employee.database_role);
        raise warning 'role % still owns or may use something elsewhere on this server; it can no longer log in',
            quote_ident(remove_employee.database_role);
    end;
end
$$;
comment on function access.remove_employee(text) is
'Takes all rights of an employee back, ends the sessions and drops the LOGIN role.';

-- Employees of an earlier version.
select access.hold_role(employees.database_role)
from access.employees
inner join pg_catalog.pg_roles on pg_roles.rolname = employees.database_role
where shobj_description(pg_roles.oid, 'pg_authid') = 'Chairside employee';
