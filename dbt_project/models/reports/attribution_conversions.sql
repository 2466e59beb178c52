-- One row per conversion, as the attribution report needs it. Most paths are of one row of the report, or empty: such a conversion
-- names its row, and nobody has to look at its touches.
with

conversions as (
    select * from {{ ref('int_conversions') }}
),

touches as (
    select * from {{ ref('int_conversion_touches') }}
),

paths as (
    select
        touches.conversion_key,
        count(distinct row(touches.channel, touches.source, touches.campaign)) = 1 as is_of_one_row,
        max(touches.channel) as channel,
        max(touches.source) as source,
        max(touches.campaign) as campaign,
        min(touches.days_before) as days_before
    from touches
    group by touches.conversion_key
),

final as (
    select
        conversions.conversion_key,
        conversions.conversion,
        conversions.clinic_id,
        conversions.converted_date,
        conversions.amount,
        conversions.conversions,
        coalesce(paths.is_of_one_row, true) as is_of_one_row,
        case when paths.is_of_one_row then paths.channel end as channel,
        case when paths.is_of_one_row then paths.source end as source,
        case when paths.is_of_one_row then paths.campaign end as campaign,
        case when paths.is_of_one_row then paths.days_before end as days_before
    from conversions
    left join paths on conversions.conversion_key = paths.conversion_key
)

select * from final
