-- One row per contact, on its clinic's local day.
with

contacts as (
    select * from {{ ref('int_contacts_unioned') }}
),

clinics as (
    select * from {{ ref('int_clinics_unioned') }}
),

final as (
    select
        contacts.*,
        {{ local_date('contacts.occurred_at', 'clinics.time_zone') }} as local_date,
        -- silence about the answer is not "unanswered" (RULES 12.10)
        coalesce(not contacts.is_answered, false) as is_unanswered
    from contacts
    inner join clinics on contacts.clinic_id = clinics.clinic_id
)

select * from final
