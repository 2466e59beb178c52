-- One row per Markov model, conversion, level and player, as the attribution report needs it.
with

effects as (
    select * from {{ ref('int_conversion_effects') }}
),

final as (
    select
        effects.model,
        effects.conversion,
        effects.level,
        effects.player,
        effects.removal_effect
    from effects
)

select * from final
