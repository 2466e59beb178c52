-- One row per contact and person it is about (RULES section 1, in its order): the patients named on it, those whose
-- appointment was made out of it, the only owner of its phone and e-mail, else whom its identifiers mean.
with

contacts as not materialized (
    select * from {{ ref('int_contacts') }}
),

cards as (
    select * from {{ ref('int_patient_cards') }}
),

appointments as not materialized (
    select * from {{ ref('int_appointments') }}
),

owners as not materialized (
    select * from {{ ref('int_record_owners') }}
    where record_kind = 'contact'
),

records as not materialized (
    select * from {{ ref('int_record_persons') }}
    where record_kind = 'contact'
),

named as (
    select distinct
        contacts.contact_id,
        coalesce(cards.person_patient_id, patient.patient_id) as person_patient_id,
        'named' as resolved_by
    from contacts
    cross join lateral unnest(contacts.patient_ids) as patient (patient_id)
    left join cards on patient.patient_id = cards.patient_id
    where nullif(trim(patient.patient_id), '') is not null
),

linked as (
    select distinct
        appointments.contact_id,
        appointments.person_patient_id,
        'appointment' as resolved_by
    from appointments
    where
        appointments.contact_id is not null
        and not exists (select 1 from named where named.contact_id = appointments.contact_id)
),

listed as (
    select
        records.record_id as contact_id,
        records.listed_person_key,
        records.listed_group
    from records
    where records.listed_person_key is not null
),

-- "within 2 hours after it": 0 <= created - occurred <= 2 h, and only when there is exactly one such appointment
booked_soon as (
    select
        contacts.contact_id,
        min(appointments.person_patient_id) as person_patient_id,
        'appointment_within_2_hours' as resolved_by
    from contacts
    inner join owners on contacts.contact_id = owners.record_id
    inner join appointments
        on
            owners.person_patient_id = appointments.person_patient_id
            and contacts.clinic_id = appointments.clinic_id
            and appointments.created_at >= contacts.occurred_at
            and appointments.created_at <= contacts.occurred_at + interval '2 hours'
    -- what the clinic system links to another contact was not made out of this one
    where appointments.contact_id is null
    group by contacts.contact_id
    having count(*) = 1
),

owned as (
    select
        owners.record_id as contact_id,
        owners.person_patient_id,
        'owner' as resolved_by
    from owners
    where owners.owners = 1
),

patients_by_step as (
    select
        1 as step,
        named.*
    from named
    union all
    select
        2 as step,
        linked.*
    from linked
    union all
    select
        4 as step,
        booked_soon.*
    from booked_soon
    where not exists (select 1 from listed where listed.contact_id = booked_soon.contact_id)
    union all
    select
        5 as step,
        owned.*
    from owned
    where not exists (select 1 from listed where listed.contact_id = owned.contact_id)
),

first_steps as (
    select
        patients_by_step.contact_id,
        min(patients_by_step.step) as step
    from patients_by_step
    group by patients_by_step.contact_id
),

patient_contacts as (
    select
        patients_by_step.contact_id,
        'patient:' || patients_by_step.person_patient_id as person_key,
        patients_by_step.person_patient_id,
        patients_by_step.resolved_by
    from patients_by_step
    inner join first_steps
        on patients_by_step.contact_id = first_steps.contact_id and patients_by_step.step = first_steps.step
),

other_contacts as (
    select
        contacts.contact_id,
        coalesce(listed.listed_person_key, records.person_key) as person_key,
        case when listed.contact_id is null then records.person_patient_id end as person_patient_id,
        case
            when listed.contact_id is not null then 'list'
            when records.is_alone then 'nobody'
            else 'identifiers'
        end as resolved_by
    from contacts
    inner join records on contacts.contact_id = records.record_id
    left join listed on contacts.contact_id = listed.contact_id
    where not exists (select 1 from first_steps where first_steps.contact_id = contacts.contact_id)
),

resolved as (
    select * from patient_contacts
    union all
    select * from other_contacts
),

final as (
    select
        resolved.contact_id,
        resolved.person_key,
        resolved.person_patient_id,
        resolved.resolved_by,
        listed.listed_group
    from resolved
    left join listed on resolved.contact_id = listed.contact_id
)

select * from final
