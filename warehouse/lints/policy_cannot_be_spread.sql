-- rule: a row policy is an expression on columns, without subquery, session setting or session_user; only the note of a
--   personal read is a subquery, on personal tables
-- why: on Citus a policy is evaluated on the workers, where a subquery is refused, settings are not sent and session_user
--   is somebody else; and whoever connects may set a setting himself
-- resolve: write what the right allows as literals, as access.apply does; do not make policies by hand
select
    policies.relation as object,
    format('policy %I: %s', policies.polname, policies.expression) as detail
from (
    select
        pg_policy.polrelid::regclass::text as relation,
        pg_policy.polname,
        pg_get_expr(pg_policy.polqual, pg_policy.polrelid) as expression,
        exists (
            select from access.relations
            where relations.is_personal
                and relations.relation_name = pg_class.relname
                and relations.schema_name = pg_class.relnamespace::regnamespace::text
        ) as is_personal
    from pg_catalog.pg_policy
    inner join pg_catalog.pg_class on pg_class.oid = pg_policy.polrelid
    where pg_class.relnamespace in ('marts'::regnamespace, 'reports'::regnamespace, 'history'::regnamespace)
) as policies
where case
        when policies.is_personal
            then regexp_replace(
                policies.expression, '\( ?SELECT access\.note_personal_read\(''[^'']*''::text\) AS note_personal_read\)', '', 'g'
            )
        else policies.expression
    end ~* '\mselect\M|current_setting|session_user|current_user|subplan'
order by object
