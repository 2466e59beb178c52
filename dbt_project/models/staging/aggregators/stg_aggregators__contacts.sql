-- One row per request that an aggregator passed on. The aggregator is the source; the medium says what it is.
with

requests as (
    select * from {{ source('aggregators', 'requests') }}
),

final as (
    select
        'aggregators:' || request_id as contact_id,
        clinic_id,
        occurred_at,
        'aggregator'::text as kind,
        'inbound'::text as direction,
        phone,
        lower(email) as email,
        null::text as client_id,
        null::text[] as patient_ids,
        administrator_id,
        null::text as people_group,
        topic,
        null::text as how_learned,
        outcome,
        refusal_reason,
        null::boolean as is_answered,
        null::bigint as talk_seconds,
        null::text as called_address,
        aggregator as utm_source,
        'aggregator'::text as utm_medium,
        null::text as utm_campaign,
        null::text as utm_content,
        null::text as utm_term,
        null::text as click_id,
        null::text as referrer,
        page as landing_page,
        null::text as recording_url,
        tags,
        note,
        phone_e164,
        null::text as called_address_e164,
        'aggregators'::text as source_system
    from requests
)

select * from final
