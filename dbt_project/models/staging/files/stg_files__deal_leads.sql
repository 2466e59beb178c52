-- One row per lead of a deal of the import files.
with

source as (
    select * from {{ source('files', 'deal_leads') }}
),

final as (
    select
        lead_id,
        deal_id,
        created_at,
        contact_id,
        phone,
        lower(email) as email,
        utm_source,
        utm_medium,
        utm_campaign,
        tags,
        phone_e164,
        'files'::text as source_system
    from source
)

select * from final
