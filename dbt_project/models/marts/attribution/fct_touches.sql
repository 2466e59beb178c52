-- One row per person and touch: a site session or an inbound contact, with its source.
with

touches as (
    select * from {{ ref('int_touches') }}
),

contacts as (
    select * from {{ ref('int_contacts') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

final as (
    select
        md5(concat_ws('|', touches.touch_kind, touches.record_id, touches.person_key)) as touch_key,
        touches.person_key,
        contacts.clinic_id,
        touches.touched_at,
        coalesce(
            contacts.local_date, {{ local_date('touches.touched_at', 'settings.default_time_zone') }}
        ) as touched_date,
        touches.touch_kind,
        touches.record_id,
        touches.channel,
        touches.source,
        touches.medium,
        touches.campaign,
        touches.is_known,
        row_number() over (
            partition by touches.person_key
            order by touches.touched_at asc, touches.touch_kind desc, touches.record_id asc
        ) as touch_number
    from touches
    cross join settings
    left join contacts on touches.record_id = contacts.contact_id and touches.touch_kind = 'contact'
)

select * from final
