-- Makes grants and policies equal to what the rights ask for, touching only what differs.

create or replace function access.take_turn() returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A table lock and not an advisory one: any login may take an advisory lock and hold it, and with it every
    -- publication. Readers of the table are not disturbed. Publications and changes of rights queue here, so that
    -- neither waits for the other while it holds a published table.
    lock table access.rights in exclusive mode;
end
$$;
comment on function access.take_turn() is
'Queues this transaction behind other publications and changes of rights. Held until commit.';

create or replace function access.end_idle_readers(relations oid [], idle_for interval, open_for interval)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    reader record;
begin
    for reader in
        select distinct pg_stat_activity.pid
        from pg_locks
        inner join pg_stat_activity on pg_stat_activity.pid = pg_locks.pid
        -- Readers by policy, not by access.employees: one who is being removed is no longer there.
        where pg_stat_activity.usesysid in (
            select unnest(pg_policy.polroles) from pg_policy where pg_policy.polrelid = any (relations)
        )
            and pg_locks.granted
            and pg_locks.locktype = 'relation'
            and pg_locks.database = (select oid from pg_database where datname = current_database())
            and pg_locks.relation = any (relations)
            and (
                (
                    pg_stat_activity.state like 'idle in transaction%'
                    and pg_stat_activity.state_change < clock_timestamp() - idle_for
                )
                or pg_stat_activity.xact_start < clock_timestamp() - open_for
            )
    loop
        begin
            -- Waits for the end, half a second at most.
            perform pg_terminate_backend(reader.pid, 500);
        exception when insufficient_privilege then
            raise notice 'a session of an employee holds a report; it could not be ended';
        end;
    end loop;
end
$$;
comment on function access.end_idle_readers(oid [], interval, interval) is
'Ends sessions of employees that hold these tables while doing nothing, or in a transaction older than that.';

create or replace function access.end_blockers_of(waiting_pid integer, open_for interval) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    blocker record;
    ended bigint := 0;
begin
    for blocker in
        select pg_stat_activity.pid, pg_stat_activity.usename
        from unnest(pg_blocking_pids(waiting_pid)) as blocking (pid)
        inner join pg_stat_activity on pg_stat_activity.pid = blocking.pid
        inner join access.employees on employees.database_role = pg_stat_activity.usename
        where (
            pg_stat_activity.state like 'idle in transaction%'
            and pg_stat_activity.state_change < clock_timestamp() - interval '1 second'
        )
            or pg_stat_activity.xact_start < clock_timestamp() - open_for
    loop
        begin
            ended := ended + pg_terminate_backend(blocker.pid, 500)::integer;
        exception when insufficient_privilege then
            raise notice 'a session of % holds a lock; it could not be ended', quote_ident(blocker.usename);
        end;
    end loop;
    return ended;
end
$$;
comment on function access.end_blockers_of(integer, interval) is
'Ends sessions of employees that this backend waits for: those that do nothing in a transaction, and those whose
transaction is older than that. Returns how many.';

create or replace function access.lock_gently(relations oid []) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    usual_timeout text := current_setting('lock_timeout');
    relation oid;
begin
    if cardinality(relations) = 0 then
        return;
    end if;
    -- CREATE POLICY needs the table for itself. Waiting for a long read in one go would make all new reads of all
    -- reports queue behind us; so ask briefly, let them pass, ask again.
    for attempt in 1 .. 40 loop
        begin
            perform set_config('lock_timeout', '150ms', true);
            foreach relation in array relations loop
                execute format('lock table %s in access exclusive mode', relation::regclass);
            end loop;
            perform set_config('lock_timeout', usual_timeout, true);
            return;
        exception when lock_not_available or deadlock_detected then
            perform pg_sleep(0.02 * attempt);
        end;
        -- An open transaction that does nothing would put off every change of rights, the removal of its own role too.
        if attempt >= 8 then
            perform access.end_idle_readers(relations, '1 second', '1 day');
        end if;
    end loop;
    -- After some twenty seconds a right matters more than a slow read. Two minutes is what a statement may take.
    perform access.end_idle_readers(relations, '1 second', '2 minutes');
    foreach relation in array relations loop
        execute format('lock table %s in access exclusive mode', relation::regclass);
    end loop;
end
$$;
comment on function access.lock_gently(oid []) is
'Locks tables for a change of policies without making readers queue for more than 150 ms at a time.';

