-- One row per clinic of the import files.
with

source as (
    select * from {{ source('files', 'clinics') }}
),

final as (
    select
        clinic_id,
        name,
        time_zone,
        'files'::text as source_system
    from source
)

select * from final
