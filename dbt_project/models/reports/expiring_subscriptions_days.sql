-- One row per clinic: its local day at the moment of the load, from which the coming weeks are counted.
with

clinics as (
    select * from {{ ref('int_clinics_unioned') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

final as (
    select
        clinics.clinic_id,
        {{ local_date('settings.as_of', 'clinics.time_zone') }} as today
    from clinics
    cross join settings
)

select * from final