create or replace function access.change_privilege(
    verb text, role_oid oid, object_kind text, object_oid oid, column_name text, privilege text
) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    execute format(
        '%s %s%s on %s %s %s %I',
        verb,
        privilege,
        case when object_kind = 'column' then format(' (%I)', column_name) else '' end,
        case object_kind
            when 'relation' then 'table' when 'column' then 'table' when 'procedure' then 'routine'
            when 'function' then 'routine'
            else object_kind
        end,
        case object_kind
            when 'database' then (select quote_ident(datname) from pg_database where oid = object_oid)
            when 'schema' then object_oid::regnamespace::text
            when 'function' then object_oid::regprocedure::text
            when 'procedure' then object_oid::regprocedure::text
            else object_oid::regclass::text
        end,
        case verb when 'grant' then 'to' else 'from' end,
        (select rolname from pg_roles where oid = role_oid)
    );
end
$$;
comment on function access.change_privilege(text, oid, text, oid, text, text) is
'Grants or revokes one privilege on one object.';

create or replace function access.former_logins() returns oid []
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(array_agg(pg_roles.oid), '{}')
    from pg_roles
    where
        (
            shobj_description(pg_roles.oid, 'pg_authid') = 'Chairside employee'
            or pg_roles.oid in (
                select unnest(pg_policy.polroles)
                from access.policies
                inner join pg_policy on pg_policy.oid = policies.policy_oid
            )
        )
        and not exists (select from access.employees where employees.database_role = pg_roles.rolname)
$$;
comment on function access.former_logins() is
'Logins that were given rights and are no employee by name: PostgreSQL takes grants and policies along when a role is renamed.
Employees of another warehouse on this server are among them; they hold nothing here.';

create or replace function access.apply(only_roles text [] default null) returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    role_oids oid [];
    policy_differences access.policy_differences [];
    difference record;
    new_policy record;
    role_name name;
    changes integer := 0;
begin
    select coalesce(array_agg(pg_roles.oid), '{}') into role_oids
    from pg_roles
    where pg_roles.rolname = any (coalesce(only_roles, array(select e.database_role from access.employees as e)))
        -- A right is of a name: who lost it keeps nothing, whichever right changes.
        or pg_roles.oid = any (access.former_logins());

    select array_agg(row(d.role_oid, d.relation_oid, d.drop_policy, d.create_expression)::access.policy_differences)
    into policy_differences
    from access.policy_differences_of(role_oids) as d;
    perform access.lock_gently(array(select distinct d.relation_oid from unnest(policy_differences) as d order by 1));

    -- First everything that is too much, then what is missing: at no moment does a role hold both.
    for difference in select d.* from unnest(policy_differences) as d where d.drop_policy is not null loop
        execute format('drop policy if exists %I on %s', difference.drop_policy, difference.relation_oid::regclass);
        changes := changes + 1;
    end loop;
    delete from access.policies as p where not exists (select from pg_policy where pg_policy.oid = p.policy_oid);

    for difference in select d.* from unnest(policy_differences) as d where d.create_expression is not null loop
        select rolname into role_name from pg_roles where oid = difference.role_oid;
        execute format(
            'create policy %I on %s for select to %I using (%s)',
            role_name, difference.relation_oid::regclass, role_name, difference.create_expression
        );
        select pg_policy.oid, pg_get_expr(pg_policy.polqual, pg_policy.polrelid) as printed into new_policy
        from pg_policy
        where pg_policy.polrelid = difference.relation_oid and pg_policy.polname = role_name;
        insert into access.policies (policy_oid, expression, printed)
        values (new_policy.oid, difference.create_expression, new_policy.printed);
        changes := changes + 1;
    end loop;

    for difference in
        select d.* from access.privilege_differences as d
        where d.role_oid = any (role_oids)
        order by d.revoke_first desc
    loop
        if difference.revoke_first then
            perform access.change_privilege(
                'revoke', difference.role_oid, difference.object_kind, difference.object_oid,
                difference.column_name, difference.privilege
            );
        end if;
        if difference.grant_then then
            perform access.change_privilege(
                'grant', difference.role_oid, difference.object_kind, difference.object_oid,
                null, difference.privilege
            );
        end if;
        changes := changes + 1;
    end loop;
    return changes;
end
$$;
comment on function access.apply(text []) is
'Makes grants and policies of these roles (null: of all employees) and of former logins equal to their rights; returns how many
changed.';

create or replace function access.refresh() returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform access.take_turn();
    return access.apply(null);
end
$$;
comment on function access.refresh() is
'Applies the rights of all employees again, after new relations came or somebody changed grants by hand. Returns how
many grants and policies changed; 0 when all is well.';
