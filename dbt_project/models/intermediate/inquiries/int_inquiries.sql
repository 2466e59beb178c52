-- One row per inquiry: person × clinic × local day, with everything the reports say of it.
with

days as (
    select * from {{ ref('int_inquiry_days') }}
),

groups as (
    select * from {{ ref('int_inquiry_groups') }}
),

deciders as (
    select * from {{ ref('int_inquiry_deciders') }}
),

outcomes as (
    select * from {{ ref('int_inquiry_outcomes') }}
),

completions as (
    select * from {{ ref('int_inquiry_completions') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

final as (
    select
        days.inquiry_key,
        days.person_key,
        days.person_patient_id,
        days.clinic_id,
        days.local_date,
        days.first_contact_at,
        groups.people_group,
        groups.is_primary,
        deciders.deciding_contact_id,
        deciders.deciding_contact_at,
        -- RULES 12.11: a referral is channel `referral`, whatever its tags
        case when deciders.referral is not null then 'referral' else deciders.channel end as channel,
        coalesce(deciders.referral, deciders.source) as source,
        case when deciders.referral is null then deciders.medium end as medium,
        case when deciders.referral is null then deciders.campaign end as campaign,
        deciders.referral,
        deciders.topic,
        deciders.administrator_id,
        outcomes.outcome,
        outcomes.is_booked_without_appointment,
        outcomes.refusal_reason,
        outcomes.is_booked,
        outcomes.is_waiting_list,
        outcomes.booked_date,
        outcomes.booked_by,
        outcomes.is_arrived,
        outcomes.arrived_date,
        outcomes.not_arrived_reason,
        outcomes.first_start_at,
        outcomes.is_due,
        -- null when treatment stages were never loaded: not known is not "no"
        case when settings.has_treatment_stages then completions.inquiry_key is not null end as is_completed
    from days
    inner join groups on days.inquiry_key = groups.inquiry_key
    inner join deciders on days.inquiry_key = deciders.inquiry_key
    inner join outcomes on days.inquiry_key = outcomes.inquiry_key
    left join completions on days.inquiry_key = completions.inquiry_key
    cross join settings
)

select * from final
