-- One row per day, clinic, step of the way, source, administrator and manager: how many people's steps, and their money.
with

steps as not materialized (
    select * from {{ ref('client_path_steps') }}
),

final as (
    select
        md5(concat_ws(
            '|', steps.local_date, 'cl', steps.clinic_id, 'a', steps.administrator_id,
            'i', steps.inquiry_administrator_id, 'm', steps.manager_id, 'st', steps.step, 'ch', steps.channel,
            'so', steps.source, 'ca', steps.campaign
        )) as path_day_key,
        steps.local_date as day,
        steps.clinic_id,
        steps.administrator_id,
        steps.inquiry_administrator_id,
        steps.manager_id,
        steps.step,
        steps.channel,
        steps.source,
        steps.campaign,
        count(*)::bigint as steps,
        count(steps.amount)::bigint as steps_with_amount,
        coalesce(sum(steps.amount), 0) as amount
    from steps
    group by
        steps.local_date, steps.clinic_id, steps.administrator_id, steps.inquiry_administrator_id, steps.manager_id,
        steps.step, steps.channel, steps.source, steps.campaign
)

select * from final
-- days lie together, as they are read
order by final.day asc
