-- One row per patient card, merged cards included: they name the card they went into.
with

patients as (
    {{ fhir_still_there('patients', 'Patient', 'patient_id') }}
),

final as (
    select
        'fhir:' || patients.patient_id as patient_id,
        patients.clinic_id,
        patients.full_name,
        patients.birth_date,
        nullif(patients.phones, '{}') as phones,
        nullif(array(select lower(email) from unnest(patients.emails) as email), '{}') as emails,
        patients.how_learned,
        patients.registered_at,
        'fhir:' || patients.replaced_by as merged_into_patient_id,
        nullif(patients.phones_e164, '{}') as phones_e164,
        'fhir'::text as source_system
    from patients
)

select * from final
