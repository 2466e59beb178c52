-- One row per patient card. The clinic system tells of no merged cards.
with

patients as (
    select * from {{ source('ident', 'patients') }}
),

final as (
    select
        'ident:' || patients.patient_id as patient_id,
        patients.clinic_id,
        patients.full_name,
        patients.birth_date,
        nullif(patients.phones, '{}') as phones,
        nullif(array(select lower(email) from unnest(patients.emails) as email), '{}') as emails,
        patients.how_learned,
        patients.registered_at,
        null::text as merged_into_patient_id,
        nullif(patients.phones_e164, '{}') as phones_e164,
        'ident'::text as source_system
    from patients
)

select * from final
