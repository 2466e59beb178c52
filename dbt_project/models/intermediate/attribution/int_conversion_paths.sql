-- One row per set of conversion kinds, path of campaigns and outcome: how many journeys of these kinds took it. All Markov chains are
-- made of these, so that what a journey costs is one sort and one count, whatever the models, levels and kinds.
with

journey_touches as (
    select * from {{ ref('int_conversion_journeys') }}
),

-- grouped by the key alone, which the kinds and the outcome follow from: comparing these too takes a twelfth of the time
journeys as (
    select
        journey_touches.journey_key,
        min(journey_touches.outcome) as outcome,
        min(journey_touches.conversions) as conversions,
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
    group by journey_touches.journey_key
),

final as (
    select
        journeys.conversions,
        journeys.campaigns,
        journeys.channels,
        journeys.outcome,
        count(*) as journeys
    from journeys
    group by journeys.campaigns, journeys.channels, journeys.conversions, journeys.outcome
)

select * from final
