-- One row per deal of a known person: the person's first inbound contact ever and the sessions before it, without the one it
-- was made in: the client's last, begun at most 30 minutes before (RULES 12.16). Days are those of the deal's clinic.
with

deals as (
    select * from {{ ref('int_deals') }}
    where person_key is not null
),

touches as not materialized (
    select * from {{ ref('fct_touches') }}
),

contacts as (
    select * from {{ ref('int_contacts') }}
),

session_sources as (
    select * from {{ ref('int_session_sources') }}
),

clinics as (
    select * from {{ ref('int_clinics_unioned') }}
),

settings as (
    select * from {{ ref('int_settings') }}
),

first_contacts as (
    select distinct on (touches.person_key)
        touches.person_key,
        touches.record_id as contact_id,
        touches.touched_at as contact_at
    from touches
    where touches.touch_kind = 'contact'
    order by touches.person_key asc, touches.touched_at asc, touches.record_id asc
),

starts as (
    select
        deals.deal_id,
        deals.clinic_id,
        deals.person_key,
        first_contacts.contact_at as first_contact_at,
        contacts.client_id,
        coalesce(first_contacts.contact_at, deals.created_at) as counted_until
    from deals
    left join first_contacts on deals.person_key = first_contacts.person_key
    left join contacts on first_contacts.contact_id = contacts.contact_id
),

sessions_before as (
    select
        starts.deal_id,
        starts.counted_until,
        touches.record_id as session_id,
        touches.touched_at,
        row_number() over (
            partition by starts.deal_id
            order by
                coalesce(starts.client_id = session_sources.client_id, false) desc,
                touches.touched_at desc, touches.record_id desc
        ) = 1
        and coalesce(starts.client_id = session_sources.client_id, false)
        and touches.touched_at >= starts.counted_until - interval '30 minutes' as is_contacts_own
    from starts
    inner join touches
        on
            starts.person_key = touches.person_key
            and touches.touch_kind = 'session'
            and starts.counted_until > touches.touched_at
    inner join session_sources on touches.record_id = session_sources.session_id
),

counted as (
    select
        sessions_before.deal_id,
        count(*) filter (where not sessions_before.is_contacts_own) as sessions_before_contact,
        min(sessions_before.touched_at) as first_session_at
    from sessions_before
    group by sessions_before.deal_id
),

final as (
    select
        starts.deal_id,
        starts.first_contact_at,
        least(counted.first_session_at, starts.first_contact_at) as first_touch_at,
        {{ local_date('starts.first_contact_at', 'coalesce(clinics.time_zone, settings.default_time_zone)') }}
            as first_contact_date,
        {{
            local_date(
                'least(counted.first_session_at, starts.first_contact_at)',
                'coalesce(clinics.time_zone, settings.default_time_zone)'
            )
        }} as first_touch_date,
        coalesce(counted.sessions_before_contact, 0) as sessions_before_contact
    from starts
    cross join settings
    left join counted on starts.deal_id = counted.deal_id
    left join clinics on starts.clinic_id = clinics.clinic_id
)

select * from final
