-- Everything that exists now or later is closed unless given. Lints in warehouse/lints watch it.

do $$
declare
    schema_name text;
begin
    foreach schema_name in array array['staging', 'build', 'marts', 'reports', 'access', 'ops', 'history', 'as_of'] loop
        execute format('create schema if not exists %I', schema_name);
        execute format('revoke all on schema %I from public', schema_name);
        execute format('revoke all on all tables in schema %I from public', schema_name);
        execute format('revoke all on all sequences in schema %I from public', schema_name);
        execute format('revoke all on all routines in schema %I from public', schema_name);
    end loop;
end
$$;

-- PostgreSQL lets PUBLIC execute every new function; not those of our owner.
alter default privileges revoke execute on routines from public;
alter default privileges revoke usage on types from public;

do $$
begin
    if pg_has_role(current_user, (select nspowner from pg_namespace where nspname = 'public'), 'USAGE') then
        revoke all on schema public from public;
    end if;
exception when invalid_schema_name then
    null;  -- somebody dropped the schema: as closed as can be
end
$$;

do $$
begin
    if pg_has_role(current_user, (select datdba from pg_database where datname = current_database()), 'USAGE') then
        execute format('revoke connect, temporary on database %I from public', current_database());
    else
        raise notice 'the database is not ours: its owner should revoke connect and temporary from public';
    end if;
end
$$;

-- Anybody may make large objects, which is writing, and owning. Only a superuser can close that.
do $$
begin
    if (select rolsuper from pg_roles where rolname = current_user) then
        revoke execute on function pg_catalog.lo_creat(integer) from public;
        revoke execute on function pg_catalog.lo_create(oid) from public;
        revoke execute on function pg_catalog.lo_from_bytea(oid, bytea) from public;
    end if;
end
$$;
