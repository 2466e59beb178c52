-- One row per clinic, conversion kind and campaign of the paths to such conversions there, with the key of the campaign's effect. A
-- clinic's reader learns only of campaigns that his clinic has.
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
        players.player_key,
        players.clinic_id,
        players.conversion,
        players.channel,
        players.source,
        players.campaign,
        effects.effect_key
    from players
    inner join effects on players.conversion = effects.conversion and players.player = effects.player
)

select * from final
