-- One row per contact of the import files.
with

source as (
    select * from {{ source('files', 'contacts') }}
),

final as (
    select
        contact_id,
        clinic_id,
        occurred_at,
        kind,
        direction,
        phone,
        lower(email) as email,
        client_id,
        patient_ids,
        administrator_id,
        people_group,
        topic,
        how_learned,
        outcome,
        refusal_reason,
        is_answered,
        talk_seconds,
        called_address,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_content,
        utm_term,
        click_id,
        referrer,
        landing_page,
        recording_url,
        tags,
        note,
        phone_e164,
        called_address_e164,
        'files'::text as source_system
    from source
)

select * from final
