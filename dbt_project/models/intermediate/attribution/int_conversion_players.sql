-- One row per clinic, conversion kind and campaign that was touched before such conversions there: on how many touches. It says
-- which players of the network's Markov chain a clinic's reader may know of.
with

touches as (
    select * from {{ ref('int_conversion_touches') }}
),

-- of any lookback that a report may be asked for, so that who sees one clinic reads the figures that everybody reads
players as (
    select
        touches.clinic_id,
        touches.conversion,
        touches.channel,
        touches.source,
        touches.campaign,
        count(*) as touches
    from touches
    group by touches.clinic_id, touches.conversion, touches.channel, touches.source, touches.campaign
),

final as (
    select
        md5(
            jsonb_build_array(
                players.clinic_id, players.conversion, players.channel, players.source, players.campaign
            )::text
        ) as player_key,
        players.clinic_id,
        players.conversion,
        players.channel,
        players.source,
        players.campaign,
        jsonb_build_array(players.channel, players.source, players.campaign)::text as player,
        players.touches
    from players
)

select * from final
