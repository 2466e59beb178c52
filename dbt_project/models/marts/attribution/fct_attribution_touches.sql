-- One row per conversion and touch of its path in the default lookback, with what the touch gets under each attribution model but
-- Markov, side by side; marts.fct_attribution_credits has the models one under another.
with

credits as (
    select * from {{ ref('int_conversion_credits') }}
),

conversions as (
    select * from {{ ref('int_conversions') }}
),

final as (
    select
        md5(concat_ws('|', credits.conversion_key, credits.touch_number)) as path_touch_key,
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
        conversions.conversions,
        conversions.amount,
        credits.first_touch,
        credits.last_touch,
        credits.last_non_direct,
        credits.linear,
        credits.position_based,
        credits.time_decay,
        credits.w_shaped,
        credits.shapley,
        credits.first_touch_amount,
        credits.last_touch_amount,
        credits.last_non_direct_amount,
        credits.linear_amount,
        credits.position_based_amount,
        credits.time_decay_amount,
        credits.w_shaped_amount,
        credits.shapley_amount
    from credits
    inner join conversions on credits.conversion_key = conversions.conversion_key
)

select * from final
