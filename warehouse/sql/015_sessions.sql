-- A builder whose machine or network is gone says nothing, and as long as its session stands nobody else may build. Left to
-- the system, the server would ask after two hours whether it is there still; like this it knows after two minutes. What
-- somebody set for the database stays.
do $$
declare
    wanted record;
    spread constant text := current_setting('citus.enable_ddl_propagation', true);
begin
    if not exists (select from pg_database where datname = current_database() and pg_has_role(datdba, 'USAGE')) then
        return; -- only its owner may
    end if;
    -- Builders are with the coordinator; a database of a worker may be somebody else's.
    if spread is not null then
        perform set_config('citus.enable_ddl_propagation', 'off', true);
    end if;
    for wanted in
        select * from (
            values ('tcp_keepalives_idle', 60), ('tcp_keepalives_interval', 15), ('tcp_keepalives_count', 4)
        ) as named (name, value)
    loop
        if not exists (
            select
            from pg_db_role_setting
            cross join unnest(setconfig) as setting (said)
            where setrole = 0
                and setdatabase = (select oid from pg_database where datname = current_database())
                and starts_with(setting.said, wanted.name || '=')
        ) then
            execute format('alter database %I set %I = %s', current_database(), wanted.name, wanted.value);
        end if;
    end loop;
    if spread is not null then
        perform set_config('citus.enable_ddl_propagation', spread, true);
    end if;
end
$$;
