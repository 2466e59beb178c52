-- One row: what holds for the whole warehouse (reporting currency, country of the VAT, the moment of this load).
with

settings as (
    select * from {{ source('warehouse', 'settings') }}
),

clinics as (
    select * from {{ ref('int_clinics_unioned') }}
),

treatment_stages as (
    select * from {{ ref('int_treatment_stages_unioned') }}
),

first_clinic as (
    select time_zone from clinics order by clinic_id limit 1
),

final as (
    select
        coalesce(max(settings.value) filter (where settings.name = 'reporting_currency'), 'RUB') as reporting_currency,
        coalesce(max(settings.value) filter (where settings.name = 'country'), 'RU') as country,
        coalesce((select first_clinic.time_zone from first_clinic), 'UTC') as default_time_zone,
        -- the moment of the load decides which visits are due (RULES 12.26); `warehouse.build` writes it before the build
        coalesce((max(settings.value) filter (where settings.name = 'as_of'))::timestamptz, now()) as as_of,
        -- without any stage the end of a treatment is not known, which is not "no" (RULES 12.27)
        (select count(*) > 0 from treatment_stages) as has_treatment_stages
    from settings
)

select * from final
