-- Removal effects of a Markov chain of a higher order: a state is the last players of the path, up to the order.
--
-- Journeys come as moves from state to state with how many made each (ops.markov_moves), so that what a day brings is added to
-- what is known. Removing a player makes every step to it lead nowhere, whatever came before. Its effect is
-- 1 − (chance to convert without it) / (chance to convert). Order 1 gives the numbers of ops.markov_removal_effects.
--
-- 20 channels have 8,420 states of order 3 and up to 160,000 steps between them: too many for the inverse of
-- 055_attribution.sql. So the chances are solved in rounds, one column for each removal, all removals of all chains in one query:
-- a round of one small chain is mostly the making of its tables.
-- Refused: Gauss and Seidel in PL/pgSQL arrays, player by player, several times slower; simulation, 4 to 5 % off.

-- The chances to convert from the start of each chain without each of these players (null: without nobody), in their order, for the
-- chains in pg_temp.markov_states and pg_temp.markov_steps. A round has three columns for each removal, by its place in the array: x,
-- what the round began with; f, the chances of the steps times x; r = f − x, what it changed.
-- The next round begins with f − t·(f − f before), with the t of each chain that leaves least of r (Anderson's mixing of depth 1;
-- t = 0 is a plain round). Weighted by the journeys that pass a state, a round never enlarges r, so it comes to the one solution.
-- It ends when that weighted sum of r, which bounds the error at the start, is below 1e-14 of the chance to convert in every chain.
drop function if exists ops.markov_chances_without(text[]), ops.markov_removal_effects_of_moves(text);
create function ops.markov_chances_without(removed text[]) returns table (chain text, chances double precision[])
language plpgsql volatile set enable_mergejoin = off as $$
declare
    -- repeats $1 for every removal, with %1$s for its place and %2$L for its player
    for_each constant text := 'select string_agg(format($1, place, player), '', '' order by place)
        from unnest($2::text[]) with ordinality as removals (player, place)';
    zeros text;
    ones text;
    gathered text;
    kept text;
    changed text;
    rests text;
    shares text;
    mixed text;
    chosen text;
    is_solved boolean;
    largest double precision;
begin
    execute for_each into zeros using '0::double precision as x_%1$s', removed;
    execute for_each into ones using '1::double precision', removed;
    execute for_each into gathered using 'sum(steps.chance * x.x_%1$s) as f_%1$s', removed;
    -- a state of the removed player is never reached: its own chance counts for nothing
    execute for_each into kept using
        'case when states.player = %2$L then 0 else coalesce(brought.f_%1$s, 0) end as f_%1$s', removed;
    execute for_each into changed using 'came.f_%1$s, came.f_%1$s - x.x_%1$s as r_%1$s', removed;
    execute for_each into rests using 'sum(states.journeys * abs(now.r_%1$s))', removed;
    -- where only the noise of rounding is left, there is nothing to learn from it
    execute for_each into shares using
        'case when max(abs(now.r_%1$s)) > 1e-15 then coalesce('
        'sum(states.journeys * now.r_%1$s * (now.r_%1$s - before.r_%1$s))'
        ' / nullif(sum(states.journeys * (now.r_%1$s - before.r_%1$s) ^ 2), 0), 0) else 0 end as t_%1$s', removed;
    execute for_each into mixed using 'now.f_%1$s - share.t_%1$s * (now.f_%1$s - before.f_%1$s) as x_%1$s', removed;
    execute for_each into chosen using 'now.f_%1$s', removed;
    drop table if exists pg_temp.markov_x, pg_temp.markov_now, pg_temp.markov_before;
    execute 'create temporary table markov_x on commit drop as select states.number, ' || zeros
        || ' from pg_temp.markov_states as states union all select 0, ' || ones;
    for round in 1..10000 loop
        execute 'create temporary table markov_now on commit drop as
            with brought as (
                select steps.from_number as number, ' || gathered || '
                from pg_temp.markov_steps as steps
                inner join pg_temp.markov_x as x on x.number = steps.to_number
                group by steps.from_number
            ),
            came as (
                select states.number, ' || kept || '
                from pg_temp.markov_states as states
                left join brought on brought.number = states.number
            )
            select came.number, ' || changed || ' from came inner join pg_temp.markov_x as x on x.number = came.number';
        execute 'select bool_and(left_over.rest <= 1e-14 * left_over.whole), max(left_over.rest)
            from (
                select greatest(' || rests || ') / max(states.journeys) filter (where states.is_start) as rest,
                    max(now.f_1) filter (where states.is_start) as whole
                from pg_temp.markov_now as now inner join pg_temp.markov_states as states using (number)
                group by states.chain
            ) as left_over'
            into is_solved, largest;
        if is_solved then
            return query execute 'select states.chain, array[' || chosen || '] from pg_temp.markov_now as now
                inner join pg_temp.markov_states as states using (number) where states.is_start';
            return;
        end if;
        if round = 1 then
            create temporary table markov_before on commit drop as table pg_temp.markov_now;
        end if;
        drop table pg_temp.markov_x;
        execute 'create temporary table markov_x on commit drop as
            with share as (
                select states.chain, ' || shares || '
                from pg_temp.markov_now as now
                inner join pg_temp.markov_before as before using (number)
                inner join pg_temp.markov_states as states using (number)
                group by states.chain
            )
            select now.number, ' || mixed || '
            from pg_temp.markov_now as now
            inner join pg_temp.markov_before as before using (number)
            inner join pg_temp.markov_states as states using (number)
            inner join share using (chain)
            union all select 0, ' || ones;
        drop table pg_temp.markov_before;
        alter table pg_temp.markov_now rename to markov_before;
    end loop;
    raise exception 'the chances of a Markov chain still change by % after 10000 rounds', largest;
