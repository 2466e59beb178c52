-- One row per day, clinic, channel, source, medium and campaign: who came by it. The other half of `utm_audit_days` is spend.
with

touches as (
    select * from {{ ref('fct_touches') }}
),

counted as (
    select
        touches.touched_date as day,
        touches.clinic_id,
        touches.channel,
        touches.source,
        touches.medium,
        touches.campaign,
        -- a contact about two persons is one visit
        count(distinct touches.record_id) filter (where touches.touch_kind = 'session') as sessions,
        count(distinct touches.record_id) filter (where touches.touch_kind = 'contact') as contacts
    from touches
    where touches.is_known
    group by
        touches.touched_date, touches.clinic_id, touches.channel, touches.source, touches.medium, touches.campaign
),

final as (
    select
        {{ source_day_key('counted') }} as audit_key,
        counted.*
    from counted
)

select * from final
