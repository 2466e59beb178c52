-- One row per level of the channel report, inquiry of several touches and player of its path: Shapley's credit. The credits of an
-- inquiry and level sum to exactly 1 (docs/attribution.md). With v(S) = inquiries whose players are all in S it is an equal split among
-- the players of the path. Markov shares among the same players, by effects that every load moves: reports.channels_and_sources does it.
with

touches as (
    select * from {{ ref('int_inquiry_touches') }}
    where touches > 1
),

campaigns as (
    select distinct
        touches.inquiry_key,
        jsonb_build_array(touches.channel, touches.source, touches.campaign)::text as player
    from touches
),

players as (
    select distinct
        campaigns.inquiry_key,
        level.level,
        {{ player_of_level('campaigns.player') }} as player
    from campaigns
    cross join (values ('channel'), ('source'), ('campaign')) as level (level)
),

counted as (
    select
        players.*,
        count(*) over path as players_in_path,
        row_number() over (partition by players.inquiry_key, players.level order by players.player asc) as place
    from players
    window path as (partition by players.inquiry_key, players.level)
),

final as (
    select
        counted.level,
        counted.inquiry_key,
        counted.player::jsonb ->> 0 as channel,
        counted.player::jsonb ->> 1 as source,
        counted.player::jsonb ->> 2 as campaign,
        round(1::numeric / counted.players_in_path, 18)
        -- what rounding left over goes to the first
        + case
            when counted.place = 1
                then 1 - counted.players_in_path * round(1::numeric / counted.players_in_path, 18)
            else 0
        end as credit
    from counted
)

select * from final
