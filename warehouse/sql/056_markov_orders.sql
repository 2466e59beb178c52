-- Removal effects of a Markov chain of a higher order: a state is the last players of the path, up to the order.
--
-- Journeys come as moves from state to state with how many made each (ops.markov_moves), so that what a day brings is added to
-- what is known. Removing a player makes every step to it lead nowhere, whatever came before. Its effect is
-- 1 − (chance to convert without it) / (chance to convert). Order 1 gives the numbers of ops.markov_removal_effects.
--
-- 20 channels have 8,420 states of order 3 and up to 160,000 steps between them: too many for the inverse of
-- 055_attribution.sql. So the chances are solved in rounds, one column for each removal, all removals in one query.
-- Refused: Gauss and Seidel in PL/pgSQL arrays, player by player, several times slower; simulation, 4 to 5 % off.

-- The chances to convert from the start without each of these players (null: without nobody), in their order, for the chain in
-- pg_temp.markov_states and pg_temp.markov_steps. A round has three columns for each removal, by its place in the array: x, what
-- the round began with; f, the chances of the steps times x; r = f − x, what it changed.
-- The next round begins with f − t·(f − f before), with the t that leaves least of r (Anderson's mixing of depth 1; t = 0 is a
-- plain round). Weighted by the journeys that pass a state, a round never enlarges r, so it comes to the one solution.
-- It ends when that weighted sum of r, which bounds the error at the start, is below 1e-14 of the chance to convert.
create or replace function ops.markov_chances_without(removed text[]) returns double precision[]
language plpgsql volatile as $$
declare
    -- repeats $1 for every removal, with %1$s for its place and %2$L for its player
    for_each constant text := 'select string_agg(format($1, place, player), '', '' order by place)
        from unnest($2::text[]) with ordinality as removals (player, place)';
    zeros text;
    ones text;
    gathered text;
    changed text;
    rests text;
    shares text;
    mixed text;
    chosen text;
    t double precision[] := array_fill(0::double precision, array[cardinality(removed)]);
    rest double precision;
    whole double precision;
    chances double precision[];
begin
    execute for_each into zeros using '0::double precision as x_%1$s', removed;
    execute for_each into ones using '1::double precision', removed;
    -- a state of the removed player is never reached: its own chance counts for nothing
    execute for_each into gathered using
        'case when states.player = %2$L then 0 else coalesce(sum(steps.chance * x.x_%1$s), 0) end as f_%1$s', removed;
    execute for_each into changed using 'came.f_%1$s, came.f_%1$s - x.x_%1$s as r_%1$s', removed;
    execute for_each into rests using 'sum(states.journeys * abs(now.r_%1$s))', removed;
    -- where only the noise of rounding is left, there is nothing to learn from it
    execute for_each into shares using
        'case when max(abs(now.r_%1$s)) > 1e-15 then coalesce('
        'sum(states.journeys * now.r_%1$s * (now.r_%1$s - before.r_%1$s))'
        ' / nullif(sum(states.journeys * (now.r_%1$s - before.r_%1$s) ^ 2), 0), 0) else 0 end', removed;
    execute for_each into mixed using 'now.f_%1$s - ($1)[%1$s] * (now.f_%1$s - before.f_%1$s) as x_%1$s', removed;
    execute for_each into chosen using 'now.f_%1$s', removed;
    drop table if exists pg_temp.markov_x, pg_temp.markov_now, pg_temp.markov_before;
    execute 'create temporary table markov_x on commit drop as select states.number, ' || zeros
        || ' from pg_temp.markov_states as states union all select 0, ' || ones;
    for round in 1..10000 loop
        execute 'create temporary table markov_now on commit drop as
            with came as (
                select states.number, ' || gathered || '
                from pg_temp.markov_states as states
                left join pg_temp.markov_steps as steps on steps.from_number = states.number
                left join pg_temp.markov_x as x on x.number = steps.to_number
                group by states.number, states.player
            )
            select came.number, ' || changed || ' from came inner join pg_temp.markov_x as x on x.number = came.number';
        execute 'select greatest(' || rests || ') / max(states.journeys) filter (where states.is_start),
                max(now.f_1) filter (where states.is_start)
            from pg_temp.markov_now as now inner join pg_temp.markov_states as states using (number)'
            into rest, whole;
        if rest <= 1e-14 * whole then
            execute 'select array[' || chosen || '] from pg_temp.markov_now as now
                inner join pg_temp.markov_states as states using (number) where states.is_start' into chances;
            return chances;
        end if;
        if round = 1 then
            create temporary table markov_before on commit drop as table pg_temp.markov_now;
        end if;
        execute 'select array[' || shares || '] from pg_temp.markov_now as now
            inner join pg_temp.markov_before as before using (number)
            inner join pg_temp.markov_states as states using (number)' into t;
        drop table pg_temp.markov_x;
        execute 'create temporary table markov_x on commit drop as select now.number, ' || mixed || '
            from pg_temp.markov_now as now inner join pg_temp.markov_before as before using (number)
            union all select 0, ' || ones using t;
        drop table pg_temp.markov_before;
        alter table pg_temp.markov_now rename to markov_before;
    end loop;
    raise exception 'the chances of a Markov chain still change by % after 10000 rounds', rest;
end
$$;
comment on function ops.markov_chances_without(text[]) is
    'Chances to convert from the start of the chain in temporary tables, without each of these players.';

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

-- `moves_query` returns (from_state text[], to_state text[], journeys numeric), each move once.
create or replace function ops.markov_removal_effects_of_moves(moves_query text)
returns table (player text, removal_effect double precision)
language plpgsql volatile as $$
declare
    players text[];
    taken text[];
    chances double precision[];
begin
    drop table if exists pg_temp.markov_moves, pg_temp.markov_states, pg_temp.markov_steps;
    execute 'create temporary table markov_moves on commit drop as ' || moves_query;
    create temporary table markov_states on commit drop as
        select
            moves.from_state as state, (row_number() over ())::integer as number,
            moves.from_state[cardinality(moves.from_state)] as player,
            moves.from_state = '{}' as is_start,
            sum(moves.journeys)::double precision as journeys
        from pg_temp.markov_moves as moves group by moves.from_state;
    -- 0 is the conversion; a step to nothing brings nothing
    create temporary table markov_steps on commit drop as
        select
            origin.number as from_number, coalesce(target.number, 0) as to_number,
            moves.journeys::double precision / origin.journeys as chance
        from pg_temp.markov_moves as moves
        inner join pg_temp.markov_states as origin on origin.state = moves.from_state
        left join pg_temp.markov_states as target on target.state = moves.to_state
        where moves.to_state <> array['(null)'];
    analyze pg_temp.markov_states;
    analyze pg_temp.markov_steps;
    select array_agg(named.player order by named.player) into players
    from (select distinct states.player from pg_temp.markov_states as states where not states.is_start) as named;
    -- some at a time: a table has no more than 1,600 columns
    for first_place in 1..coalesce(cardinality(players), 0) by 100 loop
        taken := players[first_place:first_place + 99];
        chances := ops.markov_chances_without(null::text || taken);
        for place in 1..cardinality(taken) loop
            player := taken[place];
            removal_effect := case when chances[1] = 0 then 0 else 1 - chances[place + 1] / chances[1] end;
            return next;
        end loop;
    end loop;
end
$$;
drop function if exists ops.markov_removal_effects_of_order(text, integer);
comment on function ops.markov_removal_effects_of_moves(text) is
    'Removal effect of every player of an absorbing Markov chain whose states are the last players, up to the order.';
