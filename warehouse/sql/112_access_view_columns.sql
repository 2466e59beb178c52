-- What the columns of the views of 110 mean; the same word means the same in each of them.

do $$
declare
    described record;
begin
    for described in
        select pg_class.oid::regclass as view_name, pg_attribute.attname, meanings.words
        from (
            values
            ('database_role', 'The employee''s own LOGIN role.'),
            ('report', 'Report name without its schema, or `marts`.'),
            ('is_allowed', 'Whether the employee sees the report.'),
            ('clinics', 'Clinics whose rows are seen; null: all.'),
            ('own_rows_only', 'Whether only rows are seen whose administrator or manager is the employee.'),
            ('personal_data', 'Whether names, phones, e-mails, recordings and free text are seen.'),
            ('why', 'Which allow or deny decided: the employee''s own, else the group''s.'),
            ('role_oid', 'Role of the employee, in pg_roles; 0 is PUBLIC.'),
            ('relation_oid', 'Published table, in pg_class.'),
            ('expression', 'Condition of the policy, in literals.'),
            ('drop_policy', 'Name of the policy to drop; null: none.'),
            ('create_expression', 'Condition of the policy to create; null: none.'),
            ('object_kind', 'database, schema, relation, column, sequence, function or procedure.'),
            ('object_oid', 'The object, in the catalog of its kind.'),
            ('column_name', 'Column of a grant on a column; null: on the whole object.'),
            ('privilege', 'The privilege, e.g. SELECT.'),
            ('is_grantable', 'Whether the role may hand it on.'),
            ('revoke_first', 'Whether the role holds it and it has to be taken back.'),
            ('grant_then', 'Whether the rights ask for it and it has to be given.')
        ) as meanings (attname, words)
        inner join pg_attribute on pg_attribute.attname = meanings.attname and pg_attribute.attnum > 0
        inner join pg_class on pg_class.oid = pg_attribute.attrelid
        where
            pg_class.relnamespace = 'access'::regnamespace
            and pg_class.relkind = 'v'
            and col_description(pg_attribute.attrelid, pg_attribute.attnum) is distinct from meanings.words
    loop
        execute format('comment on column %s.%I is %L', described.view_name, described.attname, described.words);
    end loop;
end
$$;
