-- Removal effects of a Markov chain of a higher order: a state is the last players of the path, up to the order.
--
-- `paths_query` returns (path text[], outcome text, journeys numeric): how many journeys took that path of players and ended in
-- '(conversion)' or '(null)'. Removing a player makes every step to it lead nowhere, whatever came before. Its effect is
-- 1 − (chance to convert without it) / (chance to convert). Higher orders have too many states for the inverse of
-- 055_attribution.sql, so the chances are solved by Gauss and Seidel. From zero they only grow, self-loops are solved at once, and
-- it ends when none moves by more than 1e-16: as exact as double precision is. Order 1 gives the numbers of
-- ops.markov_removal_effects.
create or replace function ops.markov_removal_effects_of_order(paths_query text, markov_order integer)
returns table (player text, removal_effect double precision)
language plpgsql volatile as $$
declare
    last_players text[];
    from_states integer[];
    to_states integer[];
    chances double precision[];
    direct double precision[];
    stay double precision[];
    starts double precision[];
    reach double precision[];
    players text[];
    removed text;
    n integer;
    edges integer;
    e integer;
    total double precision;
    without double precision;
    summed double precision;
    moved double precision;
begin
    drop table if exists pg_temp.markov_order_edges, pg_temp.markov_order_states;
    execute format(
        'create temporary table markov_order_edges on commit drop as
        with given as (%s),
        numbered as (
            select row_number() over () as path_number, path, outcome, journeys from given where cardinality(path) > 0
        ),
        steps as (
            select
                numbered.path_number, numbered.outcome, numbered.journeys, place.place,
                numbered.path[greatest(1, place.place - %s + 1):place.place]::text as state,
                numbered.path[place.place] as last_player
            from numbered
            cross join lateral generate_series(1, cardinality(numbered.path)) as place (place)
        ),
        moves as (
            select
                steps.state as from_state, steps.last_player as from_player, steps.journeys,
                coalesce(
                    lead(steps.state) over (partition by steps.path_number order by steps.place), steps.outcome
                ) as to_state
            from steps
            union all
            select ''(start)'', null, steps.journeys, steps.state from steps where steps.place = 1
        )
        select
            moves.from_state, moves.from_player, moves.to_state,
            (sum(moves.journeys) / sum(sum(moves.journeys)) over (partition by moves.from_state))::double precision
                as chance
        from moves group by 1, 2, 3',
        paths_query, markov_order
    );
    create temporary table markov_order_states on commit drop as
        select edges.from_state as state, min(edges.from_player) as last_player,
            (row_number() over (order by edges.from_state))::integer as number
        from pg_temp.markov_order_edges as edges where edges.from_player is not null group by edges.from_state;
    select array_agg(states.last_player order by states.number), count(*) into last_players, n
    from pg_temp.markov_order_states as states;
    if n = 0 then
        return;
    end if;
    direct := array_fill(0::double precision, array[n]);
    stay := array_fill(0::double precision, array[n]);
    starts := array_fill(0::double precision, array[n]);
    select
        array_agg(origin.number order by origin.number, target.number),
        array_agg(target.number order by origin.number, target.number),
        array_agg(edge.chance order by origin.number, target.number)
    into from_states, to_states, chances
    from pg_temp.markov_order_edges as edge
    inner join pg_temp.markov_order_states as origin on origin.state = edge.from_state
    inner join pg_temp.markov_order_states as target on target.state = edge.to_state
    where origin.number <> target.number;
    edges := coalesce(array_length(from_states, 1), 0);
    for e, summed, removed in
        select states.number, edge.chance, edge.to_state
        from pg_temp.markov_order_edges as edge
        inner join pg_temp.markov_order_states as states on states.state = edge.from_state
        where edge.to_state in ('(conversion)', edge.from_state)
    loop
        if removed = '(conversion)' then
            direct[e] := summed;
        else
            stay[e] := summed;
        end if;
    end loop;
    for e, summed in
        select states.number, edge.chance
        from pg_temp.markov_order_edges as edge
        inner join pg_temp.markov_order_states as states on states.state = edge.to_state
        where edge.from_state = '(start)'
    loop
        starts[e] := summed;
    end loop;
    select array_agg(distinct named.name order by named.name) into players from unnest(last_players) as named (name);
    -- the first round removes nobody
    foreach removed in array array[null::text] || players loop
        reach := array_fill(0::double precision, array[n]);
        loop
            moved := 0;
            e := 1;
            for i in 1..n loop
                summed := direct[i];
                while e <= edges and from_states[e] = i loop
                    summed := summed + chances[e] * reach[to_states[e]];
                    e := e + 1;
                end loop;
                -- a state of the removed player is never reached: its own chance counts for nothing
                summed := case when last_players[i] = removed then 0 else summed / (1 - stay[i]) end;
                moved := greatest(moved, abs(summed - reach[i]));
                reach[i] := summed;
            end loop;
            exit when moved <= 1e-16;
        end loop;
        without := 0;
        for i in 1..n loop
            without := without + starts[i] * reach[i];
        end loop;
        if removed is null then
            total := without;
        else
            player := removed;
            removal_effect := case when total = 0 then 0 else 1 - without / total end;
            return next;
        end if;
    end loop;
end
$$;
comment on function ops.markov_removal_effects_of_order(text, integer) is
    'Removal effect of every player of an absorbing Markov chain whose states are the last players, up to the order.';
