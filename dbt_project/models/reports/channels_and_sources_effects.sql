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

-- of millions of credits a few thousand rows of a clinic's report: only these are put into words
report_rows as (
    select distinct
        credits.clinic_id,
        credits.level,
        credits.channel,
        credits.source,
        credits.campaign
    from credits
),

players as (
    select distinct
        report_rows.clinic_id,
        report_rows.level,
        case report_rows.level
            when 'channel' then jsonb_build_array(report_rows.channel)
            when 'source' then jsonb_build_array(report_rows.channel, report_rows.source)
            else jsonb_build_array(report_rows.channel, report_rows.source, report_rows.campaign)
        end::text as player
    from report_rows
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
