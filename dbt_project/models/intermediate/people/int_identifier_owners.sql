-- One row per phone or e-mail, patient who owns it (after merges) and clinic that has a card of the patient: which of merged cards
-- the phone is written on does not matter (RULES 12.1).
with

cards as not materialized (
    select * from {{ ref('int_patient_cards') }}
),

phones as (
    select
        'phone:' || phone.value as identifier,
        cards.person_patient_id
    from cards
    cross join lateral unnest(cards.phones_e164) as phone (value)
    where phone.value is not null
),

emails as (
    select
        'email:' || lower(trim(email.value)) as identifier,
        cards.person_patient_id
    from cards
    cross join lateral unnest(cards.emails) as email (value)
    where nullif(trim(email.value), '') is not null
),

owned as (
    select * from phones
    union
    select * from emails
),

clinics as (
    select distinct
        cards.person_patient_id,
        cards.clinic_id
    from cards
),

final as (
    select
        owned.identifier,
        owned.person_patient_id,
        clinics.clinic_id
    from owned
    inner join clinics on owned.person_patient_id = clinics.person_patient_id
)

select * from final
