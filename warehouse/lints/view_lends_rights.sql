-- rule: every view in marts, reports and as_of is security_invoker
-- why: another view reads its tables as its owner, past all row policies
-- resolve: create or replace view … with (security_invoker = true)
select
    pg_class.oid::regclass::text as object,
    'not security_invoker' as detail
from pg_catalog.pg_class
where pg_class.relnamespace in ('marts'::regnamespace, 'reports'::regnamespace, 'history'::regnamespace, 'as_of'::regnamespace)
    and pg_class.relkind = 'v'
    and not coalesce(
        (
            select option_value::boolean from pg_options_to_table(pg_class.reloptions)
            where option_name = 'security_invoker'
        ),
        false
    )
order by object
