-- One row per Markov model, conversion, level and player: the share of conversions that would be lost without it
-- (docs/attribution.md). Orders 2 and 3 are over channels (RULES section 2). `effect_key` is the same for all models; it does not
-- give the player away.
with

coming as (
    select * from {{ ref('int_effects_on_coming') }}
),

paying as (
    select * from {{ ref('int_effects_on_paying') }}
),

final as (
    select * from coming
    union all
    select * from paying
)

select * from final
