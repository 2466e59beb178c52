-- rule: every table in marts, reports and history has row-level security, without FORCE, and is known to access
-- why: without it whoever is granted the table sees every clinic's rows; materialized views cannot have it at all
-- resolve: publish the model through meta.publish and never create relations in marts or reports by hand
select
    pg_class.oid::regclass::text as object,
    case
        when pg_class.relkind in ('m', 'f') then 'a materialized view or foreign table knows no row policies'
        when not pg_class.relrowsecurity then 'row security is off'
        when pg_class.relforcerowsecurity then 'row security is forced: dbt and publication would read nothing'
        else 'access.relations does not know it'
    end as detail
from pg_catalog.pg_class
where pg_class.relnamespace in ('marts'::regnamespace, 'reports'::regnamespace, 'history'::regnamespace, 'as_of'::regnamespace)
    and (
        pg_class.relkind in ('m', 'f')
        or (
            pg_class.relkind in ('r', 'p')
            and (
                not pg_class.relrowsecurity
                or pg_class.relforcerowsecurity
                or not exists (
                    select from access.relations
                    where relations.object_kind = 'table'
                        and relations.relation_name = pg_class.relname
                        and relations.schema_name = pg_class.relnamespace::regnamespace::text
                )
            )
        )
    )
order by object
