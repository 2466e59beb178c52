-- One row per deal of the import files.
with

source as (
    select * from {{ source('files', 'deals') }}
),

final as (
    select
        deal_id,
        name,
        created_at,
        closed_at,
        created_via,
        pipeline,
        stage,
        stage_kind,
        amount,
        currency,
        manager_id,
        clinic_id,
        client_name,
        phone,
        lower(email) as email,
        contact_kind,
        utm_source,
        utm_medium,
        utm_campaign,
        first_request,
        tags,
        lost_reason,
        phone_e164,
        'files'::text as source_system
    from source
)

select * from final
