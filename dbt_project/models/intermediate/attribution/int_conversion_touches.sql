-- One row per conversion and touch with a known source before it, however long before: a report may look back any number of days.
-- With the parts the touch plays in the W-shaped model: the inquiry is the first contact of the path, the booking its last touch
-- before it.
with

conversions as not materialized (
    select * from {{ ref('int_conversions') }}
),

touches as (
    select * from {{ ref('fct_touches') }}
),

final as (
    select
        md5(concat_ws('|', conversions.conversion_key, touches.touch_kind, touches.record_id)) as conversion_touch_key,
        conversions.conversion_key,
        conversions.conversion,
        conversions.clinic_id,
        touches.touched_at,
        touches.touch_kind,
        touches.record_id,
        touches.channel,
        touches.source,
        touches.campaign,
        extract(epoch from conversions.converted_at - touches.touched_at)::numeric / 86400 as days_before,
        coalesce(touches.touched_at <= conversions.first_booked_at, false) as is_before_booking
    from conversions
    inner join touches
        on
            conversions.person_key = touches.person_key
            and conversions.converted_at >= touches.touched_at
    where touches.is_known
)

select * from final
