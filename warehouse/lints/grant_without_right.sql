-- rule: employees and other roles hold exactly the grants that the rights ask for
-- why: a grant made by hand outlives the right; a missing one is a report that somebody cannot open
-- resolve: select access.refresh(); revoke by hand what roles hold that are no employees
select
    case
        when object_kind in ('relation', 'column', 'sequence') then object_oid::regclass::text
        when object_kind in ('function', 'procedure') then object_oid::regprocedure::text
        when object_kind = 'schema' then object_oid::regnamespace::text
        else current_database()
    end as object,
    format(
        '%s %s for %s',
        case when grant_then then 'missing' else 'too much:' end, privilege, pg_get_userbyid(role_oid)
    ) as detail
from access.privilege_differences
-- CONNECT may be given to logins of other programs: it opens nothing.
where grant_then or object_kind <> 'database' or privilege <> 'CONNECT'
order by object, detail
