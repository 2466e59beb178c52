-- One row per clinic, level of the channel report and player of its inquiries' paths: how much of all inquiries would be lost
-- without it (Markov). The chain is that of the whole network; a clinic's reader learns only of players that his clinic has.
with

credits as (
    select * from {{ ref('channels_and_sources_credits') }}
    where attribution_model = 'shapley'
),

effects as (
    select * from {{ ref('int_removal_effects') }}
),

players as (
    select distinct
        credits.clinic_id,
        credits.level,
        case credits.level
            when 'channel' then jsonb_build_array(credits.channel)
            when 'source' then jsonb_build_array(credits.channel, credits.source)
            else jsonb_build_array(credits.channel, credits.source, credits.campaign)
        end::text as player
    from credits
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
