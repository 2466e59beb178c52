-- One row per Markov model, conversion, level and player: the share of conversions that would be lost without it
-- (docs/attribution.md). Orders 2 and 3 are over channels (RULES section 2).
with

chains as (
    select
        kind.conversion,
        level.level,
        format(
            'select from_state, to_state, steps from {{ ref("int_conversion_steps") }} '
            'where conversion = %L and level = %L',
            kind.conversion, level.level
        ) as edges
    from (values ('booking'), ('first_visit'), ('deal'), ('payment')) as kind (conversion)
    cross join (values ('channel'), ('source'), ('campaign')) as level (level)
),

higher_chains as (
    select
        kind.conversion,
        markov_order.number as markov_order,
        format(
            'select from_state, to_state, journeys from {{ ref("int_conversion_moves") }} '
            'where conversion = %L and markov_order = %s',
            kind.conversion, markov_order.number
        ) as moves
    from (values ('booking'), ('first_visit'), ('deal'), ('payment')) as kind (conversion)
    cross join (values (2), (3)) as markov_order (number)
),

final as (
    select
        'markov' as model,
        chains.conversion,
        chains.level,
        found.player,
        found.removal_effect::numeric as removal_effect
    from chains
    cross join lateral ops.markov_removal_effects(chains.edges) as found
    union all
    select
        'markov_' || higher_chains.markov_order::text as model,
        higher_chains.conversion,
        'channel' as level,
        found.player,
        found.removal_effect::numeric as removal_effect
    from higher_chains
    cross join lateral ops.markov_removal_effects_of_moves(higher_chains.moves) as found
)

select * from final
