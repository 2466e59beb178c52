-- One row per conversion and touch of the default lookback, with its credit and its money under each model that looks at nobody else's
-- conversions, side by side. Credits of a conversion sum to exactly 1, its money to the kopeck. Shapley shares among campaigns; what a
-- campaign gets is split evenly among its touches of the path. A conversion without a known touch is one row of `unknown`.
{% set whole = whole_touch_models() %}
{% set divided = divided_touch_models() + ['shapley'] %}
with

conversions as (
    select * from {{ ref('int_conversions') }}
),

touches as (
    select * from {{ ref('int_conversion_touches') }}
),

path as (
    select
        conversions.conversion_key,
        conversions.amount,
        touches.touched_at,
        touches.touch_kind,
        touches.record_id,
        coalesce(touches.channel, 'unknown') as channel,
        coalesce(touches.source, 'unknown') as source,
        touches.campaign,
        coalesce(touches.channel, 'unknown') = 'direct' as is_direct,
        coalesce(touches.touch_kind = 'contact', false) as is_contact,
        coalesce(touches.is_before_booking, false) as is_before_booking,
        coalesce(touches.days_before, 0) as days_before,
        row_number() over (
            partition by conversions.conversion_key
            order by touches.touched_at asc, touches.touch_kind desc, touches.record_id asc
        ) as touch_number,
        count(*) over (partition by conversions.conversion_key) as touches
    from conversions
    left join touches
        on
            conversions.conversion_key = touches.conversion_key
            and touches.days_before <= {{ var("lookback_days") }}
),

parts as (
    select
        path.*,
        coalesce(max(path.touch_number) filter (where not path.is_direct) over whole, path.touches) as last_non_direct,
        min(path.touch_number) filter (where path.is_contact) over whole as first_contact,
        max(path.touch_number) filter (where path.is_before_booking) over whole as last_before_booking,
        count(*) over (
            partition by path.conversion_key, path.channel, path.source, path.campaign
        ) as touches_of_player
    from path
    where path.touches > 1
    window whole as (partition by path.conversion_key)
),

weighed as (
    select
        parts.conversion_key,
        parts.amount,
        parts.touch_number,
        parts.touches,
        parts.touched_at,
        parts.touch_kind,
        parts.record_id,
        parts.channel,
        parts.source,
        parts.campaign,
        {{ each_of(touch_models(), "reports.touch_weight(
            'MODEL', parts.touch_number, parts.touches, parts.last_non_direct, parts.first_contact,
            parts.last_before_booking, parts.days_before
        ) as MODEL") }},
        1::numeric / parts.touches_of_player as shapley
    from parts
),

shared as (
    select
        weighed.conversion_key,
        weighed.amount,
        weighed.touch_number,
        weighed.touches,
        weighed.touched_at,
        weighed.touch_kind,
        weighed.record_id,
        weighed.channel,
        weighed.source,
        weighed.campaign,
        {{ each_of(whole, "round(weighed.MODEL, 18) as MODEL") }},
        {{ each_of(divided, "round(weighed.MODEL / sum(weighed.MODEL) over of_conversion, 18) as MODEL") }}
    from weighed
    window of_conversion as (partition by weighed.conversion_key)
),

credited as (
    select
        shared.conversion_key,
        shared.amount,
        shared.touch_number,
        shared.touches,
        shared.touched_at,
        shared.touch_kind,
        shared.record_id,
        shared.channel,
        shared.source,
        shared.campaign,
        {{ each_of(whole, "shared.MODEL") }},
        -- what rounding left over goes to the last touch; under each of these every touch has credit
        {{ each_of(divided, "shared.MODEL
        + case when shared.touch_number = shared.touches then 1 - sum(shared.MODEL) over of_conversion else 0 end
            as MODEL") }}
    from shared
    window of_conversion as (partition by shared.conversion_key)
),

money as (
    select
        credited.*,
        {{ each_of(divided, "trunc(credited.amount * 100 * credited.MODEL) as MODEL_kopecks") }},
        {{ each_of(divided, "round(credited.amount * 100)
        - sum(trunc(credited.amount * 100 * credited.MODEL)) over of_conversion as MODEL_left_over") }},
        {{ each_of(divided, "row_number() over (
            partition by credited.conversion_key
            order by
                abs(
                    credited.amount * 100 * credited.MODEL - trunc(credited.amount * 100 * credited.MODEL)
                ) desc,
                credited.touch_number asc
        ) as MODEL_rank") }}
    from credited
    window of_conversion as (partition by credited.conversion_key)
),

final as (
    select
        money.conversion_key,
        money.touch_number,
        money.touched_at,
        money.touch_kind,
        money.record_id,
        money.channel,
        money.source,
        money.campaign,
        {{ each_of(whole + divided, "money.MODEL") }},
        {{ each_of(whole, "round(money.amount * 100 * money.MODEL) / 100 as MODEL_amount") }},
        -- whole kopecks; those left over go to the largest remainders
        {{ each_of(divided, "(
            money.MODEL_kopecks
            + case when money.MODEL_rank <= abs(money.MODEL_left_over) then sign(money.MODEL_left_over) else 0 end
        ) / 100 as MODEL_amount") }}
    from money
    union all
    -- the only touch of a path has it all, whatever the model; most paths are of one, so they are spared the sorts
    select
        path.conversion_key,
        path.touch_number,
        path.touched_at,
        path.touch_kind,
        path.record_id,
        path.channel,
        path.source,
        path.campaign,
        {{ each_of(whole + divided, "round(1::numeric, 18) as MODEL") }},
        {{ each_of(whole + divided, "round(path.amount * 100) / 100 as MODEL_amount") }}
    from path
    where path.touches = 1
)

select * from final
