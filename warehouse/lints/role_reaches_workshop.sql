-- rule: nobody but the owner reaches staging, build, access and ops; an employee with a report may use ops, for ops.trace and ops.record_loads alone
-- why: they hold personal data, rows of all clinics, and the key of all passwords
-- resolve: revoke usage on the schema from that role, and its membership in roles that have it (pg_read_all_data too)
select
    pg_namespace.nspname as object,
    format('%s has %s', pg_roles.rolname, privilege.privilege) as detail
from pg_catalog.pg_namespace
cross join pg_catalog.pg_roles
cross join unnest(array['USAGE', 'CREATE']) as privilege (privilege)
where pg_namespace.nspname in ('staging', 'build', 'access', 'ops')
    and pg_roles.oid >= 16384
    and not pg_roles.rolsuper
    and not pg_has_role(pg_roles.oid, pg_namespace.nspowner, 'MEMBER')
    and has_schema_privilege(pg_roles.oid, pg_namespace.oid, privilege.privilege)
    -- an employee with a report may call ops.trace and what it asks; that he holds nothing else there is for the lint of grants
    and not exists (
        select from access.wanted_privileges as wanted
        where wanted.role_oid = pg_roles.oid
            and wanted.object_kind = 'schema'
            and wanted.object_oid = pg_namespace.oid
            and wanted.privilege = privilege.privilege
    )
order by object, detail
