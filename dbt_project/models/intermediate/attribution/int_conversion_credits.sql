-- One row per model, conversion and touch of the default lookback that has credit for it, of the models that look at nobody else's
-- conversions. Credits of a conversion sum to exactly 1, its money to the kopeck. Shapley shares among campaigns; what a campaign
-- gets is split evenly among its touches of the path. A conversion without a known touch is one row of `unknown`.
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

models as (
    select *
    from (
        values
        ('first_touch'), ('last_touch'), ('last_non_direct'), ('linear'), ('position_based'), ('time_decay'),
        ('w_shaped'), ('shapley')
    ) as model (model)
),

-- the only touch of a path has it all, whatever the model; most paths are of one, so they are spared the sorts
lone as (
    select
        models.model,
        path.conversion_key,
        path.touch_number,
        path.touched_at,
        path.touch_kind,
        path.record_id,
        path.channel,
        path.source,
        path.campaign,
        round(1::numeric, 18) as credit,
        round(path.amount * 100) / 100 as amount
    from path
    cross join models
    where path.touches = 1
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
        models.model,
        parts.conversion_key,
        parts.amount,
        parts.touched_at,
        parts.touch_kind,
        parts.record_id,
        parts.channel,
        parts.source,
        parts.campaign,
        parts.touch_number,
        case
            when models.model = 'shapley' then 1::numeric / parts.touches_of_player
            else reports.touch_weight(
                models.model, parts.touch_number, parts.touches, parts.last_non_direct, parts.first_contact,
                parts.last_before_booking, parts.days_before
            )
        end as weight
    from parts
    cross join models
),

shared as (
    select
        weighed.*,
        round(
            weighed.weight / sum(weighed.weight) over (partition by weighed.model, weighed.conversion_key), 18
        ) as rounded_credit
    from weighed
    where weighed.weight > 0
),

credited as (
    select
        shared.*,
        -- what rounding left over goes to the last touch with credit
        shared.rounded_credit + case
            when shared.touch_number = max(shared.touch_number) over of_conversion
                then 1 - sum(shared.rounded_credit) over of_conversion
            else 0
        end as credit
    from shared
    window of_conversion as (partition by shared.model, shared.conversion_key)
),

money as (
    select
        credited.*,
        trunc(credited.amount * 100 * credited.credit) as kopecks,
        round(credited.amount * 100)
        - sum(trunc(credited.amount * 100 * credited.credit)) over (
            partition by credited.model, credited.conversion_key
        ) as left_over,
        row_number() over (
            partition by credited.model, credited.conversion_key
            order by
                abs(
                    credited.amount * 100 * credited.credit - trunc(credited.amount * 100 * credited.credit)
                ) desc,
                credited.touch_number asc
        ) as remainder_rank
    from credited
),

final as (
    select
        money.model,
        money.conversion_key,
        money.touch_number,
        money.touched_at,
        money.touch_kind,
        money.record_id,
        money.channel,
        money.source,
        money.campaign,
        money.credit,
        -- whole kopecks; those left over go to the largest remainders
        (money.kopecks + case when money.remainder_rank <= abs(money.left_over) then sign(money.left_over) else 0 end)
        / 100 as amount
    from money
    union all
    select
        lone.model,
        lone.conversion_key,
        lone.touch_number,
        lone.touched_at,
        lone.touch_kind,
        lone.record_id,
        lone.channel,
        lone.source,
        lone.campaign,
        lone.credit,
        lone.amount
    from lone
)

select * from final
