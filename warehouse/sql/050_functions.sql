-- Functions that the models call and plain SQL cannot say. Owner only; readers never reach them.

-- One query parameter of a URL, decoded; null when it is absent, empty or not valid UTF-8.
create or replace function ops.decoded_url_parameter(url text, parameter text) returns text
language plpgsql immutable parallel safe as $$
declare
    raw text := substring(url from '[?&]' || parameter || '=([^&#]*)');
    bytes bytea := ''::bytea;
    piece text;
begin
    if raw is null or raw = '' then
        return null;
    end if;
    raw := replace(raw, '+', ' ');
    if position('%' in raw) = 0 then
        return nullif(trim(raw), '');
    end if;
    for piece in select match[1] from regexp_matches(raw, '(%[0-9A-Fa-f]{2}|[^%]+|%)', 'g') as match loop
        bytes := bytes || case
            when piece ~ '^%[0-9A-Fa-f]{2}$' then decode(substr(piece, 2), 'hex')
            else convert_to(piece, 'UTF8')
        end;
    end loop;
    return nullif(trim(convert_from(bytes, 'UTF8')), '');
exception
    when character_not_in_repertoire or untranslatable_character then
        return null;
end
$$;
comment on function ops.decoded_url_parameter(text, text) is
    'ops.url_parameter of a URL that may have it.';

-- Most pages carry no such parameter. Asked here, where the planner writes it into the query: entering the function above
-- begins a subtransaction, for every row of millions.
create or replace function ops.url_parameter(url text, parameter text) returns text
language sql immutable parallel safe as $$
    select case when strpos(url, parameter || '=') > 0 then ops.decoded_url_parameter(url, parameter) end
$$;
comment on function ops.url_parameter(text, text) is
    'One query parameter of a URL, percent-decoded; null when absent, empty or not UTF-8.';

-- The host of a URL in lower case, without port and leading www.
create or replace function ops.url_host(url text) returns text
language sql immutable parallel safe as $$
    select nullif(
        regexp_replace(
            lower(substring(url from '^(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?(?://)?(?:[^/?#@]*@)?([^/?#:]+)')), '^www\.', ''
        ),
        ''
    )
$$;
comment on function ops.url_host(text) is 'Host of a URL in lower case, without port and www.';

-- Connected components of the pairs that `edges_query` returns (left_node text, right_node text; a lone node is a pair
-- of itself). The component's name is its smallest node, so the answer does not depend on the order of rows.
-- Most nodes are alone and stay out of the rounds; the others are numbered in the order of their names, because numbers
-- compare faster. Labels go to the smallest neighbour and then jump to their own label's label: a few rounds even for
-- long chains. A recursive CTE was refused: it is quadratic in one phone that too many people share.
create or replace function ops.connected_components(edges_query text)
returns table (node text, component text)
language plpgsql volatile as $$
declare
    changed bigint;
begin
    drop table if exists
        pg_temp.component_pairs, pg_temp.component_nodes, pg_temp.component_edges, pg_temp.component_labels;
    execute 'create temporary table component_pairs on commit drop as
        select distinct given.left_node, given.right_node from (' || edges_query || ') as given';
    create temporary table component_nodes on commit drop as
        select row_number() over (order by paired.node) as id, paired.node
        from (
            select pairs.left_node as node from pg_temp.component_pairs as pairs where pairs.left_node <> pairs.right_node
            union
            select pairs.right_node from pg_temp.component_pairs as pairs where pairs.left_node <> pairs.right_node
        ) as paired;
    analyze pg_temp.component_nodes;
    create temporary table component_edges on commit drop as
        with pairs as (
            select left_nodes.id as left_id, right_nodes.id as right_id
            from pg_temp.component_pairs as given
            inner join pg_temp.component_nodes as left_nodes on given.left_node = left_nodes.node
            inner join pg_temp.component_nodes as right_nodes on given.right_node = right_nodes.node
        )
        select pairs.left_id as id, pairs.right_id as neighbour from pairs
        union
        select pairs.right_id, pairs.left_id from pairs;
    create temporary table component_labels on commit drop as
        select edges.id, least(edges.id, min(edges.neighbour)) as label
        from pg_temp.component_edges as edges group by edges.id;
    create index on pg_temp.component_labels (id);
    analyze pg_temp.component_edges;
    analyze pg_temp.component_labels;
    loop
        update pg_temp.component_labels as labels
        set label = nearest.label
        from (
            select edges.id, min(neighbours.label) as label
            from pg_temp.component_edges as edges
            inner join pg_temp.component_labels as neighbours on neighbours.id = edges.neighbour
            group by edges.id
        ) as nearest
        where nearest.id = labels.id and nearest.label < labels.label;
        get diagnostics changed = row_count;
        exit when changed = 0;
        loop
            update pg_temp.component_labels as labels
            set label = roots.label
            from pg_temp.component_labels as roots
            where roots.id = labels.label and roots.label < labels.label;
            get diagnostics changed = row_count;
            exit when changed = 0;
        end loop;
    end loop;
    return query
        select nodes.node, named.node
        from pg_temp.component_nodes as nodes
        inner join pg_temp.component_labels as labels on labels.id = nodes.id
        inner join pg_temp.component_nodes as named on named.id = labels.label
        union all
        select pairs.left_node, pairs.left_node
        from pg_temp.component_pairs as pairs
        where
            pairs.left_node = pairs.right_node
            and not exists (select from pg_temp.component_nodes as nodes where nodes.node = pairs.left_node);
