-- One row per site session of the import files.
with

source as (
    select * from {{ source('files', 'sessions') }}
),

final as (
    select
        session_id,
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
        click_id,
        phone,
        lower(email) as email,
        phone_e164,
        'files'::text as source_system
    from source
)

select * from final
