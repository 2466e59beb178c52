-- rule: what the owner creates later is closed to everybody
-- why: PostgreSQL lets PUBLIC execute every new function, and a default grant opens every new mart
-- resolve: run the migration again; alter default privileges … revoke … for a default grant made by hand
select
    format('functions that %s will create', current_user) as object,
    'PUBLIC may execute them' as detail
where not exists (
    select from pg_catalog.pg_default_acl
    where defaclrole = (select oid from pg_catalog.pg_roles where rolname = current_user)
        and defaclnamespace = 0
        and defaclobjtype = 'f'
        and not exists (select from aclexplode(defaclacl) as acl where acl.grantee = 0)
)
union all
select
    format(
        '%s that %s will create%s',
        case pg_default_acl.defaclobjtype
            when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types'
            when 'n' then 'schemas' else 'objects'
        end,
        pg_get_userbyid(pg_default_acl.defaclrole),
        case when pg_default_acl.defaclnamespace = 0 then '' else ' in ' || pg_default_acl.defaclnamespace::regnamespace end
    ),
    format(
        '%s will have %s',
        case when acl.grantee = 0 then 'PUBLIC' else pg_get_userbyid(acl.grantee)::text end, acl.privilege_type
    )
from pg_catalog.pg_default_acl
cross join aclexplode(pg_default_acl.defaclacl) as acl
where acl.grantee <> pg_default_acl.defaclrole
order by object, detail
