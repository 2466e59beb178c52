-- One row per call or request that Calltouch saw. Calls and requests are numbered apart, so ids carry their kind.
-- Calltouch knows no outbound calls. The administrator's words, named patients among them, come from tags.
with

calls as (
    select * from {{ source('calltouch', 'calls') }}
),

requests as (
    select * from {{ source('calltouch', 'requests') }}
),

call_contacts as (
    select
        'calltouch:call:' || call_id as contact_id,
        clinic_id,
        occurred_at,
        'call'::text as kind,
        phone,
        null::text as email,
        ya_client_id as client_id,
        manager as administrator_id,
        people_group,
        topic,
        how_learned,
        patient_ids,
        outcome,
        refusal_reason,
        is_answered,
        talk_seconds,
        called_number as called_address,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_content,
        utm_term,
        referrer,
        url as landing_page,
        recording_url,
        tags,
        phone_e164,
        called_number_e164 as called_address_e164
    from calls
),

request_contacts as (
    select
        'calltouch:request:' || request_id as contact_id,
        clinic_id,
        occurred_at,
        kind,
        phone,
        lower(email) as email,
        ya_client_id as client_id,
        manager as administrator_id,
        people_group,
        topic,
        how_learned,
        patient_ids,
        outcome,
        refusal_reason,
        null::boolean as is_answered,
        null::bigint as talk_seconds,
        null::text as called_address,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_content,
        utm_term,
        referrer,
        url as landing_page,
        null::text as recording_url,
        tags,
        phone_e164,
        null::text as called_address_e164
    from requests
),

contacts as (
    select * from call_contacts
    union all
    select * from request_contacts
),

final as (
    select
        contact_id,
        clinic_id,
        occurred_at,
        kind,
        'inbound'::text as direction,
        phone,
        email,
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
        null::text as click_id,
        referrer,
        landing_page,
        recording_url,
        tags,
        null::text as note,
        phone_e164,
        called_address_e164,
        'calltouch'::text as source_system
    from contacts
)

select * from final
