-- One row per clinic and campaign that was touched before its inquiries: on how many touches. It says which players of the network's
-- Markov chain a clinic's reader may know of.
with

inquiries as (
    select * from {{ ref('int_inquiries') }}
),

touches as (
    select * from {{ ref('int_inquiry_touches') }}
),

players as (
    select
        inquiries.clinic_id,
        touches.channel,
        touches.source,
        touches.campaign,
        count(*) as touches
    from touches
    inner join inquiries on touches.inquiry_key = inquiries.inquiry_key
    group by inquiries.clinic_id, touches.channel, touches.source, touches.campaign
),

final as (
    select
        md5(
            jsonb_build_array(players.clinic_id, players.channel, players.source, players.campaign)::text
        ) as player_key,
        players.clinic_id,
        jsonb_build_array(players.channel, players.source, players.campaign)::text as player,
        players.touches
    from players
)

select * from final
