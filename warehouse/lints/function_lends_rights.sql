-- rule: no function that runs with its owner's rights can be called by anybody else
-- why: it reads past all row policies, and its arguments come from the caller
-- resolve: security invoker, or revoke execute from everybody but the owner
select
    pg_proc.oid::regprocedure::text as object,
    format(
        'security definer, may be called by %s',
        case when acl.grantee = 0 then 'PUBLIC' else pg_get_userbyid(acl.grantee)::text end
    ) as detail
from pg_catalog.pg_proc
cross join aclexplode(coalesce(pg_proc.proacl, acldefault('f', pg_proc.proowner))) as acl
where pg_proc.prosecdef
    and acl.grantee <> pg_proc.proowner
    -- Three ask access themselves, one only writes to the log, one is the bridge's; who else may call them is for the lint
    -- of grants.
    and (
        acl.grantee = 0
        or pg_proc.oid::regprocedure::text
        !~ '^(deals\.(add|move)|ops\.record_loads|access\.note_personal_read|bridge\.viewer)\('
    )
    -- 16384: the first object that did not come with the server.
    and pg_proc.oid >= 16384
    and not exists (
        select from pg_catalog.pg_depend
        where pg_depend.classid = 'pg_catalog.pg_proc'::regclass
            and pg_depend.objid = pg_proc.oid
            and pg_depend.deptype = 'e'
    )
order by object, detail
