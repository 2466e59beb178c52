-- One row per attribution model, inquiry and touch with its credit; the credits of an inquiry sum to exactly 1.
-- Formulas: reports.touch_weight. Rounded to 18 decimals, what is left over goes to the last touch. A lone touch has it all, whatever
-- the model; most paths are of one, so they are spared the sorts.
with

touches as not materialized (
    select * from {{ ref('int_inquiry_touches') }}
),

models as (
    select *
    from (
        values
        ('first_touch'), ('last_touch'), ('last_non_direct'), ('linear'), ('position_based'), ('time_decay'),
        ('w_shaped')
    ) as model (attribution_model)
),

lone as (
    select
        models.attribution_model,
        touches.inquiry_key,
        touches.touch_number,
        round(1::numeric, 18) as credit
    from touches
    cross join models
    where touches.touches = 1
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
        models.attribution_model,
        -- the path of an inquiry ends where it is made and booked from: its last touch is inquiry and booking
        reports.touch_weight(
            models.attribution_model, numbered.touch_number, numbered.touches, numbered.last_non_direct,
            numbered.touches, numbered.touches, numbered.days_before
        ) as weight
    from numbered
    cross join models
),

shared as (
    select
        weighed.*,
        round(
            weighed.weight / sum(weighed.weight) over (partition by weighed.inquiry_key, weighed.attribution_model), 18
        ) as credit
    from weighed
),

rounded as (
    select
        shared.*,
        sum(shared.credit) over (partition by shared.inquiry_key, shared.attribution_model) as credit_sum
    from shared
),

credited as (
    select
        rounded.attribution_model,
        rounded.inquiry_key,
        rounded.touch_number,
        rounded.credit
        + case when rounded.touch_number = rounded.touches then 1 - rounded.credit_sum else 0 end as credit
    from rounded
    union all
    select
        lone.attribution_model,
        lone.inquiry_key,
        lone.touch_number,
        lone.credit
    from lone
),

final as (
    select
        credited.attribution_model,
        credited.inquiry_key,
        credited.touch_number,
        touches.touch_kind,
        touches.record_id,
        touches.channel,
        touches.source,
        touches.medium,
        touches.campaign,
        credited.credit
    from credited
    inner join touches
        on credited.inquiry_key = touches.inquiry_key and credited.touch_number = touches.touch_number
    where credited.credit != 0
)

select * from final
