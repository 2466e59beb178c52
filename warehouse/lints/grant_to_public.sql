-- rule: PUBLIC holds nothing in our schemas, creates nothing in the database, and cannot connect to it
-- why: PUBLIC is everybody, those without any right included
-- resolve: revoke all on <object> from public
with ours as (
    select oid as schema_oid from pg_catalog.pg_namespace
    where nspname in (
        'staging', 'build', 'marts', 'reports', 'access', 'ops', 'history', 'as_of', 'deals', 'bridge'
    )
),

objects as (
    select nspname::text as object, acl.grantee, acl.privilege_type
    from pg_catalog.pg_namespace
    cross join aclexplode(coalesce(nspacl, acldefault('n', nspowner))) as acl
    where oid in (select ours.schema_oid from ours)
        or (nspname = 'public' and acl.privilege_type = 'CREATE')
    union all
    select pg_class.oid::regclass::text, acl.grantee, acl.privilege_type
    from pg_catalog.pg_class
    cross join aclexplode(pg_class.relacl) as acl
    where pg_class.relnamespace in (select ours.schema_oid from ours)
    union all
    select pg_attribute.attrelid::regclass::text || '.' || pg_attribute.attname, acl.grantee, acl.privilege_type
    from pg_catalog.pg_attribute
    inner join pg_catalog.pg_class on pg_class.oid = pg_attribute.attrelid
    cross join aclexplode(pg_attribute.attacl) as acl
    where pg_class.relnamespace in (select ours.schema_oid from ours)
    union all
    select pg_proc.oid::regprocedure::text, acl.grantee, acl.privilege_type
    from pg_catalog.pg_proc
    cross join aclexplode(coalesce(pg_proc.proacl, acldefault('f', pg_proc.proowner))) as acl
    where pg_proc.pronamespace in (select ours.schema_oid from ours)
    union all
    select 'database ' || datname, acl.grantee, acl.privilege_type
    from pg_catalog.pg_database
    cross join aclexplode(coalesce(datacl, acldefault('d', datdba))) as acl
    where datname = current_database()
)

select object, format('PUBLIC has %s', privilege_type) as detail
from objects
where grantee = 0
order by object, detail
