-- One row per stage of a treatment plan of the import files.
with

source as (
    select * from {{ source('files', 'treatment_stages') }}
),

final as (
    select
        stage_id,
        plan_id,
        patient_id,
        clinic_id,
        direction,
        opened_at,
        stage_number,
        stage,
        done_at,
        'files'::text as source_system
    from source
)

select * from final
