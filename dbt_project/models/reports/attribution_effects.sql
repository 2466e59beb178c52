-- One row per Markov model and effect, as the attribution report needs it: of the whole network. What it is of, attribution_players
-- tells whom it may; apart from it, because every load moves every effect.
with

effects as (
    select * from {{ ref('int_conversion_effects') }}
),

final as (
    select
        effects.effect_key,
        effects.model,
        effects.removal_effect
    from effects
)

select * from final
