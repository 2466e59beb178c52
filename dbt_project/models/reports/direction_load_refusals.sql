-- One row per day, clinic, line of work and reason: inquiries that were not booked and whose reason somebody wrote down.
with

inquiries as (
    select * from {{ ref('int_inquiries') }}
    where people_group = 'wants_to_book'
),

final as (
    select
        md5(concat_ws(
            '|', inquiries.local_date, inquiries.clinic_id, 'd', coalesce(inquiries.topic, 'unknown'),
            'r', inquiries.refusal_reason
        )) as refusal_key,
        inquiries.local_date as day,
        inquiries.clinic_id,
        coalesce(inquiries.topic, 'unknown') as direction,
        inquiries.refusal_reason,
        count(*) as refusals
    from inquiries
    where not inquiries.is_booked and inquiries.refusal_reason is not null
    group by
        inquiries.local_date, inquiries.clinic_id, coalesce(inquiries.topic, 'unknown'), inquiries.refusal_reason
)

select * from final
