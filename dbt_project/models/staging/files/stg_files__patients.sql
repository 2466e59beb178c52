-- One row per patient card of the import files.
with

source as (
    select * from {{ source('files', 'patients') }}
),

final as (
    select
        patient_id,
        clinic_id,
        full_name,
        birth_date,
        phones,
        lower(emails::text)::text[] as emails,
        how_learned,
        registered_at,
        merged_into_patient_id,
        phones_e164,
        'files'::text as source_system
    from source
)

select * from final
