-- One row per conversion kind, path of campaigns and outcome: how many journeys took it. All Markov chains are made of these, so
-- that what a journey costs is one sort and one count, whatever the models and levels.
with

journey_touches as (
    select * from {{ ref('int_conversion_journeys') }}
),

-- grouped by the key first: it tells most rows apart, which makes the sort fast
journeys as (
    select
        journey_touches.journey_key,
        journey_touches.conversion,
        journey_touches.outcome,
        array_agg(
            jsonb_build_array(journey_touches.channel, journey_touches.source, journey_touches.campaign)::text
            order by
                journey_touches.touched_at asc, journey_touches.touch_kind desc, journey_touches.record_id asc
        ) as campaigns,
        array_agg(
            jsonb_build_array(journey_touches.channel)::text
            order by
                journey_touches.touched_at asc, journey_touches.touch_kind desc, journey_touches.record_id asc
        ) as channels
    from journey_touches
    group by journey_touches.journey_key, journey_touches.conversion, journey_touches.outcome
),

final as (
    select
        journeys.conversion,
        journeys.campaigns,
        journeys.channels,
        journeys.outcome,
        count(*) as journeys
    from journeys
    group by journeys.campaigns, journeys.channels, journeys.conversion, journeys.outcome
)

select * from final
