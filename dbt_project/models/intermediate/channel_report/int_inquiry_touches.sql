-- One row per wants_to_book inquiry and touch that may get credit for it (RULES 12.15): the person's touches within 90 days
-- up to and including the contact that decides the inquiry's source, numbered in time.
with

inquiries as not materialized (
    select * from {{ ref('int_inquiries') }}
    where people_group = 'wants_to_book'
),

touches as (
    select * from {{ ref('fct_touches') }}
),

in_window as (
    select
        inquiries.inquiry_key,
        inquiries.deciding_contact_at,
        touches.touched_at,
        touches.touch_kind,
        touches.record_id,
        touches.channel,
        touches.source,
        touches.medium,
        touches.campaign,
        touches.is_known,
        -- the deciding contact closes the path even among touches of the same moment
        touches.touch_kind = 'contact' and touches.record_id = inquiries.deciding_contact_id as is_deciding
    from inquiries
    inner join touches
        on
            inquiries.person_key = touches.person_key
            and inquiries.deciding_contact_at >= touches.touched_at
            and inquiries.deciding_contact_at - {{ hours_of_days('lookback_days') }} <= touches.touched_at
    where
        inquiries.referral is null
        -- "touches with a source": an unknown one counts only as the contact that decides
        and (
            touches.is_known
            or (touches.touch_kind = 'contact' and touches.record_id = inquiries.deciding_contact_id)
        )
),

-- a referral's only touch is the referral, whatever its tags (RULES 12.11)
referred as (
    select
        inquiries.inquiry_key,
        inquiries.deciding_contact_at,
        inquiries.deciding_contact_at as touched_at,
        'contact' as touch_kind,
        inquiries.deciding_contact_id as record_id,
        inquiries.channel,
        inquiries.source,
        inquiries.medium,
        inquiries.campaign,
        true as is_known,
        true as is_deciding
    from inquiries
    where inquiries.referral is not null
),

touched as (
    select * from in_window
    union all
    select * from referred
),

final as (
    select
        touched.inquiry_key,
        touched.touch_kind,
        touched.record_id,
        touched.channel,
        touched.source,
        touched.medium,
        touched.campaign,
        extract(epoch from touched.deciding_contact_at - touched.touched_at)::numeric / 86400 as days_before,
        row_number() over (
            partition by touched.inquiry_key
            order by
                touched.touched_at asc, touched.is_deciding asc, touched.touch_kind desc, touched.record_id asc
        ) as touch_number,
        count(*) over (partition by touched.inquiry_key) as touches,
        -- direct is known, but gives way to any earlier known touch that is not direct; unknown gives way to both
        case when not touched.is_known then 0 when touched.channel = 'direct' then 1 else 2 end as weight_class
    from touched
)

select * from final
