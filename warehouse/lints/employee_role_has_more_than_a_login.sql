-- rule: an employee's role has no attribute but LOGIN, is nobody's member, has none but the owner, owns nothing here, and exists
-- why: BYPASSRLS and SUPERUSER pass by all policies, and a membership lends the other role's rows
-- resolve: alter role … nosuperuser nobypassrls nocreaterole nocreatedb noreplication; revoke the membership;
-- select access.remove_employee(…) for a role that is gone
with others as (
    -- whoever may be the owner of the warehouse sees all rows anyway
    select pg_auth_members.roleid, pg_auth_members.member
    from pg_catalog.pg_auth_members
    inner join pg_catalog.pg_namespace on pg_namespace.nspname = 'access'
    where not pg_has_role(pg_auth_members.member, pg_namespace.nspowner, 'MEMBER')
)

select
    employees.database_role as object,
    concat_ws(
        ', ',
        case when pg_roles.oid is null then 'the role does not exist' end,
        case when pg_roles.rolsuper then 'SUPERUSER' end,
        case when pg_roles.rolbypassrls then 'BYPASSRLS' end,
        case when pg_roles.rolcreaterole then 'CREATEROLE' end,
        case when pg_roles.rolcreatedb then 'CREATEDB' end,
        case when pg_roles.rolreplication then 'REPLICATION' end,
        (
            select string_agg(format('member of %s', pg_get_userbyid(roleid)), ', ')
            from pg_catalog.pg_auth_members
            where member = pg_roles.oid
        ),
        (
            select string_agg(format('lends its rows to %s', pg_get_userbyid(others.member)), ', ')
            from others
            where others.roleid = pg_roles.oid
        ),
        (
            select string_agg(distinct format('owns something in %s', classid::regclass), ', ')
            from pg_catalog.pg_shdepend
            where refclassid = 'pg_catalog.pg_authid'::regclass
                and refobjid = pg_roles.oid
                and deptype = 'o'
                and dbid = (select oid from pg_catalog.pg_database where datname = current_database())
        )
    ) as detail
from access.employees
left join pg_catalog.pg_roles on pg_roles.rolname = employees.database_role
where pg_roles.oid is null
    or pg_roles.rolsuper
    or pg_roles.rolbypassrls
    or pg_roles.rolcreaterole
    or pg_roles.rolcreatedb
    or pg_roles.rolreplication
    or exists (select from pg_catalog.pg_auth_members where member = pg_roles.oid)
    or exists (select from others where others.roleid = pg_roles.oid)
    or exists (
        select from pg_catalog.pg_shdepend
        where refclassid = 'pg_catalog.pg_authid'::regclass
            and refobjid = pg_roles.oid
            and deptype = 'o'
            and dbid = (select oid from pg_catalog.pg_database where datname = current_database())
    )
order by object
