-- One row per conversion and touch before it that may get credit.
with

touches as (
    select * from {{ ref('int_conversion_touches') }}
),

final as (
    select
        touches.conversion_touch_key,
        touches.conversion_key,
        touches.clinic_id,
        touches.touched_at,
        touches.touch_kind,
        touches.record_id,
        touches.channel,
        touches.source,
        touches.campaign,
        touches.days_before,
        reports.touch_weight('time_decay', 1, 1, 1, 1, 1, touches.days_before) as time_decay,
        touches.is_before_booking
    from touches
)

select * from final
