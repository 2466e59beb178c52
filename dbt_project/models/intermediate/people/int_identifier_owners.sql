-- One row per phone or e-mail, patient who owns it (after merges) and clinic of the card.
with

cards as not materialized (
    select * from {{ ref('int_patient_cards') }}
),

phones as (
    select
        'phone:' || phone.value as identifier,
        cards.person_patient_id,
        cards.clinic_id
    from cards
    cross join lateral unnest(cards.phones_e164) as phone (value)
    where phone.value is not null
),

emails as (
    select
        'email:' || lower(trim(email.value)) as identifier,
        cards.person_patient_id,
        cards.clinic_id
    from cards
    cross join lateral unnest(cards.emails) as email (value)
    where nullif(trim(email.value), '') is not null
),

final as (
    select * from phones
    union
    select * from emails
)

select * from final
