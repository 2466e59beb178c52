-- One row per Markov model, conversion, level and player: the share of conversions that would be lost without it
-- (docs/attribution.md). Orders 2 and 3 are over channels (RULES section 2). `effect_key` is the same for all models; it does not
-- give the player away.
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

-- one call for all of them: a chain is called by its order and conversion
higher_effects as (
    select
        split_part(found.chain, ' ', 1) as markov_order,
        split_part(found.chain, ' ', 2) as conversion,
        found.player,
        found.removal_effect
    from ops.markov_removal_effects_of_moves(
        $$select concat_ws(' ', markov_order, conversion) as chain, from_state, to_state, journeys
        from {{ ref('int_conversion_moves') }}$$
    ) as found
),

effects as (
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
        'markov_' || higher_effects.markov_order as model,
        higher_effects.conversion,
        'channel' as level,
        higher_effects.player,
        higher_effects.removal_effect::numeric as removal_effect
    from higher_effects
),

final as (
    select
        effects.model,
        effects.conversion,
        effects.level,
        effects.player,
        ops.opaque_key('effect', concat_ws('|', effects.conversion, effects.level, effects.player)) as effect_key,
        effects.removal_effect
    from effects
)

select * from final
