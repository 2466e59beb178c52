-- One row per employee of the import files.
with

source as (
    select * from {{ source('files', 'employees') }}
),

final as (
    select
        employee_id,
        full_name,
        clinic_id,
        "group",
        phones,
        database_role,
        phones_e164,
        'files'::text as source_system
    from source
)

select * from final
