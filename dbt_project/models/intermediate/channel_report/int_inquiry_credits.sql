-- One row per attribution model, inquiry and touch with its credit; the credits of an inquiry sum to exactly 1.
-- Formulas: RULES section 2 and 12.15. Rounded to 18 decimals, what is left over goes to the last touch.
with

touches as (
    select * from {{ ref('int_inquiry_touches') }}
),

ranked as (
    select
        touches.*,
        row_number() over (
            partition by touches.inquiry_key order by touches.weight_class desc, touches.touch_number desc
        ) as last_non_direct_rank,
        -- half-life of 7 days
        power(2::numeric, -touches.days_before / 7) as decay,
        -- 40/20/40; one touch 1, two touches half each
        case
            when touches.touches = 1 then 1::numeric
            when touches.touches = 2 then 0.5
            when touches.touch_number in (1, touches.touches) then 0.4
            else 0.2 / (touches.touches - 2)
        end as position_weight,
        -- first touch 30, inquiry 30, booking 30, the rest 10: the path of an inquiry ends where it is made and booked from,
        -- so its last touch plays both parts; two touches share 30 : 60
        case
            when touches.touches = 1 then 1::numeric
            when touches.touches = 2 and touches.touch_number = 1 then 1::numeric / 3
            when touches.touches = 2 then 2::numeric / 3
            when touches.touch_number = 1 then 0.3
            when touches.touch_number = touches.touches then 0.6
            else 0.1 / (touches.touches - 2)
        end as w_weight
    from touches
),

weighed as (
    select
        ranked.inquiry_key,
        ranked.touch_number,
        ranked.touches,
        model.attribution_model,
        case model.attribution_model
            when 'first_touch' then (ranked.touch_number = 1)::int::numeric
            when 'last_touch' then (ranked.touch_number = ranked.touches)::int::numeric
            when 'last_non_direct' then (ranked.last_non_direct_rank = 1)::int::numeric
            when 'linear' then 1::numeric / ranked.touches
            when 'position_based' then ranked.position_weight
            when 'w_shaped' then ranked.w_weight
            when 'time_decay' then ranked.decay / sum(ranked.decay) over (
                partition by ranked.inquiry_key, model.attribution_model
            )
        end as weight
    from ranked
    cross join (
        values
        ('first_touch'), ('last_touch'), ('last_non_direct'), ('linear'), ('position_based'), ('time_decay'),
        ('w_shaped')
    ) as model (attribution_model)
),

rounded as (
    select
        weighed.inquiry_key,
        weighed.touch_number,
        weighed.touches,
        weighed.attribution_model,
        round(weighed.weight, 18) as credit,
        sum(round(weighed.weight, 18)) over (
            partition by weighed.inquiry_key, weighed.attribution_model
        ) as credit_sum
    from weighed
),

credited as (
    select
        rounded.attribution_model,
        rounded.inquiry_key,
        rounded.touch_number,
        rounded.credit
        + case when rounded.touch_number = rounded.touches then 1 - rounded.credit_sum else 0 end as credit
    from rounded
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
