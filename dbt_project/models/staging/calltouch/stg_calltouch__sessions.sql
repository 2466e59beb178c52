-- One row per site visit that led to a call or request. Visits that led to none are not told by Calltouch.
with

sessions as (
    select * from {{ source('calltouch', 'sessions') }}
),

final as (
    select
        'calltouch:session:' || session_id as session_id,
        client_id,
        started_at,
        site,
        url as landing_page,
        referrer,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_content,
        utm_term,
        null::text as click_id,
        null::text as phone,
        null::text as email,
        null::text as phone_e164,
        'calltouch'::text as source_system
    from sessions
)

select * from final
