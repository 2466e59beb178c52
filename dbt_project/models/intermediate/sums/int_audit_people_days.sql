-- One row per day, clinic, channel, source, medium and campaign: who came by it. The other half of `utm_audit_days` is spend.
with

touches as not materialized (
    select * from {{ ref('fct_touches') }}
    where is_known
),

-- a contact about two persons is one visit; a session is of one
contacts as (
    select distinct
        touches.touched_date,
        touches.clinic_id,
        touches.channel,
        touches.source,
        touches.medium,
        touches.campaign,
        touches.record_id
    from touches
    where touches.touch_kind = 'contact'
),

visits as (
    select
        touches.touched_date as day,
        touches.clinic_id,
        touches.channel,
        touches.source,
        touches.medium,
        touches.campaign,
        1 as sessions,
        0 as contacts
    from touches
    where touches.touch_kind = 'session'
    union all
    select
        contacts.touched_date as day,
        contacts.clinic_id,
        contacts.channel,
        contacts.source,
        contacts.medium,
        contacts.campaign,
        0 as sessions,
        1 as contacts
    from contacts
),

-- summed, not counted apart: that would put all visits in order
counted as (
    select
        visits.day,
        visits.clinic_id,
        visits.channel,
        visits.source,
        visits.medium,
        visits.campaign,
        sum(visits.sessions) as sessions,
        sum(visits.contacts) as contacts
    from visits
    group by visits.day, visits.clinic_id, visits.channel, visits.source, visits.medium, visits.campaign
),

final as (
    select
        {{ source_day_key('counted') }} as audit_key,
        counted.*
    from counted
)

select * from final