end
$$;
comment on function ops.connected_components(text) is
    'Connected components of a graph given as a query of pairs; a component is named by its smallest node.';

-- A name for a phone, an e-mail or a component of them that tells nothing: salted, because numbers can be tried out.
create table if not exists ops.key_salt (salt text not null);
comment on table ops.key_salt is 'The salt of person keys, drawn once for this warehouse. Never granted to anybody.';
comment on column ops.key_salt.salt is 'Random text.';
insert into ops.key_salt (salt)
select gen_random_uuid()::text || gen_random_uuid()::text
where not exists (select from ops.key_salt);

-- With the salt as an argument PostgreSQL writes it into the query that calls it, which asks for the salt once (macros/opaque_key.sql).
create or replace function ops.opaque_key(kind text, given text, salt text) returns text
language sql stable parallel safe as $$
    select kind || ':' || left(encode(sha256(convert_to(salt || '|' || given, 'UTF8')), 'hex'), 20)
$$;
create or replace function ops.opaque_key(kind text, given text) returns text
language sql stable parallel safe as $$
    select ops.opaque_key(kind, given, key_salt.salt) from ops.key_salt
$$;
comment on function ops.opaque_key(text, text, text) is 'The same, with the salt of ops.key_salt: for many rows.';
comment on function ops.opaque_key(text, text) is
    'A stable name for something personal that does not give it away: kind and salted hash.';

-- Two lists, declared immutable for queries that are planned and run once: so the planner asks for them, and knows them as constants.
-- A constant goes through a view of steps to the index below, or is looked up as a hash in each row; a join stops before the view,
-- whose table is then read whole. Ask for them in no statement that is kept.
create or replace function ops.ids_of_families(kind text) returns text[]
language plpgsql immutable as $$
begin
    return array(
        select scope.record_id from build.family_scope as scope where scope.record_kind = ids_of_families.kind
    );
end
$$;
comment on function ops.ids_of_families(text) is
    'Ids of the records of a kind whose families a build of a day makes anew, as the planner shall know them.';

create or replace function ops.keys_unpublished(kind text) returns text[]
language plpgsql immutable as $$
begin
    return array(
        select touched.key from build.family_unpublished as touched where touched.kind = keys_unpublished.kind
    );
end
$$;
comment on function ops.keys_unpublished(text) is
    'Keys of a kind that builds touched since the last publication, as the planner shall know them.';

-- A view's columns say what the columns of the same name of its tables say; what a view computes it comments itself.
create or replace function ops.inherit_comments(view_name regclass, variadic tables regclass[]) returns void
language plpgsql as $$
declare
    described record;
begin
    for described in
        select distinct on (own.attname) own.attname, col_description(theirs.attrelid, theirs.attnum) as words
        from pg_attribute as own
        inner join pg_attribute as theirs on theirs.attname = own.attname and theirs.attrelid = any(tables)
        where own.attrelid = view_name and own.attnum > 0 and not own.attisdropped
        and col_description(theirs.attrelid, theirs.attnum) is not null
        order by own.attname, array_position(tables, theirs.attrelid::regclass)
    loop
        execute format('comment on column %s.%I is %L', view_name, described.attname, described.words);
    end loop;
end
$$;
comment on function ops.inherit_comments(regclass, regclass[]) is
    'Copies the column comments of tables to the columns of the same name of a view over them.';
