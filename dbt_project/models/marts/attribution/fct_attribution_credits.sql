-- One row per attribution model (all but Markov), conversion and touch with credit for it, for the default lookback.
with

credits as (
    select * from {{ ref('int_conversion_credits') }}
),

conversions as (
    select * from {{ ref('int_conversions') }}
),

final as (
    select
        md5(concat_ws('|', credits.model, credits.conversion_key, credits.touch_number)) as credit_key,
        credits.model,
        credits.conversion_key,
        conversions.conversion,
        conversions.person_key,
        conversions.clinic_id,
        conversions.converted_at,
        conversions.converted_date,
        case
            when credits.record_id is not null
                then md5(concat_ws('|', credits.touch_kind, credits.record_id, conversions.person_key))
        end as touch_key,
        credits.touched_at,
        credits.touch_number,
        credits.channel,
        credits.source,
        credits.campaign,
        credits.credit,
        credits.credit * conversions.conversions as conversions,
        credits.amount
    from credits
    inner join conversions on credits.conversion_key = conversions.conversion_key
)

select * from final
