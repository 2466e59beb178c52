-- rule: functions in reports and as_of are security invoker and stable or immutable
-- why: a volatile one sees a new snapshot at each of its statements, so half of one publication and half of the next;
-- a security definer one reads past all row policies
-- resolve: declare it stable, without security definer
select
    pg_proc.oid::regprocedure::text as object,
    case when pg_proc.prosecdef then 'security definer' else 'volatile' end as detail
from pg_catalog.pg_proc
where pg_proc.pronamespace in ('marts'::regnamespace, 'reports'::regnamespace, 'history'::regnamespace, 'as_of'::regnamespace)
    and (pg_proc.prosecdef or pg_proc.provolatile = 'v')
order by object
