-- One row per patient card: names, phones and e-mails, for readers with a right to personal data.
with

patient_cards as (
    select * from {{ ref('int_patient_cards') }}
),

final as (
    select
        patient_cards.patient_id,
        patient_cards.clinic_id,
        patient_cards.full_name,
        patient_cards.birth_date,
        patient_cards.phones_e164,
        patient_cards.emails
    from patient_cards
)

select * from final
