-- One row per inquiry and touch with its credit under each touch model, side by side; the credits of an inquiry and model sum to
-- exactly 1. Formulas: reports.touch_weight. Rounded to 18 decimals, what is left over goes to the last touch. A lone touch has it all,
-- whatever the model; most paths are of one, so they are spared the sort. Refused: a row for each model, seven times as many to sort.
with

touches as not materialized (
    select * from {{ ref('int_inquiry_touches') }}
),

numbered as (
    select
        touches.*,
        first_value(touches.touch_number) over (
            partition by touches.inquiry_key order by touches.weight_class desc, touches.touch_number desc
        ) as last_non_direct
    from touches
    where touches.touches > 1
),

weighed as (
    select
        numbered.inquiry_key,
        numbered.touch_number,
        numbered.touches,
        numbered.channel,
        numbered.source,
        numbered.medium,
        numbered.campaign,
        -- the path of an inquiry ends where it is made and booked from: its last touch is inquiry and booking
        {{ each_of(touch_models(), "reports.touch_weight(
            'MODEL', numbered.touch_number, numbered.touches, numbered.last_non_direct,
            numbered.touches, numbered.touches, numbered.days_before
        ) as MODEL") }}
    from numbered
),

shared as (
    select
        weighed.inquiry_key,
        weighed.touch_number,
        weighed.touches,
        weighed.channel,
        weighed.source,
        weighed.medium,
        weighed.campaign,
        {{ each_of(whole_touch_models(), "round(weighed.MODEL, 18) as MODEL") }},
        {{ each_of(divided_touch_models(), "round(weighed.MODEL / sum(weighed.MODEL) over path, 18) as MODEL") }}
    from weighed
    window path as (partition by weighed.inquiry_key)
),

credited as (
    select
        shared.inquiry_key,
        shared.touch_number,
        shared.touches,
        shared.channel,
        shared.source,
        shared.medium,
        shared.campaign,
        {{ each_of(whole_touch_models(), "shared.MODEL") }},
        {{ each_of(divided_touch_models(), "shared.MODEL
        + case when shared.touch_number = shared.touches then 1 - sum(shared.MODEL) over path else 0 end as MODEL") }}
    from shared
    window path as (partition by shared.inquiry_key)
),

final as (
    select * from credited
    union all
    select
        touches.inquiry_key,
        touches.touch_number,
        touches.touches,
        touches.channel,
        touches.source,
        touches.medium,
        touches.campaign,
        {{ each_of(touch_models(), "round(1::numeric, 18) as MODEL") }}
    from touches
    where touches.touches = 1
)

select * from final
