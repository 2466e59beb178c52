-- One row per site visit that UIS tells of. Empty unless the connection's `site_visits` says that nobody else counts them.
with

sessions as (
    select * from {{ source('uis', 'sessions') }}
),

final as (
    select
        'uis:session:' || session_id as session_id,
        client_id,
        started_at,
        site,
        landing_page,
        referrer,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_content,
        utm_term,
        -- The click that the page's address already carries is read from there, as for every source.
        case
            when landing_page ~ '[?&](yclid|gclid)=' then null
            when yclid is not null then 'yclid:' || yclid
            when gclid is not null then 'gclid:' || gclid
        end as click_id,
        null::text as phone,
        null::text as email,
        null::text as phone_e164,
        'uis'::text as source_system
    from sessions
)

select * from final
