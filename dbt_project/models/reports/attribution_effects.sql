-- One row per clinic, Markov model, conversion, level and player, as the attribution report needs it. The chain is that of the whole
-- network; a clinic's reader learns only of players that his clinic has.
with

campaigns as (
    select * from {{ ref('int_conversion_players') }}
),

effects as (
    select * from {{ ref('int_conversion_effects') }}
),

players as (
    select distinct
        campaigns.clinic_id,
        campaigns.conversion,
        level.level,
        {{ player_of_level('campaigns.player') }} as player
    from campaigns
    cross join (values ('channel'), ('source'), ('campaign')) as level (level)
),

final as (
    select
        md5(
            jsonb_build_array(
                players.clinic_id, effects.model, players.conversion, players.level, players.player
            )::text
        ) as effect_key,
        players.clinic_id,
        effects.model,
        players.conversion,
        players.level,
        players.player,
        effects.removal_effect
    from players
    inner join effects
        on players.conversion = effects.conversion and players.level = effects.level and players.player = effects.player
)

select * from final
