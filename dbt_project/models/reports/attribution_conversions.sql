-- One row per conversion, as the attribution report needs it.
with

conversions as (
    select * from {{ ref('int_conversions') }}
),

final as (
    select
        conversions.conversion_key,
        conversions.conversion,
        conversions.clinic_id,
        conversions.converted_date,
        conversions.amount,
        conversions.conversions
    from conversions
)

select * from final
