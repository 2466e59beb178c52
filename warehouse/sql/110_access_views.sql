-- What follows from the rights: effective rights, and the grants and policies that enforce them.
-- Nothing here is read by a policy: policies are literal (docs/decisions/access_by_literal_policies.md).

create or replace function access.row_condition(
    clinic_column text, owner_columns text [], is_personal boolean,
    clinics text [], own_rows_only boolean, personal_data boolean, employee_id text
) returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
    select case
        when is_personal and not personal_data then null
        when own_rows_only and (employee_id is null or cardinality(owner_columns) = 0) then null
        else coalesce(
            nullif(
                concat_ws(
                    ' and ',
                    case
                        when clinics is null or clinic_column is null then null
                        when cardinality(clinics) = 1 then format('%I = %L', clinic_column, clinics[1])
                        else format('%I = any (%L::text[])', clinic_column, clinics::text)
                    end,
                    case
                        when own_rows_only then (
                            select '(' || string_agg(format('%I = %L', owner_column, employee_id), ' or ') || ')'
                            from unnest(owner_columns) as owner_column
                        )
                    end
                ),
                ''
            ),
            'true'
        )
    end
$$;
comment on function access.row_condition(text, text [], boolean, text [], boolean, boolean, text) is
'Condition of a row policy in literals; null: the right shows no row of this table, so there is no policy.';

create or replace view access.explained_rights as
select
    employees.database_role,
    known_reports.report,
    coalesce(own_right.is_allowed, group_right.is_allowed) as is_allowed,
    case when own_right.report is null then group_right.clinics else own_right.clinics end as clinics,
    coalesce(own_right.own_rows_only, group_right.own_rows_only) as own_rows_only,
    coalesce(own_right.personal_data, group_right.personal_data) as personal_data,
    case
        when own_right.report is null
            then format(
                '%s for group %s',
                case when group_right.is_allowed then 'allowed' else 'denied' end, employees.employee_group
            )
        else format(
            '%s for the employee%s',
            case when own_right.is_allowed then 'allowed' else 'denied' end,
            case
                when group_right.report is null then ''
                when group_right.is_allowed then format(', which beats group %s: allowed', employees.employee_group)
                else format(', which beats group %s: denied', employees.employee_group)
            end
        )
    end as why
from access.employees
cross join access.known_reports
left join access.rights as own_right
    on own_right.subject_kind = 'employee'
    and own_right.subject = employees.database_role
    and own_right.report = known_reports.report
left join access.rights as group_right
    on group_right.subject_kind = 'group'
    and group_right.subject = employees.employee_group
    and group_right.report = known_reports.report
where own_right.report is not null or group_right.report is not null;
comment on view access.explained_rights is
'What was said about each employee and report, denials included, and why it is so. One row per employee and report.';

create or replace view access.effective_rights as
select database_role, report, clinics, own_rows_only, personal_data, why
from access.explained_rights
where is_allowed;
comment on view access.effective_rights is
'What each employee may see now. One row per employee and report; no row: nothing.';

create or replace view access.wanted_policies as
with conditions as (
    select
        roles.oid as role_oid,
        pg_class.oid as relation_oid,
        format('%I.%I', relations.schema_name, relations.relation_name) as relation_name,
        relations.is_personal,
        relations.report,
        case
            when relations.report = '*' then 'true'  -- rows about no clinic and nobody
            else access.row_condition(
                relations.clinic_column, relations.owner_columns, relations.is_personal,
                effective_rights.clinics, effective_rights.own_rows_only, effective_rights.personal_data,
                employees.employee_id
            )
        end as expression
    from access.effective_rights
    inner join access.employees on employees.database_role = effective_rights.database_role
    inner join pg_catalog.pg_roles as roles on roles.rolname = employees.database_role
    inner join access.relations
        on relations.report in (effective_rights.report, '*') and relations.object_kind = 'table'
    inner join pg_catalog.pg_namespace on pg_namespace.nspname = relations.schema_name
    inner join pg_catalog.pg_class
        on pg_class.relnamespace = pg_namespace.oid
        and pg_class.relname = relations.relation_name
        and pg_class.relkind in ('r', 'p')
)

select
    rows_shown.role_oid,
    rows_shown.relation_oid,
    -- A sub-select, so that it is asked once a query and not once a row. Not on Citus: there audit_personal_reads is off.
    case
        when rows_shown.is_personal and coalesce(settings.value, 'on') = 'on'
            then format('(%s) and (select access.note_personal_read(%L))', rows_shown.expression, rows_shown.relation_name)
        else rows_shown.expression
    end as expression
