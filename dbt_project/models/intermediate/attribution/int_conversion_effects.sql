-- One row per conversion, level and player: the share of conversions that would be lost without it (docs/attribution.md).
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

final as (
    select
        chains.conversion,
        chains.level,
        found.player,
        found.removal_effect::numeric as removal_effect
    from chains
    cross join lateral ops.markov_removal_effects(chains.edges) as found
)

select * from final
