-- rule: the row policies are exactly those that the rights ask for
-- why: a policy without a right shows rows that nobody gave; a missing one hides rows that somebody was given
-- resolve: select access.refresh()
select
    relation_oid::regclass::text as object,
    format(
        'policy %s for %s: %s',
        coalesce(drop_policy, '(missing)'),
        case when role_oid = 0 then 'PUBLIC' else coalesce(pg_get_userbyid(role_oid)::text, '?') end,
        case when create_expression is null then 'no right asks for it' else 'differs from the right' end
    ) as detail
from access.policy_differences
order by object, detail
