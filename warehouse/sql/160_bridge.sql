-- The bridge: how a BI server opens each viewer's own login. See docs/bi.md and docs/decisions/bi_opens_the_viewers_login.md.
create schema if not exists bridge;
comment on schema bridge is 'What a BI server asks about the viewer in front of it. For the bridge''s own login only.';
revoke all on schema bridge from public;

create or replace function access.sign_in_password(database_role text) returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    digest text := encode(sha256(convert_to('sign in to BI', 'UTF8') || convert_to(access.login_password(database_role), 'UTF8')), 'hex');
begin
    -- 96 bits, short enough to be typed; the login's own password cannot be told from it.
    return concat_ws(
        '-', substr(digest, 1, 6), substr(digest, 7, 6), substr(digest, 13, 6), substr(digest, 19, 6)
    );
end
$$;
comment on function access.sign_in_password(text) is
'Password that an employee types into the BI server''s sign-in page. Not the password of the database login. For the owner.';

create or replace function access.zones_of(wanted_role text) returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    zones jsonb := '{}';
begin
    if to_regclass('marts.dim_clinics') is not null then
        -- Only of clinics that he may see: the zones of others would say that there are others.
        execute
            'select jsonb_object_agg(clinics.clinic_id, clinics.time_zone) from marts.dim_clinics as clinics'
            ' where clinics.time_zone is not null and exists ('
            ' select from access.effective_rights as rights where rights.database_role = $1'
            ' and (rights.clinics is null or clinics.clinic_id = any(rights.clinics)))'
            into zones using wanted_role;
    end if;
    return coalesce(zones, '{}') || jsonb_build_object('', ops.network_zone());
end
$$;
comment on function access.zones_of(text) is
'Time zone by clinic, of the clinics that the role may see in any report; under the empty name that of what has no clinic.';

-- It says more than it did: what a function returns is only changed by making it anew.
do $$
begin
    if to_regprocedure('bridge.viewer(text)') is null
        or (
            select 'currency' = any(pg_proc.proargnames) from pg_catalog.pg_proc
            where pg_proc.oid = to_regprocedure('bridge.viewer(text)')
        )
    then
        return;
    end if;
    drop function bridge.viewer(text);
end
$$;

