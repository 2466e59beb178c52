-- One row per conversion kind, path of channels and outcome: how many journeys took it. What chains of order 2 and 3 are made of.
with

journey_touches as (
    select * from {{ ref('int_conversion_journeys') }}
),

journeys as (
    select
        journey_touches.conversion,
        journey_touches.journey_key,
        journey_touches.outcome,
        array_agg(
            jsonb_build_array(journey_touches.channel)::text
            order by
                journey_touches.touched_at asc, journey_touches.touch_kind desc, journey_touches.record_id asc
        ) as path
    from journey_touches
    group by journey_touches.conversion, journey_touches.journey_key, journey_touches.outcome
),

final as (
    select
        journeys.conversion,
        journeys.path,
        journeys.outcome,
        count(*) as journeys
    from journeys
    group by journeys.conversion, journeys.path, journeys.outcome
)

select * from final
