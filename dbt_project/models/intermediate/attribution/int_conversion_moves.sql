-- One row per conversion kind, order and move of the Markov chain of channels whose state is the last two or three of them: how
-- many journeys made it.
with

paths as (
    select * from {{ ref('int_conversion_paths') }}
),

-- Materialised: with what the planner believes of a table of paths it sorts all their moves, where counting them in a hash is enough.
channel_paths as materialized (
    select
        -- inquiries have no chain of order two or three
        array_remove(paths.conversions, 'inquiry') as conversions,
        paths.channels,
        paths.outcome,
        sum(paths.journeys) as journeys
    from paths
    group by array_remove(paths.conversions, 'inquiry'), paths.channels, paths.outcome
),

moves_of_sets as (
    select
        channel_paths.conversions,
        markov_order.number as markov_order,
        moves.from_state,
        moves.to_state,
        sum(channel_paths.journeys) as journeys
    from channel_paths
    cross join (values (2), (3)) as markov_order (number)
    cross join lateral ops.markov_moves(channel_paths.channels, channel_paths.outcome, markov_order.number) as moves
    group by channel_paths.conversions, markov_order.number, moves.from_state, moves.to_state
),

final as (
    select
        kind.conversion,
        moves_of_sets.markov_order,
        moves_of_sets.from_state,
        moves_of_sets.to_state,
        sum(moves_of_sets.journeys)::bigint as journeys
    from moves_of_sets
    cross join lateral unnest(moves_of_sets.conversions) as kind (conversion)
    group by kind.conversion, moves_of_sets.markov_order, moves_of_sets.from_state, moves_of_sets.to_state
)

select * from final