from (
    select
        role_oid,
        relation_oid,
        relation_name,
        bool_or(is_personal) as is_personal,
        case
            when bool_or(expression = 'true') then 'true'
            when count(*) = 1 then min(expression)
            else string_agg('(' || expression || ')', ' or ' order by report)
        end as expression
    from conditions
    where expression is not null
    group by role_oid, relation_oid, relation_name
) as rows_shown
left join staging.settings on settings.name = 'audit_personal_reads';
comment on view access.wanted_policies is
'Row policies that the rights ask for. One row per employee role and published table with any row to show.';

create or replace function access.policy_differences_of(role_oids oid [])
returns table (role_oid oid, relation_oid oid, drop_policy name, create_expression text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    with existing as (
        select
            pg_policy.polrelid as relation_oid,
            pg_policy.polname as policy_name,
            concerned.role_oid,
            -- Unchanged since access wrote it; otherwise somebody changed it by hand.
            policies.expression is not null
            and cardinality(pg_policy.polroles) = 1
            and pg_policy.polcmd = 'r'
            and pg_policy.polpermissive
            and pg_policy.polwithcheck is null
            and policies.printed = pg_get_expr(pg_policy.polqual, pg_policy.polrelid) as is_ours,
            policies.expression
        from pg_policy
        cross join unnest(pg_policy.polroles) as concerned (role_oid)
        left join access.policies on policies.policy_oid = pg_policy.oid
        where role_oids is null or concerned.role_oid = any (role_oids)
    ),

    wanted as (
        select wanted_policies.role_oid, wanted_policies.relation_oid, wanted_policies.expression, pg_roles.rolname
        from access.wanted_policies
        inner join pg_roles on pg_roles.oid = wanted_policies.role_oid
        where role_oids is null or wanted_policies.role_oid = any (role_oids)
    )

    select
        coalesce(wanted.role_oid, existing.role_oid),
        coalesce(wanted.relation_oid, existing.relation_oid),
        existing.policy_name,
        wanted.expression
    from wanted
    -- Our policy is named as its role; one with another name is nobody's, even beside ours.
    full join existing
        on existing.role_oid = wanted.role_oid
        and existing.relation_oid = wanted.relation_oid
        and existing.policy_name = wanted.rolname
    where existing.is_ours is not true
        or wanted.expression is null
        or existing.expression is distinct from wanted.expression
$$;
comment on function access.policy_differences_of(oid []) is
'Policies to drop and to create for these roles (null: all), so that the catalog says what the rights say. Role 0 is
PUBLIC.';

create or replace view access.policy_differences as
select role_oid, relation_oid, drop_policy, create_expression
from access.policy_differences_of(null);
comment on view access.policy_differences is
'Policies to drop and to create so that the catalog says what the rights say. Empty when all is well. Role 0 is PUBLIC.';

create or replace view access.wanted_privileges as
with readable as (
    select employees.database_role, relations.schema_name, relations.relation_name, relations.object_kind
    from access.effective_rights
    inner join access.employees on employees.database_role = effective_rights.database_role
    inner join access.relations
        on relations.report = effective_rights.report
        or relations.report = '*'
    union all
    -- not published: the migration makes them (145_deal_entry.sql)
    select effective_rights.database_role, 'deals', entry.function_name, 'function'
    from access.effective_rights
    cross join (values ('add'), ('move')) as entry (function_name)
    where effective_rights.report = 'deal_entry'
    union all
    -- one only asks the report's own trace, which is opened by the report's right (154_trace.sql), and that asks the other, which tells
    -- loads of what the login may see (155_record_loads.sql)
    select distinct effective_rights.database_role, 'ops', needed.function_name, 'function'
    from access.effective_rights
    cross join (values ('trace'), ('record_loads')) as needed (function_name)
    inner join access.relations
        on relations.report = effective_rights.report
        and relations.schema_name = 'reports'
        and relations.object_kind = 'function'
        and relations.relation_name like '%\_trace'
),

objects as (
    select employees.database_role, 'database' as object_kind, pg_database.oid as object_oid, 'CONNECT' as privilege
    from access.employees
    inner join pg_catalog.pg_database on pg_database.datname = current_database()
    where pg_has_role(current_user, pg_database.datdba, 'USAGE')
    union
    select readable.database_role, 'schema', pg_namespace.oid, 'USAGE'
    from readable
    inner join pg_catalog.pg_namespace on pg_namespace.nspname = readable.schema_name
    union
    select readable.database_role, 'relation', pg_class.oid, 'SELECT'
    from readable
    inner join pg_catalog.pg_namespace on pg_namespace.nspname = readable.schema_name
    inner join pg_catalog.pg_class
        on pg_class.relnamespace = pg_namespace.oid and pg_class.relname = readable.relation_name
    where (readable.object_kind = 'table' and pg_class.relkind in ('r', 'p'))
        or (readable.object_kind = 'view' and pg_class.relkind = 'v')
    union
    select readable.database_role, 'function', pg_proc.oid, 'EXECUTE'
    from readable
    inner join pg_catalog.pg_namespace on pg_namespace.nspname = readable.schema_name
    inner join pg_catalog.pg_proc
        on pg_proc.pronamespace = pg_namespace.oid and pg_proc.proname = readable.relation_name
    where readable.object_kind = 'function'
    union
    -- A policy calls it as the reader; the schema stays closed, so nothing else can.
    select effective_rights.database_role, 'function', pg_proc.oid, 'EXECUTE'
    from access.effective_rights
    inner join pg_catalog.pg_proc
        on pg_proc.pronamespace = 'access'::regnamespace and pg_proc.proname = 'note_personal_read'
    where effective_rights.personal_data
    union
    -- the bridge of a BI server (160_bridge.sql)
    select bridges.rolname, 'schema', pg_namespace.oid, 'USAGE'
    from pg_catalog.pg_roles as bridges
    inner join pg_catalog.pg_namespace on pg_namespace.nspname = 'bridge'
    where bridges.rolname = left(current_database(), 50) || '_bridge'
    union
    select bridges.rolname, 'function', pg_proc.oid, 'EXECUTE'
    from pg_catalog.pg_roles as bridges
    inner join pg_catalog.pg_namespace on pg_namespace.nspname = 'bridge'
    inner join pg_catalog.pg_proc on pg_proc.pronamespace = pg_namespace.oid and pg_proc.proname = 'viewer'
    where bridges.rolname = left(current_database(), 50) || '_bridge'
)

select roles.oid as role_oid, objects.object_kind, objects.object_oid, objects.privilege
from objects
inner join pg_catalog.pg_roles as roles on roles.rolname = objects.database_role;
comment on view access.wanted_privileges is
'Grants that the rights ask for. One row per employee role, object and privilege.';

create or replace view access.held_privileges as
with entries as (
    select
        'database' as object_kind, pg_database.oid as object_oid, null::text as column_name, pg_database.datdba as owner_oid,
        acl.grantee, acl.privilege_type, acl.is_grantable
    from pg_catalog.pg_database
    cross join aclexplode(pg_database.datacl) as acl
    where pg_database.datname = current_database()
    union all
    select
        'schema', pg_namespace.oid, null, pg_namespace.nspowner, acl.grantee, acl.privilege_type, acl.is_grantable
    from pg_catalog.pg_namespace
    cross join aclexplode(pg_namespace.nspacl) as acl
    union all
    select
        case when pg_class.relkind = 'S' then 'sequence' else 'relation' end, pg_class.oid, null, pg_class.relowner,
        acl.grantee, acl.privilege_type, acl.is_grantable
    from pg_catalog.pg_class
    cross join aclexplode(pg_class.relacl) as acl
    union all
    select
        'column', pg_class.oid, pg_attribute.attname, pg_class.relowner, acl.grantee, acl.privilege_type,
        acl.is_grantable
    from pg_catalog.pg_attribute
    inner join pg_catalog.pg_class on pg_class.oid = pg_attribute.attrelid
    cross join aclexplode(pg_attribute.attacl) as acl
    where not pg_attribute.attisdropped
    union all
    select
        case when pg_proc.prokind = 'p' then 'procedure' else 'function' end, pg_proc.oid, null, pg_proc.proowner,
        acl.grantee, acl.privilege_type, acl.is_grantable
    from pg_catalog.pg_proc
    cross join aclexplode(pg_proc.proacl) as acl
)

select
    grantee as role_oid,
    object_kind,
    object_oid,
    column_name,
    privilege_type as privilege,
    is_grantable
from entries
-- What others own is theirs to give: only what the owner of the warehouse could take back is compared. Roles below
-- 16384 (PUBLIC is 0) came with the server.
where grantee >= 16384 and grantee <> owner_oid and pg_has_role(current_user, owner_oid, 'USAGE');
comment on view access.held_privileges is
'Grants that roles hold on objects of this database. One row per role, object, column and privilege.';

create or replace view access.privilege_differences as
select
    coalesce(wanted.role_oid, held.role_oid) as role_oid,
    coalesce(wanted.object_kind, held.object_kind) as object_kind,
    coalesce(wanted.object_oid, held.object_oid) as object_oid,
    held.column_name,
    coalesce(wanted.privilege, held.privilege) as privilege,
    held.role_oid is not null as revoke_first,
    wanted.role_oid is not null as grant_then
from access.wanted_privileges as wanted
full join access.held_privileges as held
    on held.role_oid = wanted.role_oid
    and held.object_kind = wanted.object_kind
    and held.object_oid = wanted.object_oid
    and held.privilege = wanted.privilege
where wanted.role_oid is null or held.role_oid is null or held.is_grantable;
comment on view access.privilege_differences is
'Grants to take back and to give so that the catalog says what the rights say.';
