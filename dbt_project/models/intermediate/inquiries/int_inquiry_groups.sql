-- One row per inquiry with its people group and whether it is the person's primary one (RULES 12.4, 12.6).
with

days as not materialized (
    select * from {{ ref('int_inquiry_days') }}
),

inquiry_contacts as (
    select * from {{ ref('int_inquiry_contacts') }}
),

inquiry_appointments as (
    select * from {{ ref('int_inquiry_appointments') }}
),

appointments as not materialized (
    select * from {{ ref('int_appointments') }}
),

stated as (
    select
        inquiry_contacts.inquiry_key,
        (
            array_agg(
                inquiry_contacts.people_group
                order by
                    (inquiry_contacts.people_group = 'wants_to_book') desc,
                    inquiry_contacts.occurred_at asc,
                    inquiry_contacts.contact_id asc
            ) filter (where inquiry_contacts.people_group is not null)
        )[1] as stated_group,
        min(inquiry_contacts.listed_group) as listed_group,
        coalesce(bool_or(inquiry_contacts.outcome = 'booked'), false) as has_stated_booked
    from inquiry_contacts
    where inquiry_contacts.inquiry_key is not null
    group by inquiry_contacts.inquiry_key
),

booked as (
    select distinct inquiry_key
    from inquiry_appointments
    where not is_waiting_list
),

expecting as (
    select distinct days.inquiry_key
    from days
    inner join appointments
        on
            days.person_key = appointments.person_key
            and days.clinic_id = appointments.clinic_id
            and days.first_contact_at > appointments.created_at
            and days.first_contact_at < appointments.starts_at
    where appointments.status not in ('cancelled', 'waiting_list')
),

visited_before as (
    select distinct days.inquiry_key
    from days
    inner join appointments
        on days.person_key = appointments.person_key and days.first_contact_at > appointments.starts_at
    where appointments.has_taken_place
),

final as (
    select
        days.inquiry_key,
        case
            when stated.stated_group is not null then stated.stated_group
            when stated.listed_group is not null then stated.listed_group
            when
                expecting.inquiry_key is not null and booked.inquiry_key is null and not stated.has_stated_booked
                then 'already_booked'
            else 'wants_to_book'
        end as people_group,
        visited_before.inquiry_key is null as is_primary
    from days
    left join stated on days.inquiry_key = stated.inquiry_key
    left join booked on days.inquiry_key = booked.inquiry_key
    left join expecting on days.inquiry_key = expecting.inquiry_key
    left join visited_before on days.inquiry_key = visited_before.inquiry_key
)

select * from final
