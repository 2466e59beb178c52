-- One row per clinic, conversion, level and player of the Markov chain that the clinic's paths have. The chain is that of the whole
-- network; a clinic's reader learns only of players that his clinic has.
with

campaigns as (
    select * from {{ ref('int_conversion_players') }}
),

effects as (
    select distinct
        conversion,
        level,
        player,
        effect_key
    from {{ ref('int_conversion_effects') }}
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
            jsonb_build_array(players.clinic_id, players.conversion, players.level, players.player)::text
        ) as player_key,
        players.clinic_id,
        players.conversion,
        players.level,
        players.player,
        effects.effect_key
    from players
    inner join effects
        on players.conversion = effects.conversion and players.level = effects.level and players.player = effects.player
)

select * from final