create or replace function bridge.viewer(wanted_role text)
returns table (
    full_name text, reports text [], rights_version text, sign_in_password text, login_password text, zones jsonb,
    currency text
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
    select
        coalesce(employees.full_name, employees.database_role),
        coalesce(held.reports, '{}'),
        -- Changes with every right, every publication and everybody who is forgotten, so nothing kept under an earlier one
        -- is shown again.
        md5(
            coalesce(held.described, '') || '|' || coalesce(
                (select max(publications.publication_id)::text from ops.publications as publications), ''
            ) || '|' || coalesce((select max(forget_log.event_id)::text from ops.forget_log as forget_log), '')
        ),
        access.sign_in_password(employees.database_role),
        access.login_password(employees.database_role),
        access.zones_of(employees.database_role),
        coalesce((select settings.value from staging.settings as settings where settings.name = 'reporting_currency'), 'RUB')
    from access.employees as employees
    left join lateral (
        select
            array_agg(rights.report order by rights.report) as reports,
            string_agg(
                concat_ws(
                    ' ', rights.report, coalesce(rights.clinics::text, '*'), rights.own_rows_only, rights.personal_data,
                    employees.employee_id
                ),
                ';' order by rights.report
            ) as described
        from access.effective_rights as rights
        where rights.database_role = employees.database_role
    ) as held on true
    where employees.database_role = viewer.wanted_role
$$;
comment on function bridge.viewer(text) is
'One row for an employee, none for anybody else: name, reports he may open, a mark that changes with rights and data, his
passwords, the time zones of his clinics, the currency of all amounts. The only thing that the bridge may call.';
revoke all on function bridge.viewer(text) from public;

create or replace function access.bridge_role() returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$ select left(current_database(), 50) || '_bridge' $$;
comment on function access.bridge_role() is 'Name of the bridge''s login: roles are of the whole server, so it carries the database.';

do $$
begin
    -- A bridge that is open already goes on asking.
    if exists (
        select from pg_catalog.pg_roles
        where rolname = access.bridge_role() and shobj_description(oid, 'pg_authid') = 'Chairside bridge'
    ) then
        execute format('grant execute on function bridge.viewer(text) to %I', access.bridge_role());
    end if;
end
$$;

create or replace function access.open_bridge(password text) returns text
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    bridge_role text := access.bridge_role();
    role_oid oid;
begin
    if coalesce(length(password), 0) < 20 then
        raise exception 'the bridge needs a password of 20 characters or more' using errcode = 'invalid_parameter_value';
    end if;
    if exists (select from access.employees where database_role = bridge_role) then
        raise exception '% is an employee, so it cannot be the bridge', quote_literal(bridge_role)
            using errcode = 'invalid_parameter_value';
    end if;
    select oid into role_oid from pg_roles where rolname = bridge_role;
    if not found then
        execute format(
            'create role %I login nosuperuser nocreatedb nocreaterole noinherit noreplication nobypassrls '
            'connection limit 10', bridge_role
        );
        execute format('comment on role %I is %L', bridge_role, 'Chairside bridge');
    elsif shobj_description(role_oid, 'pg_authid') is distinct from 'Chairside bridge' then
        raise exception 'a role named % exists already and is not the bridge', quote_ident(bridge_role)
            using errcode = 'duplicate_object';
    end if;
    perform access.set_password(bridge_role, password);
    execute format('alter role %I login', bridge_role);
    execute format('alter role %I set statement_timeout = %L', bridge_role, '10s');
    execute format('grant connect on database %I to %I', current_database(), bridge_role);
    execute format('grant usage on schema bridge to %I', bridge_role);
    execute format('grant execute on function bridge.viewer(text) to %I', bridge_role);
    perform access.note('open_bridge', bridge_role, null, null, null);
    return bridge_role;
end
$$;
comment on function access.open_bridge(text) is
'Lets a BI server ask who its viewers are: creates the bridge''s login, or changes its password, and returns its name.';

create or replace function access.close_bridge() returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    bridge_role text := access.bridge_role();
begin
    if not exists (select from pg_roles where rolname = bridge_role) then
        return;
    end if;
    execute format('revoke all on function bridge.viewer(text) from %I', bridge_role);
    execute format('revoke all on schema bridge from %I', bridge_role);
    execute format('revoke all on database %I from %I', current_database(), bridge_role);
    execute format('drop role %I', bridge_role);
    perform access.note('close_bridge', bridge_role, null, null, null);
end
$$;
comment on function access.close_bridge() is 'Ends what access.open_bridge began: no BI server can open anybody''s login any more.';

create or replace function access.rotate_logins() returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    employee record;
    changed integer := 0;
begin
    perform access.take_turn();
    update access.login_key set secret = (
        select
            sha256(string_agg(uuid_send(gen_random_uuid()), ''::bytea) filter (where part <= 4))
            || sha256(string_agg(uuid_send(gen_random_uuid()), ''::bytea) filter (where part > 4))
        from generate_series(1, 8) as part
    );
    for employee in
        select employees.database_role
        from access.employees
        inner join pg_roles on pg_roles.rolname = employees.database_role
        -- A login that somebody else made keeps its own password.
        where shobj_description(pg_roles.oid, 'pg_authid') = 'Chairside employee'
    loop
        perform access.set_password(employee.database_role, access.login_password(employee.database_role));
        changed := changed + 1;
    end loop;
    perform access.note('rotate_logins', '*', null, null, jsonb_build_object('logins', changed));
    return changed;
end
$$;
comment on function access.rotate_logins() is
'A new key for the passwords of all employees, in force at once; returns how many logins changed. Open sessions of PostgreSQL go on.';
revoke all on all routines in schema bridge from public;
revoke execute on function access.sign_in_password(text) from public;
revoke execute on function access.open_bridge(text) from public;
revoke execute on function access.close_bridge() from public;
revoke execute on function access.rotate_logins() from public;
