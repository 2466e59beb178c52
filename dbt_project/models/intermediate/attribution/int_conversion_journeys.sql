-- One row per conversion kind, journey and touch of it: paths to conversions in the default lookback, and the paths of people
-- who never converted so, which end in '(null)'.
with

conversions as (
    select * from {{ ref('int_conversions') }}
),

conversion_touches as (
    select * from {{ ref('int_conversion_touches') }}
),

touches as (
    select * from {{ ref('int_touches') }}
),

kinds as (
    select kind.conversion
    from (values ('booking'), ('first_visit'), ('deal'), ('payment')) as kind (conversion)
),

unconverted as (
    select
        kinds.conversion,
        touches.person_key,
        touches.channel,
        touches.source,
        touches.campaign,
        touches.touched_at,
        touches.touch_kind,
        touches.record_id,
        max(touches.touched_at) over (partition by kinds.conversion, touches.person_key) as last_touched_at
    from touches
    cross join kinds
    where
        touches.is_known
        and not exists (
            select 1 from conversions
            where conversions.person_key = touches.person_key and conversions.conversion = kinds.conversion
        )
),

final as (
    select
        conversion_touches.conversion,
        conversion_touches.conversion_key as journey_key,
        '(conversion)' as outcome,
        conversion_touches.channel,
        conversion_touches.source,
        conversion_touches.campaign,
        conversion_touches.touched_at,
        conversion_touches.touch_kind,
        conversion_touches.record_id
    from conversion_touches
    where conversion_touches.days_before <= {{ var("lookback_days") }}
    union all
    select
        unconverted.conversion,
        unconverted.person_key as journey_key,
        '(null)' as outcome,
        unconverted.channel,
        unconverted.source,
        unconverted.campaign,
        unconverted.touched_at,
        unconverted.touch_kind,
        unconverted.record_id
    from unconverted
    where
        unconverted.touched_at
        >= unconverted.last_touched_at - interval '{{ var("lookback_days") }} days'
)

select * from final