end
$$;
comment on function ops.markov_chances_without(text[]) is
    'Chances to convert from the start of each chain in temporary tables, without each of these players.';

-- The moves of one path. A state is an array of the last players; the start is empty, the end is one of '(conversion)' and '(null)'.
-- Staying in a state takes no round: such moves are left out, and the others make up the whole.
create or replace function ops.markov_moves(path text[], outcome text, markov_order integer)
returns table (from_state text[], to_state text[])
language sql immutable as $$
    select moves.from_state, moves.to_state
    from (
        select
            path[greatest(1, place - markov_order + 1):place] as from_state,
            case
                when place < cardinality(path) then path[greatest(1, place - markov_order + 2):place + 1]
                else array[outcome]
            end as to_state
        from generate_series(0, cardinality(path)) as place
        where cardinality(path) > 0
    ) as moves
    where moves.from_state is distinct from moves.to_state
$$;
comment on function ops.markov_moves(text[], text, integer) is
    'From state to state along one path of players, where a state is the last players, up to the order.';

-- `moves_query` returns (chain text, from_state text[], to_state text[], journeys numeric), each move of a chain once.
-- The planner looks at as many rows whoever asks: another plan adds in another order, which moves the last digit.
create function ops.markov_removal_effects_of_moves(moves_query text)
returns table (chain text, player text, removal_effect double precision)
language plpgsql volatile set default_statistics_target = 100 as $$
#variable_conflict use_column
declare
    players text[];
begin
    drop table if exists pg_temp.markov_moves, pg_temp.markov_states, pg_temp.markov_steps;
    execute 'create temporary table markov_moves on commit drop as ' || moves_query;
    -- numbered and laid down in order, so that sums come out the same to the last digit, in whatever order the moves came
    create temporary table markov_states on commit drop as
        select
            moves.chain, moves.from_state as state,
            (row_number() over (order by moves.chain, moves.from_state))::integer as number,
            moves.from_state[cardinality(moves.from_state)] as player,
            moves.from_state = '{}' as is_start,
            sum(moves.journeys)::double precision as journeys
        from pg_temp.markov_moves as moves group by moves.chain, moves.from_state
        order by number;
    -- 0 is the conversion; a step to nothing brings nothing
    create temporary table markov_steps on commit drop as
        select
            origin.number as from_number, coalesce(target.number, 0) as to_number,
            moves.journeys::double precision / origin.journeys as chance
        from pg_temp.markov_moves as moves
        inner join pg_temp.markov_states as origin on origin.chain = moves.chain and origin.state = moves.from_state
        left join pg_temp.markov_states as target on target.chain = moves.chain and target.state = moves.to_state
        where moves.to_state <> array['(null)']
        order by from_number, to_number;
    analyze pg_temp.markov_states;
    analyze pg_temp.markov_steps;
    select array_agg(named.player order by named.player) into players
    from (select distinct states.player from pg_temp.markov_states as states where not states.is_start) as named;
    -- some at a time: a table has no more than 1,600 columns
    for first_place in 1..coalesce(cardinality(players), 0) by 100 loop
        return query
        select
            without.chain, taken.player,
            case when without.chances[1] = 0 then 0 else 1 - without.chances[taken.place + 1] / without.chances[1] end
        from ops.markov_chances_without(null::text || players[first_place:first_place + 99]) as without
        cross join unnest(players[first_place:first_place + 99]) with ordinality as taken (player, place)
        where exists (
            select from pg_temp.markov_states as states
            where states.chain = without.chain and states.player = taken.player
        );
    end loop;
end
$$;
drop function if exists ops.markov_removal_effects_of_order(text, integer);
comment on function ops.markov_removal_effects_of_moves(text) is
    'Removal effect of every player of absorbing Markov chains whose states are the last players, up to the order.';
