-- One row per conversion kind and campaign: the share of the network's conversions of the kind that would be lost without it, by the
-- Markov chain (docs/attribution.md). Which campaign it is, dim_attribution_players tells whom it may; apart from it, because every
-- load moves every effect.
with

effects as (
    select * from {{ ref('int_conversion_effects') }}
    where model = 'markov' and level = 'campaign'
),

final as (
    select
        effects.effect_key,
        effects.conversion,
        effects.removal_effect
    from effects
)

select * from final
