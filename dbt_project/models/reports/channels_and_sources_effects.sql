-- One row per clinic, level of the channel report and player of its inquiries' paths: how much of all inquiries would be lost
-- without it (Markov). The chain is that of the whole network; a clinic's reader learns only of players that his clinic has.
with

campaigns as (
    select * from {{ ref('int_inquiry_players') }}
),

effects as (
    select * from {{ ref('int_removal_effects') }}
),

players as (
    select distinct
        campaigns.clinic_id,
        level.level,
        {{ player_of_level('campaigns.player') }} as player
    from campaigns
    cross join (values ('channel'), ('source'), ('campaign')) as level (level)
),

final as (
    select
        players.clinic_id,
        players.level,
        players.player,
        effects.removal_effect
    from players
    inner join effects on players.level = effects.level and players.player = effects.player
)

select * from final
