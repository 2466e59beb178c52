-- One row per clinic.
with

clinics as (
    select * from {{ ref('int_clinics_unioned') }}
),

final as (
    select
        clinics.clinic_id,
        clinics.name,
        clinics.time_zone,
        clinics.source_system
    from clinics
)

select * from final
