-- One row per clinic, conversion kind and campaign: the share of the network's conversions of the kind that would be lost without it,
-- by the Markov chain (docs/attribution.md). A clinic's reader learns only of campaigns that his clinic has.
with

players as (
    select * from {{ ref('int_conversion_players') }}
),

effects as (
    select * from {{ ref('int_conversion_effects') }}
    where model = 'markov' and level = 'campaign'
),

final as (
    select
        players.player_key as effect_key,
        players.clinic_id,
        players.conversion,
        players.channel,
        players.source,
        players.campaign,
        effects.removal_effect
    from players
    inner join effects on players.conversion = effects.conversion and players.player = effects.player
)

select * from final
